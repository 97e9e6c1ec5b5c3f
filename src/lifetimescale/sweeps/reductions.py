"""Reductions on the way: what is kept of scenarios that are too many to store, in parts that merge."""

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

Columns = Mapping[str, jax.Array]
State = dict[str, Any]  # arrays with an axis for each dimension that is kept apart, and what a reduction needs beside

# Quantiles come from counts in bins of equal width in the logarithm (DDSketch: Masson, Rim and Lee 2019, section 2).
ACCURACY = 0.005  # relative error of a quantile between LEAST and GREATEST
LEAST, GREATEST = 1e-12, 1e36
WIDTH = math.log((1 + ACCURACY) / (1 - ACCURACY))
BINS = math.ceil(math.log(GREATEST / LEAST) / WIDTH) + 2
MOST_COUNTS = 2**27
LANES = 64


class AbstractReduction(abc.ABC):
    """What is kept of one column, for every combination of the dimensions `by`, over all other dimensions.

    Scenarios without a plan, where the column is NaN, are left out.
    """

    of: str
    by: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return (self.of,)

    def check(self, groups: int) -> None:  # noqa: B027, most need no check
        """Raise ValueError if it takes too much for so many groups."""

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
    by: tuple[str, ...] = ()

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        value = columns[self.of]
        count = jnp.sum(valid, axis=-1)
        mean = jnp.sum(jnp.where(valid, value, 0), axis=-1) / jnp.maximum(count, 1).astype(value.dtype)
        distance = jnp.where(valid, value - mean[..., None], 0)
        most = jnp.max(jnp.abs(distance), axis=-1)  # by which it is divided, as squares of FLOPs leave float32
        squares = jnp.sum((distance / jnp.where(most > 0, most, 1)[..., None]) ** 2, axis=-1)
        return {
            "count": count,
            "mean": mean,
            "deviation": most * jnp.sqrt(squares / jnp.maximum(count, 1).astype(value.dtype)),
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
        columns = {name: state[name] for name in ("mean", "deviation", "least", "greatest")}
        return {"count": state["count"]} | {name: np.where(some, column, np.nan) for name, column in columns.items()}


@dataclasses.dataclass(frozen=True)
class Quantiles(AbstractReduction):
    """Quantiles of a column, to within 0.5 % where they lie between 1e-12 and 1e36; below, the least of all.

    Args:
        of: an output, or a column of the scenarios.
        probabilities: each in [0, 1]; the columns are p5, p50, p95.
        by: the dimensions whose combinations are kept apart; each combination takes 11,000 counts.
    """

    of: str
    probabilities: tuple[float, ...] = (0.05, 0.5, 0.95)
    by: tuple[str, ...] = ()

    def check(self, groups: int) -> None:
        if not self.probabilities or not all(0 <= share <= 1 for share in self.probabilities):
            raise ValueError(f"probabilities {self.probabilities} are out of range: give numbers from 0 to 1")
        if groups * BINS > MOST_COUNTS:
            raise ValueError(
                f"quantiles of {self.of} by {groups:,} combinations are too many: give at most {MOST_COUNTS // BINS:,}"
            )

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        value = columns[self.of]
        place = jnp.floor(jnp.log(jnp.maximum(value, LEAST) / LEAST) / WIDTH) + 1
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
        for share in self.probabilities:
            rank = np.floor(share * np.maximum(count - 1, 0)).astype(np.int64)
            place = np.sum(cumulative <= rank[..., None], axis=-1)
            # the middle of the bin in the sense that the relative error is the same towards both of its ends
            middle = LEAST * np.exp(WIDTH * (place - 1)) * (1 + ACCURACY)
            value = np.where(place > 0, middle, state["least"])
            with np.errstate(invalid="ignore"):
                value = np.clip(value, state["least"], state["greatest"])
            found[f"p{100 * share:g}"] = np.where(count > 0, value, np.nan)
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
    by: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.of, *self.keep)))

    def part(self, columns: Columns, valid: Bool[Array, "*by rest"]) -> dict[str, jax.Array]:
        place = jnp.argmin(jnp.where(valid, columns[self.of], jnp.inf), axis=-1, keepdims=True)
        kept = {name: jnp.take_along_axis(columns[name], place, axis=-1)[..., 0] for name in self.reads}
        return {"found": jnp.any(valid, axis=-1)} | kept

    def merge(self, first: State, second: State) -> State:
        better = second["found"] & (~first["found"] | (second[self.of] < first[self.of]))
        merged = {name: np.where(better, second[name], first[name]) for name in self.reads}
        return {"found": first["found"] | second["found"]} | merged

    def finish(self, state: State) -> dict[str, np.ndarray]:
        return {name: np.where(state["found"], state[name], _missing(state[name])) for name in self.reads}


def _missing(column: np.ndarray) -> float | int:
    return np.nan if np.issubdtype(column.dtype, np.floating) else 0
