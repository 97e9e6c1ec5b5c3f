"""Blocks of scenarios: the numbers that vary together along one dimension."""

import abc
import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from lifetimescale.scenarios.product import Scenarios
from lifetimescale.units import is_whole, parse_count, parse_number

Values = str | Sequence[Any] | ArrayLike
"""The values of an axis: "1.8:2.6:500", "1e9:1e15:1000:log", a list of numbers or of their texts, or an array."""


MOST_VALUES = 10**8


class AbstractBlock(abc.ABC):
    """Columns of numbers along one dimension of the scenarios, which has a name and a size."""

    dimension: str
    size: int

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""

    @abc.abstractmethod
    def rows(self, start: int, stop: int) -> Any:
        """What `columns` makes some rows of: arrays on the host, each with these rows along its first axis."""

    @abc.abstractmethod
    def columns(self, rows: Any) -> dict[str, jax.Array]:
        """The columns of some rows; part of a compiled program."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """All that the columns depend on, as JSON."""


@dataclasses.dataclass(frozen=True, eq=False)
class Columns(AbstractBlock):
    """Given numbers."""

    dimension: str
    size: int
    values: Mapping[str, np.ndarray]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.values)

    def rows(self, start: int, stop: int) -> dict[str, np.ndarray]:
        return {name: column[start:stop] for name, column in self.values.items()}

    def columns(self, rows: Any) -> dict[str, jax.Array]:
        return {name: jnp.asarray(column, dtype=float) for name, column in rows.items()}

    def describe(self) -> dict[str, Any]:
        columns = {name: _described(column) for name, column in self.values.items()}
        return {"dimension": self.dimension, "rows": self.size, "columns": columns}


def grid(axes: Mapping[str, Values]) -> Scenarios:
    """Every combination of the values of some axes; the last of them varies fastest.

    Args:
        axes: the values of each by name: "low:high:count" (evenly spaced, both ends included), "low:high:count:log"
            (evenly spaced in the logarithm), a list, or an array of one dimension.

    Raises:
        ValueError: there are no axes, or no values, or they are not numbers; the message says which.

    >>> scenarios = grid({"loss": "1.8:2.6:5", "inference_tokens": "1e9:1e15:7:log"})
    >>> scenarios.size, scenarios.shape
    (35, (5, 7))
    """
    if not axes:
        raise ValueError('there are no axes: give at least one, like {"inference_tokens": "1e9:1e15:1000:log"}')
    return Scenarios(tuple(_columns(name, {name: _values(name, given)}) for name, given in axes.items()))


def table(columns: Mapping[str, Values], *, dimension: str = "row") -> Scenarios:
    """The rows of a table, each a scenario: all columns vary together.

    Args:
        columns: the values of each by name, of equal numbers; as the axes of `grid`.
        dimension: a name for the rows.

    Raises:
        ValueError: there are no columns, or they differ in length, or are not numbers; the message says which.
    """
    if not columns:
        raise ValueError('there are no columns: give at least one, like {"inference_tokens": [1e12, 2e12]}')
    values = {name: _values(name, given) for name, given in columns.items()}
    sizes = {name: len(column) for name, column in values.items()}
    if len(set(sizes.values())) > 1:
        lengths = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"the columns of a table have one value for every row, but these have {lengths}")
    return Scenarios((_columns(dimension, values),))


def _columns(dimension: str, values: dict[str, np.ndarray]) -> Columns:
    return Columns(dimension, len(next(iter(values.values()))), values)


def _values(name: str, given: Values) -> np.ndarray:
    try:
        values = _read(given) if isinstance(given, str) else _listed(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name}: give one value or more in a flat list, not an array of shape {values.shape}")
    return values


def _listed(given: Any) -> np.ndarray:
    if isinstance(given, Sequence):
        given = [parse_number(value) if isinstance(value, str) else value for value in given]
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{given!r} are not all numbers: write them like 2e12, or as texts like 2T or 50%") from None


def _read(text: str) -> np.ndarray:
    words = [word.strip() for word in text.split(":")]
    if len(words) not in (3, 4) or words[3:] not in ([], ["log"], ["linear"]):
        raise ValueError(f"{text!r} is no axis: write it like 1.8:2.6:500, 1e9:1e15:1000:log or a list [1e9, 1e12]")
    low, high, count = parse_number(words[0]), parse_number(words[1]), parse_count(words[2])
    if not is_whole(count) or not 1 <= count <= MOST_VALUES:
        raise ValueError(f"{text!r} has {words[2]} values: give a whole number from 1 to 1e8, and two axes for more")
    if words[3:] != ["log"]:
        return np.linspace(low, high, int(count))
    if min(low, high) <= 0:
        raise ValueError(f"{text!r} has a logarithm of 0 or of less: give ends above 0, or leave out :log")
    return np.geomspace(low, high, int(count))


def _described(values: np.ndarray) -> dict[str, Any]:
    ends = [value if math.isfinite(value) else str(value) for value in map(float, (values[0], values[-1]))]
    return {"first": ends[0], "last": ends[1], "sha256": hashlib.sha256(values.tobytes()).hexdigest()}
