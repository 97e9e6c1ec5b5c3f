"""Distributions that scenarios are drawn from, each by its quantile function."""

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from lifetimescale.units import is_whole, parse_number


class AbstractDistribution(abc.ABC):
    """A distribution of one number."""

    @abc.abstractmethod
    def quantile(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        """The value below which a share, in (0, 1), of all draws lies."""


@dataclasses.dataclass(frozen=True)
class Uniform(AbstractDistribution):
    """q(u) = low + (high - low) u."""

    low: float | int
    high: float | int

    def __post_init__(self):
        _check_finite(self, self.low, self.high)

    def quantile(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.low + (self.high - self.low) * share


@dataclasses.dataclass(frozen=True)
class LogUniform(AbstractDistribution):
    """q(u) = low (high/low)^u: uniform in the logarithm, for 0 < low, high."""

    low: float | int
    high: float | int

    def __post_init__(self):
        _check_finite(self, self.low, self.high)
        if min(self.low, self.high) <= 0:
            raise ValueError(f"{self} has a logarithm of 0 or of less: give numbers above 0")

    def quantile(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        low, high = jnp.log(jnp.asarray((self.low, self.high), share.dtype))
        return jnp.exp(low + (high - low) * share)


@dataclasses.dataclass(frozen=True)
class LogNormal(AbstractDistribution):
    """q(u) = median spread^z(u), z the normal quantiles: 68 % lie within a factor `spread` of the median.

    Args:
        median: > 0.
        spread: >= 1, the standard deviation of the logarithm as a factor, so that 3 is "within a factor of 3".
    """

    median: float | int
    spread: float | int

    def __post_init__(self):
        _check_finite(self, self.median, self.spread)
        if self.median <= 0:
            raise ValueError(f"{self} has a logarithm of 0 or of less: give a median above 0")
        if self.spread < 1:
            raise ValueError(f"{self} has a spread below 1: it is a factor, 3 for within a factor of 3")

    def quantile(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.median * jnp.exp(jnp.log(jnp.asarray(self.spread, share.dtype)) * ndtri(share))


def _check_finite(distribution: AbstractDistribution, *numbers: float | int) -> None:
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{distribution} has no such numbers: give finite ones")


KINDS = {"uniform": Uniform, "loguniform": LogUniform, "lognormal": LogNormal}


def parse_distribution(text: str) -> AbstractDistribution:
    """A distribution as it is written in a file: "uniform:5%:40%", "loguniform:1e9:1e15", "lognormal:2T:3x".

    Raises:
        ValueError: it is not one, or has numbers that cannot be; the message says what would be.

    >>> parse_distribution("lognormal:2T:3x")
    LogNormal(median=2000000000000.0, spread=3.0)
    """
    kind, *words = (word.strip() for word in text.split(":"))
    if kind not in KINDS or len(words) != 2:
        raise ValueError(
            f"{text!r} is no distribution: write it like uniform:5%:40%, loguniform:1e9:1e15 or lognormal:2T:3x"
        )
    if kind == "lognormal":
        words[1] = words[1].removesuffix("x")
    return KINDS[kind](*(parse_number(word) for word in words))


def as_distributions(given: Mapping[str, Any]) -> dict[str, AbstractDistribution]:
    """The distributions of columns, each of which may be given in words.

    Raises:
        ValueError: there are none, or one is not a distribution; the message says of which column, and what would be.
    """
    if not given:
        raise ValueError('there are no distributions: give at least one, like {"requests": "lognormal:1e10:3x"}')
    return {name: _as_distribution(name, value) for name, value in given.items()}


def check_seed(seed: float | int) -> None:
    """Raise ValueError for a seed that cannot be."""
    if not is_whole(seed) or not 0 <= seed < 2**31:
        raise ValueError(f"seed {seed} is out of range: give a whole number from 0 to 2^31 - 1")


def _as_distribution(name: str, given: Any) -> AbstractDistribution:
    if isinstance(given, AbstractDistribution):
        return given
    if not isinstance(given, str):
        raise ValueError(f"{name}: {given!r} is no distribution: write it like lognormal:2T:3x, or Uniform(0.05, 0.4)")
    try:
        return parse_distribution(given)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
