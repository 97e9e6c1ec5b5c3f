"""What every cost is: a positive price of training a model and of serving it for life, in FLOPs or in dollars."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.batch import elementwise
from lifetimescale.leaves import Leaf, Scalar, inexact


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


class AbstractCost(eqx.Module):
    """A cost: (params, tokens) -> FLOPs or dollars. Costs add, and scale by numbers: `training + 0.5 * serving`.

    A cost must grow in tokens and be convex in the logarithms of params and tokens (sums of positive monomials are).
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
    @abc.abstractmethod
    def is_linear(self) -> bool:
        """Whether the class of the cost is of the exact form N (k_t D + k_i), whatever its numbers."""

    @abc.abstractmethod
    def rates(self) -> Rates:
        """k_t and k_i of a cost of the exact form; ValueError for any other."""

    @abc.abstractmethod
    def served_tokens(self) -> Scalar:
        """Prompt and output tokens served over the lifetime."""

    @abc.abstractmethod
    def valid(self) -> Bool[Array, ""]:
        """Whether every number is in its domain."""

    def total(self, params: Scalar, tokens: Scalar) -> Scalar:
        """The lifetime cost of one model: training and serving."""
        return self.training(params, tokens) + self.serving(params, tokens)

    def __call__(self, params: ArrayLike, tokens: ArrayLike) -> Leaf:
        """The lifetime cost of any numbers of models, broadcast."""
        return _totals(self, inexact(params), inexact(tokens))

    def __add__(self, other: "AbstractCost") -> "AbstractCost":
        if not isinstance(other, AbstractCost):
            return NotImplemented
        return Sum(self, other)

    def __mul__(self, factor: ArrayLike) -> "AbstractCost":
        return Scaled(self, factor)

    __rmul__ = __mul__


@jax.jit
def _totals(cost: AbstractCost, params: Leaf, tokens: Leaf) -> Leaf:
    return elementwise(lambda cost, params, tokens: cost.total(params, tokens), cost, params, tokens)


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
    def is_linear(self) -> bool:
        return self.first.is_linear and self.second.is_linear

    def rates(self) -> Rates:
        return self.first.rates() + self.second.rates()

    def served_tokens(self) -> Scalar:
        return self.first.served_tokens() + self.second.served_tokens()

    def valid(self) -> Bool[Array, ""]:
        return self.first.valid() & self.second.valid()

    @property
    def unit(self) -> str:
        return self.first.unit


class Scaled(AbstractCost):
    """C = factor * cost, for a factor >= 0: overheads, discounts, several model copies."""

    cost: AbstractCost
    factor: Leaf = eqx.field(converter=inexact)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.factor * self.cost.training(params, tokens)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.factor * self.cost.serving(params, tokens)

    @property
    def is_linear(self) -> bool:
        return self.cost.is_linear

    def rates(self) -> Rates:
        return self.cost.rates() * self.factor

    def served_tokens(self) -> Scalar:
        return self.cost.served_tokens()

    def valid(self) -> Bool[Array, ""]:
        return self.cost.valid() & (self.factor >= 0) & jnp.isfinite(self.factor)

    @property
    def unit(self) -> str:
        return self.cost.unit
