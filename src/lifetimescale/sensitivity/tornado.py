"""A tornado: an output of a plan at both ends of the range of each number, all others as they are."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lifetimescale.leaves import Leaf
from lifetimescale.sensitivity.text import amount, by_size, table
from lifetimescale.sensitivity.variation import varied
from lifetimescale.sweeps import Planner, pick
from lifetimescale.units import parse_number

WIDTH = 32  # characters of a bar from end to end


@dataclasses.dataclass(frozen=True)
class Tornado:
    """An output at both ends of the range of each number, by falling distance between the two.

    Args:
        output: what it is.
        value: the output with all numbers as they are.
        ranges: the low and the high end of each number.
        ends: the output at the low and at the high end; NaN where there is no plan.
    """

    output: str
    value: float
    ranges: Mapping[str, tuple[float, float]]
    ends: Mapping[str, tuple[float, float]]

    @property
    def swings(self) -> dict[str, float]:
        """How far apart the output is at the two ends of each number."""
        return {name: abs(high - low) for name, (low, high) in self.ends.items()}

    def __str__(self) -> str:
        rows = [
            [name, *map(amount, self.ranges[name]), *map(amount, ends), self._bar(ends)]
            for name, ends in self.ends.items()
        ]
        heads = ["", "low", "high", f"{self.output} at low", "at high", "".ljust(WIDTH)]
        return f"{self.output}: {amount(self.value)} as it is\n{table([heads, *rows])}"

    def _bar(self, ends: tuple[float, float]) -> str:
        """From end to end, on one scale for all, with a mark where the output is now."""
        known = [value for pair in (*self.ends.values(), (self.value,)) for value in pair if math.isfinite(value)]
        if not all(map(math.isfinite, (*ends, self.value))) or min(known) == max(known):
            return " " * WIDTH
        places = [
            round((WIDTH - 1) * (value - min(known)) / (max(known) - min(known))) for value in (*ends, self.value)
        ]
        low, high, mark = min(places[:2]), max(places[:2]), places[2]
        return "".join("|" if k == mark else "=" if low <= k <= high else " " for k in range(WIDTH))


def tornado(planner: Planner, ranges: Mapping[str, Any], *, output: str = "total") -> Tornado:
    """An output of a plan at the low and at the high end of each of some numbers, all else as it is.

    Args:
        planner: of one scenario.
        ranges: the ends of each number by its name, which is one of `planner.names` or of what is given; numbers, or
            texts like "5%" and "2T".
        output: a name as in `sweep`.

    Raises:
        ValueError: a name, a range or the output cannot be, or the planner has many scenarios.

    >>> import lifetimescale as lts
    >>> planner = lts.Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9)
    >>> found = tornado(planner, {"inference_tokens": ("1T", "4T"), "like": (12e9, 14e9)}, output="params")
    >>> for name, (low, high) in found.ends.items():
    ...     print(f"{name} {low:.2e} {high:.2e}")
    inference_tokens 8.32e+09 5.78e+09
    like 6.27e+09 7.68e+09
    """
    if not ranges:
        raise ValueError('there are no ranges: give at least one, like {"inference_tokens": ("1T", "4T")}')
    if any(leaf.ndim for leaf in jax.tree.leaves((planner.law, planner.cost, planner.given))):
        raise ValueError("a tornado is of one scenario, and the planner has arrays in it: give it single numbers")
    read = {name: _range(name, ends) for name, ends in ranges.items()}
    value, *flat = map(float, _values(planner, jnp.asarray(np.asarray([*read.values()]), float), (*read,), output))
    ends = dict(zip(read, zip(flat[::2], flat[1::2], strict=True), strict=True))
    order = by_size({name: high - low for name, (low, high) in ends.items()})
    return Tornado(output, value, {name: read[name] for name in order}, {name: ends[name] for name in order})


@functools.partial(jax.jit, static_argnames=("names", "output"))
def _values(planner: Planner, ends: Leaf, names: tuple[str, ...], output: str) -> Leaf:
    """The output as it is, and at the low and the high end of each number, in one batch."""

    def at_ends(place: int, value: Leaf) -> Leaf:
        everywhere = jnp.full(1 + ends.size, value)
        return everywhere.at[1 + 2 * place : 3 + 2 * place].set(ends[place].astype(value.dtype))

    plans = varied(planner, {name: functools.partial(at_ends, place) for place, name in enumerate(names)})()
    value = pick(plans, output)
    return jnp.broadcast_to(value, plans.params.shape).astype(float)


def _range(name: str, ends: Any) -> tuple[float, float]:
    try:
        low, high = (parse_number(end) if isinstance(end, str) else float(end) for end in ends)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: {ends!r} is no range: give a low and a high end, like (1e12, 4e12) ({error})"
        ) from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name}: {ends!r} has an end that is not finite: give numbers")
    if low > high:
        raise ValueError(f"{name}: {low:g} is above {high:g}: give the low end first")
    return low, high
