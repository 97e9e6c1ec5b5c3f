"""What every cost is: a positive price of training a model and of serving it for life, in FLOPs or in dollars."""

import abc
import enum
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.batch import elementwise
from lifetimescale.design import check_given
from lifetimescale.leaves import Leaf, Scalar, inexact, named


class Rates(eqx.Module):
    """The two numbers of a cost of the exact form C = N (k_t D + k_i).

    Args:
        training: k_t, cost per parameter and training token.
        serving: k_i, cost per parameter of all that is ever served.
    """

    training: Scalar
    serving: Scalar

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(self.training + other.training, self.serving + other.serving)

    def __mul__(self, factor: Scalar) -> "Rates":
        return Rates(self.training * factor, self.serving * factor)


class Curvature(enum.IntEnum):
    """What a cost C(N, D) claims of its shape over (log N, log D); a sum claims what the weaker of its terms claims."""

    UNKNOWN = 0
    """Nothing: a plan of it is a local optimum."""
    CONVEX = 1
    """C is convex: closed under + and max, not under products."""
    LOG_CONVEX = 2
    """log C is convex: monomials, and closed under +, *, max, 1/(1 - x) and the minimum over further variables."""


class Limits(NamedTuple):
    """How much of its limits a model uses, as a logarithm: at most 0 where it is allowed, -inf where nothing limits.

    time: of the days that there are to train it.
    capacity: of the memory, and of the latencies, that there are to serve it, on the chips that suit it best.
    """

    time: Scalar
    capacity: Scalar


class AbstractCost(eqx.Module):
    """A cost: (params, tokens) -> FLOPs or dollars. Costs add, and scale by numbers: `training + 0.5 * serving`.

    It may be inf from some number of params on, where nothing serves them.

    A cost must grow in tokens. A plan of it is the only optimum if it is convex in the logarithms of params and tokens
    (sums of positive monomials are) and says so by its `curvature`.
    """

    @property
    @abc.abstractmethod
    def unit(self) -> str:
        """FLOP, USD, or your own."""

    @abc.abstractmethod
    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        """What is spent before the model serves."""

    @abc.abstractmethod
    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        """What is spent on serving it, over its whole life."""

    @property
    def curvature(self) -> Curvature:
        """What the class of the cost claims of its shape."""
        return Curvature.UNKNOWN

    @property
    def one_basin(self) -> bool:
        """Whether one start leads to the best design under a law that says so too: so where the shape is claimed."""
        return self.curvature > Curvature.UNKNOWN

    @property
    def is_linear(self) -> bool:
        """Whether the class of the cost is of the exact form N (k_t D + k_i), whatever its numbers."""
        return False

    def rates(self) -> Rates:
        """k_t and k_i of a cost of the exact form; ValueError for any other."""
        raise ValueError(
            f'a {type(self).__name__} is not of the form N (k_t D + k_i): use method="general", or leave method out'
        )

    def served_tokens(self) -> Scalar:
        """Prompt and output tokens served over the lifetime."""
        return jnp.zeros(())

    def valid(self) -> Bool[Array, ""]:
        """Whether every number is in its domain."""
        return jnp.asarray(True)

    @property
    def has_deadline(self) -> bool:
        """Whether the cost limits the time that training takes."""
        return False

    @property
    def has_capacity(self) -> bool:
        """Whether the cost limits what models can be served."""
        return False

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        """How much of each limit a model uses."""
        nothing = jnp.full_like(params, -jnp.inf)
        return Limits(nothing, nothing)

    @property
    def needs(self) -> frozenset[str]:
        """The design variables that the cost depends on."""
        return frozenset()

    def at(self, design: Mapping[str, Scalar]) -> "AbstractCost":
        """The cost of params and tokens alone, at values of the design variables."""
        return self

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        """What the total is made of, by name."""
        return {"training": self.training(params, tokens), "serving": self.serving(params, tokens)}

    def deployment(self, params: Scalar) -> dict[str, Scalar]:
        """How a model is served, where the cost knows: batch, chips, seconds."""
        return {}

    def total(self, params: Scalar, tokens: Scalar) -> Scalar:
        """The lifetime cost of one model: training and serving."""
        return self.training(params, tokens) + self.serving(params, tokens)

    def of_size(self, params: Scalar) -> "AbstractCost":
        """The cost of models of one size, where it matters with all that the size alone decides worked out already."""
        return self

    def __call__(self, params: ArrayLike, tokens: ArrayLike, design: Mapping[str, ArrayLike] | None = None) -> Leaf:
        """The lifetime cost of any numbers of models, broadcast, each with its design variables."""
        values = named(design or {})
        check_design(self, values)
        return _totals(self, inexact(params), inexact(tokens), values)

    def __add__(self, other: "AbstractCost") -> "AbstractCost":
        if not isinstance(other, AbstractCost):
            return NotImplemented
        return Sum(self, other)

    def __mul__(self, factor: ArrayLike) -> "AbstractCost":
        return Scaled(self, factor)

    __rmul__ = __mul__


