"""The results of a sweep along its dimensions."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lifetimescale.plots.drawing import COLOURS, DASHES, axes_of, label, logarithmic
from lifetimescale.sensitivity.text import amount
from lifetimescale.sweeps import Results

LINES = 5
DECADES = 1.0  # what spans more is drawn on a logarithmic axis


def sweep(results: Results, ax: Axes | None = None, *, output: str = "params", along: str | None = None) -> Axes:
    """An output of a sweep along one of its columns: a line for each of a few values of the other dimension.

    Args:
        results: of one or two dimensions.
        ax: where to draw; new axes by default.
        output: the column to draw.
        along: the scenarios' column on the x axis; the first by default. One that does not rise is drawn as points.

    Raises:
        ValueError: there is no such column, or there are more than two dimensions.
    """
    named = {name: (dimension, np.asarray(values)) for name, (dimension, values) in results.coordinates.items()}
    along = next(iter(named)) if along is None else along
    for name, known in ((output, results.columns), (along, named)):
        if name not in known:
            raise ValueError(f"there is no column {name!r}: there are {', '.join(known)}")
    if len(results.shape) > 2:
        raise ValueError(f"a sweep of {len(results.shape)} dimensions has no one picture: draw a slice of two of them")
    dimension, x = named[along]
    values = np.moveaxis(np.asarray(results[output]), [*results.dimensions].index(dimension), 0).reshape(len(x), -1)
    others = {name: values for name, (other, values) in named.items() if other != dimension}
    ax, rises = axes_of(ax), bool((np.diff(x) > 0).all())
    for place, column in enumerate(_spread(values.shape[1])):
        name = ", ".join(f"{name} {amount(float(each[column]))}" for name, each in others.items())
        dash, mark = (DASHES[place], "") if rises else ("", ".")
        ax.plot(x, values[:, column], color=COLOURS[place], label=name or None, linestyle=dash, marker=mark, lw=1.8)
    units = {name: f" ({unit})" for name, unit in results.units.items() if unit and unit[:5] != name[:5]}
    label(ax, title=f"{output} by {' and '.join([along, *others])}", x=along + units.get(along, ""),
          y=output + units.get(output, ""))  # fmt: skip
    for axis, numbers in ((ax.xaxis, x), (ax.yaxis, values)):
        if _is_wide(numbers):
            logarithmic(axis)
        else:
            axis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    if others:
        ax.legend(fontsize=8.5)
    return ax


def _spread(count: int) -> np.ndarray:
    """Up to so many places that lines can be told apart, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, LINES)).round().astype(int))


def _is_wide(numbers: np.ndarray) -> bool:
    finite = numbers[np.isfinite(numbers)]
    return finite.size > 0 and finite.min() > 0 and bool(np.log10(finite.max() / finite.min()) > DECADES)
