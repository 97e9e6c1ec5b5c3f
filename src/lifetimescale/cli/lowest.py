"""The lowest loss or cost that there is, found without a plan: what to say where no plan exists."""

from typing import Any, NamedTuple

import numpy as np

POINTS = 9
ROUNDS = 12  # 300 decades come down to a part in 1e4 of one, and the least in them to the square of that
ENDLESS = 1e300

Sizes = dict[str, tuple[float, float]]
Columns = dict[str, np.ndarray]

USUAL: Sizes = {"params": (1e9, 1e9), "tokens": (1e10, 1e10)}


class Lowest(NamedTuple):
    """A least value, NaN where there is none, and the values of the design variables that it depends on."""

    value: float
    design: dict[str, float]


def lowest(function: Any, sizes: Sizes, design: dict[str, Any]) -> Lowest:
    """The least of a law or of a cost over params and tokens and a design.

    Every continuous number is on a grid, and then on a finer one around the best of it, again and again.

    Args:
        function: the law or the cost.
        sizes: from where to where params and tokens may lie.
        design: a number or a choice of each design variable.
    """
    from lifetimescale.design import Between, Same

    ties = {name: choice.name for name, choice in design.items() if isinstance(choice, Same)}
    searched = {name: (float(one.least), float(one.most)) for name, one in design.items() if isinstance(one, Between)}
    ranges = sizes | searched
    grid = {name: _spaced(*ends) for name, ends in ranges.items()}
    grid |= {name: _listed(choice) for name, choice in design.items() if name not in searched | ties}
    columns, values = grid, _values(function, grid, ties)
    for _ in range(ROUNDS):
        place = _place(values)
        finer = {name: _around(columns[name], place[axis]) for axis, name in enumerate(columns) if name in ranges}
        columns = columns | finer
        values = _values(function, columns, ties)
    place = _place(values)
    best = {name: columns[name][[place[axis]]] for axis, name in enumerate(columns)}
    named = [name for name in grid if _depends(_values(function, best | {name: grid[name]}, ties))]
    chosen = {name: float(best[ties.get(name, name)][0]) for name in design if ties.get(name, name) in named}
    return Lowest(float(values[place]) if np.isfinite(values[place]) else np.nan, chosen)


def _place(values: np.ndarray) -> tuple[int, ...]:
    """Where the least of an array is."""
    return tuple(int(index) for index in np.unravel_index(np.argmin(values), values.shape))


def sizes_of(function: Any, problem: Any) -> Sizes:
    """Where the params and tokens of the problem of a plan may lie, as far as that matters for the least.

    A law falls unless it turns, and a cost grows.
    """
    from lifetimescale.laws import AbstractLaw
    from lifetimescale.leaves import inexact

    bounds = problem.bounds
    ends = {name: (0.0, np.inf) if bounds is None else getattr(bounds, name) for name in ("params", "tokens")}
    if problem.params is not None:
        ends["params"] = (problem.params, problem.params)
    pairs = {name: (float(least), min(float(most), ENDLESS)) for name, (least, most) in ends.items()}
    if not isinstance(function, AbstractLaw):
        return {name: (least, least) for name, (least, _) in pairs.items()}
    if function.at(dict.fromkeys(problem.design, inexact(1.0))).turns:
        return {name: (max(least, 1.0), most) for name, (least, most) in pairs.items()}
    return {name: (most, most) for name, (_, most) in pairs.items()}


def _listed(choice: Any) -> np.ndarray:
    return np.asarray([float(number) for number in getattr(choice, "choices", [choice])])


def _spaced(least: float, most: float) -> np.ndarray:
    """From end to end, in equal ratios where it does not begin at 0."""
    if least == most:
        return np.asarray([least])
    return np.geomspace(least, most, POINTS) if least > 0 else np.linspace(least, most, POINTS)


def _around(column: np.ndarray, index: int) -> np.ndarray:
    """A finer grid between the neighbours of a point."""
    return _spaced(float(column[max(index - 1, 0)]), float(column[min(index + 1, len(column) - 1)]))


def _values(function: Any, columns: Columns, ties: dict[str, str]) -> np.ndarray:
    """Of every combination, inf where there is none."""
    shape = [len(column) for column in columns.values()]
    meshed = [column.ravel() for column in np.meshgrid(*columns.values(), indexing="ij")]
    named = dict(zip(columns, meshed, strict=True))
    params, tokens = named.pop("params"), named.pop("tokens")
    values = np.asarray(function(params, tokens, named | {name: named[of] for name, of in ties.items()}))
    return np.where(np.isfinite(values), values, np.inf).reshape(shape)


def _depends(values: np.ndarray) -> bool:
    """Whether the values that there are change with a variable, or it has one place, which is given."""
    there = values[np.isfinite(values)]
    return values.size == 1 or (there.size > 0 and not np.allclose(there.max(), there.min(), rtol=1e-12, atol=0))
