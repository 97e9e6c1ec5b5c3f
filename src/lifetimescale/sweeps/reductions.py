"""Reductions on the way: what is kept of scenarios that are too many to store, in parts that merge."""

import abc
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from lifetimescale.units import parse_number

Columns = Mapping[str, jax.Array]
State = dict[str, Any]  # arrays with an axis for each dimension that is kept apart, and what a reduction needs beside

# Quantiles come from counts in bins of equal width in the logarithm (DDSketch: Masson, Rim and Lee 2019, section 2).
ACCURACY = 0.005  # relative error of a quantile between LEAST and GREATEST
LEAST, GREATEST = 1e-12, 1e36
WIDTH = math.log((1 + ACCURACY) / (1 - ACCURACY))
BINS = math.ceil(math.log(GREATEST / LEAST) / WIDTH) + 2
MOST_COUNTS = 2**27  # numbers that are kept of all combinations
SMALL = 2.0**-40  # by which sums are scaled: those of many FLOPs, and all squares of them, leave float32
FOUND = "_found"
LANES = 64


class AbstractReduction(abc.ABC):
    """What is kept of one column, for every combination of the dimensions `by`, over all other dimensions.

    Scenarios without a plan, where the column is NaN, are left out.
    """

    of: str
    by: str | Sequence[str]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return (self.of,)

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the result."""

    @property
    def counts(self) -> int:
        """How many numbers are kept of each combination, at most."""
        return len(self.columns)

    @abc.abstractmethod
    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        """What is kept of some scenarios, the last axis of which is reduced; part of a compiled program."""

    @abc.abstractmethod
    def merge(self, first: State, second: State) -> State:
        """What is kept of two sets of scenarios together."""

    @abc.abstractmethod
    def finish(self, state: State) -> dict[str, np.ndarray]:
        """The columns of the result."""


@dataclasses.dataclass(frozen=True)
class Summary(AbstractReduction):
    """Count, mean, standard deviation, least and greatest of a column.

    Parts merge by the formulas of Chan, Golub and LeVeque (1983).

    Args:
        of: an output, or a column of the scenarios.
        by: the dimensions whose combinations are kept apart; none gives one summary of all scenarios.
    """

    of: str
    by: str | Sequence[str] = ()

    def __post_init__(self):
        _as_names(self, "by")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("count", "mean", "deviation", "least", "greatest")

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        value = _floating(columns[self.of])
        count = jnp.sum(valid, axis=-1)
        share = 1 / jnp.maximum(count, 1).astype(value.dtype)
        mean = jnp.sum(jnp.where(valid, value, 0) * SMALL, axis=-1) * share / SMALL
        distance = jax.lax.optimization_barrier(jnp.where(valid, value - mean[..., None], 0) * SMALL)
        most = jnp.max(jnp.abs(distance), axis=-1)
        squares = jnp.sum((distance / jnp.where(most > 0, most, 1)[..., None]) ** 2, axis=-1)
        return {
            "count": count,
            "mean": mean,
            "deviation": most * jnp.sqrt(squares * share) / SMALL,
            "least": jnp.min(jnp.where(valid, value, jnp.inf), axis=-1),
            "greatest": jnp.max(jnp.where(valid, value, -jnp.inf), axis=-1),
        }

    def merge(self, first: State, second: State) -> State:
        count = first["count"] + second["count"]
        share = second["count"] / np.maximum(count, 1)
        distance = second["mean"] - first["mean"]
        within = (1 - share) * first["deviation"] ** 2 + share * second["deviation"] ** 2
        return {
            "count": count,
            "mean": first["mean"] + distance * share,
            "deviation": np.sqrt(within + share * (1 - share) * distance**2),
            "least": np.minimum(first["least"], second["least"]),
            "greatest": np.maximum(first["greatest"], second["greatest"]),
        }

    def finish(self, state: State) -> dict[str, np.ndarray]:
        some = state["count"] > 0
        columns = {name: np.where(some, state[name], np.nan) for name in self.columns[1:]}
        return {"count": state["count"]} | columns


@dataclasses.dataclass(frozen=True)
class Quantiles(AbstractReduction):
    """Quantiles of a column, to within 0.5 % where they lie between 1e-12 and 1e36; below, the least of all.

    Args:
        of: an output, or a column of the scenarios.
        probabilities: each in [0, 1]; the columns are p5, p50, p95.
        by: the dimensions whose combinations are kept apart; each combination takes 11,000 counts.
    """

    of: str
    probabilities: float | int | Sequence[float | int | str] = (0.05, 0.5, 0.95)
    by: str | Sequence[str] = ()

    def __post_init__(self):
        _as_names(self, "by")
        given = self.probabilities if isinstance(self.probabilities, list | tuple) else [self.probabilities]
        shares = tuple(parse_number(share) if isinstance(share, str) else share for share in given)
        if not shares or not all(isinstance(share, float | int) and 0 <= share <= 1 for share in shares):
            raise ValueError(f"probabilities {self.probabilities} are out of range: give numbers from 0 to 1")
        object.__setattr__(self, "probabilities", shares)
        if len(set(self.columns)) <= len(shares):
            raise ValueError(f"probabilities {self.probabilities} are not all different: give each once")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("count", *(f"p{100 * share:.12g}" for share in self._shares))

    @property
    def counts(self) -> int:
        return BINS

    @property
    def _shares(self) -> tuple[float, ...]:
        return tuple(map(float, self.probabilities))  # pyright: ignore[reportArgumentType]

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        value = _floating(columns[self.of])
        place = jnp.floor((jnp.log(jnp.maximum(value, LEAST)) - math.log(LEAST)) / WIDTH) + 1
        place = jnp.where(value > LEAST, jnp.clip(place, 1, BINS - 1), 0).astype(jnp.int32)
        groups, lanes = math.prod(value.shape[:-1]), _lanes(math.prod(value.shape[:-1]))
        lane = jnp.arange(value.shape[-1], dtype=jnp.int32)[None, :] % lanes
        row = lanes * jnp.arange(groups, dtype=jnp.int32)[:, None] + lane
        place = jnp.where(valid, place, groups * lanes * BINS).reshape(groups, -1) + BINS * row
        counts = jnp.zeros(groups * lanes * BINS, jnp.int32).at[place.reshape(-1)].add(1, mode="drop")
        return {
            "counts": jnp.sum(counts.reshape(*value.shape[:-1], lanes, BINS), axis=-2),
            "least": jnp.min(jnp.where(valid, value, jnp.inf), axis=-1),
            "greatest": jnp.max(jnp.where(valid, value, -jnp.inf), axis=-1),
        }

    def merge(self, first: State, second: State) -> State:
        return {
            "counts": first["counts"] + second["counts"],
            "least": np.minimum(first["least"], second["least"]),
            "greatest": np.maximum(first["greatest"], second["greatest"]),
        }

    def finish(self, state: State) -> dict[str, np.ndarray]:
        cumulative = np.cumsum(state["counts"], axis=-1, dtype=np.int64)
        count = cumulative[..., -1]
        found = {"count": count}
        for name, share in zip(self.columns[1:], self._shares, strict=True):
            rank = np.floor(share * np.maximum(count - 1, 0)).astype(np.int64)
            place = np.sum(cumulative <= rank[..., None], axis=-1)
            # the middle of the bin in the sense that the relative error is the same towards both of its ends
            middle = LEAST * np.exp(WIDTH * (place - 1)) * (1 + ACCURACY)
            value = np.where(place > 0, middle, state["least"])
            with np.errstate(invalid="ignore"):
                value = np.clip(value, state["least"], state["greatest"])
            found[name] = np.where(count > 0, value, np.nan)
        return found


def _lanes(groups: int) -> int:
    """How many sets of counts are kept of a group and added up: accelerators wait where many count into one place."""
    return 1 if jax.default_backend() == "cpu" else max(1, min(LANES, MOST_COUNTS // (groups * BINS)))


@dataclasses.dataclass(frozen=True)
class Least(AbstractReduction):
    """The least of a column and the scenario that has it: the best of alternatives, chips, or draws.

    Args:
        of: an output, `total` say.
        by: the dimensions whose combinations are kept apart.
        keep: the columns to keep of that scenario: outputs, and columns of the scenarios.
    """

    of: str
    by: str | Sequence[str] = ()
    keep: str | Sequence[str] = ()

    def __post_init__(self):
        _as_names(self, "by", "keep")

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.of, *self.keep)))

    @property
    def columns(self) -> tuple[str, ...]:
        return self.reads

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        value = _floating(columns[self.of])
        least = jnp.min(jnp.where(valid, value, jnp.inf), axis=-1, keepdims=True)
        place = jnp.argmax(valid & (value == least), axis=-1, keepdims=True)
        kept = {name: jnp.take_along_axis(columns[name], place, axis=-1)[..., 0] for name in self.reads}
        return {FOUND: jnp.any(valid, axis=-1)} | kept

    def merge(self, first: State, second: State) -> State:
        better = second[FOUND] & (~first[FOUND] | (second[self.of] < first[self.of]))
        merged = {name: np.where(better, second[name], first[name]) for name in self.reads}
        return {FOUND: first[FOUND] | second[FOUND]} | merged

    def finish(self, state: State) -> dict[str, np.ndarray]:
        return {name: np.where(state[FOUND], state[name], _missing(state[name])) for name in self.reads}


def _as_names(reduction: AbstractReduction, *fields: str) -> None:
    """Names given as a list, or one alone, as a tuple."""
    if not isinstance(reduction.of, str):
        raise ValueError(f"of = {reduction.of!r} is no name of a column: write it like of = 'total'")
    for field in fields:
        given = getattr(reduction, field)
        names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list | tuple) else (given,)
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"{field} = {given!r} are not different names: write them like {field} = ['loss']")
        object.__setattr__(reduction, field, names)


def _floating(value: jax.Array) -> jax.Array:
    """Numbers that can be summed: a status as well, in the floating type of the session."""
    return value if value.dtype in (jnp.float32, jnp.float64) else value.astype(float)


def _missing(column: np.ndarray) -> float | int:
    return np.nan if np.issubdtype(column.dtype, np.floating) else 0