def check_design(cost: AbstractCost, design: Mapping[str, Leaf]) -> None:
    """Raise ValueError if a design variable of a cost has no value."""
    check_given(f"this {type(cost).__name__} depends on", sorted(cost.needs), design)


@jax.jit
def _totals(cost: AbstractCost, params: Leaf, tokens: Leaf, design: dict[str, Leaf]) -> Leaf:
    return elementwise(_total, cost, params, tokens, design)


def _total(cost: AbstractCost, params: Scalar, tokens: Scalar, design: dict[str, Scalar]) -> Scalar:
    return cost.at(design).total(params, tokens)


class Sum(AbstractCost):
    """C = first + second.

    Raises:
        ValueError: the two have different units.
    """

    first: AbstractCost
    second: AbstractCost

    def __check_init__(self):
        if self.first.unit != self.second.unit:
            raise ValueError(
                f"a cost in {self.first.unit} and one in {self.second.unit} do not add: give both in the same unit"
            )

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.first.training(params, tokens) + self.second.training(params, tokens)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.first.serving(params, tokens) + self.second.serving(params, tokens)

    @property
    def curvature(self) -> Curvature:
        return min(self.first.curvature, self.second.curvature)

    @property
    def one_basin(self) -> bool:
        return self.first.one_basin and self.second.one_basin

    @property
    def is_linear(self) -> bool:
        return self.first.is_linear and self.second.is_linear

    def rates(self) -> Rates:
        return self.first.rates() + self.second.rates()

    def served_tokens(self) -> Scalar:
        return self.first.served_tokens() + self.second.served_tokens()

    def valid(self) -> Bool[Array, ""]:
        return self.first.valid() & self.second.valid()

    @property
    def has_deadline(self) -> bool:
        return self.first.has_deadline or self.second.has_deadline

    @property
    def has_capacity(self) -> bool:
        return self.first.has_capacity or self.second.has_capacity

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        first, second = self.first.limits(params, tokens), self.second.limits(params, tokens)
        return Limits(jnp.maximum(first.time, second.time), jnp.maximum(first.capacity, second.capacity))

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        first, second = self.first.parts(params, tokens), self.second.parts(params, tokens)
        shared = {name: first[name] + second[name] for name in first if name in second}
        return first | second | shared

    def deployment(self, params: Scalar) -> dict[str, Scalar]:
        return self.first.deployment(params) | self.second.deployment(params)

    @property
    def needs(self) -> frozenset[str]:
        return self.first.needs | self.second.needs

    def at(self, design: Mapping[str, Scalar]) -> AbstractCost:
        return Sum(self.first.at(design), self.second.at(design))

    def of_size(self, params: Scalar) -> AbstractCost:
        return Sum(self.first.of_size(params), self.second.of_size(params))

    @property
    def unit(self) -> str:
        return self.first.unit


class AbstractWrapped(AbstractCost):
    """A cost made of another, and like it in all that it does not say of itself."""

    cost: eqx.AbstractVar[AbstractCost]

    @property
    def unit(self) -> str:
        return self.cost.unit

    @property
    def curvature(self) -> Curvature:
        return self.cost.curvature

    @property
    def one_basin(self) -> bool:
        return self.cost.one_basin

    @property
    def is_linear(self) -> bool:
        return self.cost.is_linear

    def served_tokens(self) -> Scalar:
        return self.cost.served_tokens()

    def valid(self) -> Bool[Array, ""]:
        return self.cost.valid()

    @property
    def has_deadline(self) -> bool:
        return self.cost.has_deadline

    @property
    def has_capacity(self) -> bool:
        return self.cost.has_capacity

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        return self.cost.limits(params, tokens)

    @property
    def needs(self) -> frozenset[str]:
        return self.cost.needs

    def deployment(self, params: Scalar) -> dict[str, Scalar]:
        return self.cost.deployment(params)


class Scaled(AbstractWrapped):
    """C = factor * cost, for a factor >= 0: overheads, discounts, several model copies."""

    cost: AbstractCost
    factor: Leaf = eqx.field(converter=inexact)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.factor * self.cost.training(params, tokens)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.factor * self.cost.serving(params, tokens)

    def rates(self) -> Rates:
        return self.cost.rates() * self.factor

    def valid(self) -> Bool[Array, ""]:
        return self.cost.valid() & (self.factor >= 0) & jnp.isfinite(self.factor)

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        return {name: self.factor * part for name, part in self.cost.parts(params, tokens).items()}

    def at(self, design: Mapping[str, Scalar]) -> AbstractCost:
        return Scaled(self.cost.at(design), self.factor)

    def of_size(self, params: Scalar) -> AbstractCost:
        return Scaled(self.cost.of_size(params), self.factor)


class Served(AbstractCost):
    """C = amount, which serving is known to cost, and even of no tokens, where a `Monomial` is 0^0 and NaN."""

    amount: Scalar
    unit: str = eqx.field(static=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.amount
