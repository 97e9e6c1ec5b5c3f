"""What every loss law is: a map from the size of a model and its training tokens to its loss."""

import abc
import dataclasses
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.batch import elementwise
from lifetimescale.design import Between, OneOf, check_given
from lifetimescale.leaves import Leaf, Scalar, inexact, named


class FittedRange(eqx.Module):
    """The box that a law was fitted in; a plan outside it says so, and by what factor.

    Args:
        params: the smallest and the largest params of the runs.
        tokens: the fewest and the most training tokens.
        tokens_per_param: the lowest and the highest ratio of the two.
        design: the least and the most of each design variable, by name.
    """

    params: tuple[Leaf, Leaf]
    tokens: tuple[Leaf, Leaf]
    tokens_per_param: tuple[Leaf, Leaf]
    design: dict[str, tuple[Leaf, Leaf]]

    def __init__(self, params=(0.0, jnp.inf), tokens=(0.0, jnp.inf), tokens_per_param=(0.0, jnp.inf), design=None):
        self.params, self.tokens, self.tokens_per_param = _ends(params), _ends(tokens), _ends(tokens_per_param)
        self.design = {name: _ends(ends) for name, ends in (design or {}).items()}

    def between(self, name: str, least: float, most: float) -> Between:
        """The fitted range of a design variable, or these ends where it is not known."""
        return Between(*self.design.get(name, (least, most)))


def _ends(range_: tuple[ArrayLike, ArrayLike]) -> tuple[Leaf, Leaf]:
    return inexact(range_[0]), inexact(range_[1])


class AbstractLaw(eqx.Module):
    """A law: (params, tokens) -> loss, falling in both, and convex in their logarithms where it is below a target.

    A law of your own needs `loss` alone, written for scalars; `plan` then finds everything else by roots.

        class Mine(lts.AbstractLaw):
            E: lts.Leaf = eqx.field(converter=lts.inexact)

            def loss(self, params, tokens):
                return self.E + (1e7 / params) ** 0.3 + (1e8 / tokens) ** 0.3

    Called, a law takes numbers and arrays, and broadcasts: `law(70e9, 1e12)`.
    """

    fitted: FittedRange = eqx.field(default_factory=FittedRange, kw_only=True)

    @property
    def convex_levels(self) -> bool:
        """Whether the class claims that the models of at most any loss are a convex set in (log N, log D)."""
        return False

    @property
    def one_basin(self) -> bool:
        """Whether one start leads to the best design: so where `convex_levels` holds in its variables too."""
        return self.convex_levels

    @property
    def turns(self) -> bool:
        """Whether the loss may rise again in params or in tokens: plans then keep to where it falls in both."""
        return False

    @property
    def is_confined(self) -> bool:
        """Whether the law means nothing outside its fitted range, so that plans stay within it."""
        return False

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        """The design variables that the law has beside params and tokens, and where they lie unless a plan is told."""
        return {}

    def at(self, design: Mapping[str, Scalar]) -> "AbstractLaw":
        """The law of params and tokens alone, at values of its design variables."""
        return self

    def log_tokens_for(self, log_params: Scalar, loss: Scalar) -> Scalar | None:
        """log of the tokens that a size needs for `loss`, inf where none suffice; None if there is no closed form.

        It is asked of laws that may turn.
        """
        return None

    @abc.abstractmethod
    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        """The loss of one model of `params` parameters trained on `tokens` tokens, in the law's own unit."""

    def __call__(self, params: ArrayLike, tokens: ArrayLike, design: Mapping[str, ArrayLike] | None = None) -> Leaf:
        """The loss of any numbers of models, each with its design variables."""
        values = named(design or {})
        check_design(self, values)
        return _losses(self, inexact(params), inexact(tokens), values)


@jax.jit
def _losses(law: AbstractLaw, params: Leaf, tokens: Leaf, design: dict[str, Leaf]) -> Leaf:
    return elementwise(_loss, law, params, tokens, design)


def _loss(law: AbstractLaw, params: Scalar, tokens: Scalar, design: dict[str, Scalar]) -> Scalar:
    return law.at(design).loss(params, tokens)


class AbstractDesignLaw(AbstractLaw):
    """A law of more than params and tokens: (params, tokens, design) -> loss, one plain law for each design.

    A law of your own needs `variables` and `at`; the plainer the law that `at` returns, the faster its plans are. Where
    its `convex_levels` claims that models of at most any loss are a convex set in the logarithms of params, tokens and
    the design together (of 1 - S for a sparsity S), or `one_basin` claims what follows from it, and the cost claims
    its `curvature`, a design is searched for from one start, and else from three and more slowly.

        class Sampled(lts.AbstractDesignLaw):
            base: lts.Chinchilla
            gain: lts.Leaf = eqx.field(converter=lts.inexact)

            @property
            def variables(self):
                return {"samples": lts.Between(1, 1000)}

            def at(self, design):
                base = self.base
                floor = base.E + self.gain / design["samples"] ** 0.5
                return lts.Chinchilla(floor, base.A, base.B, base.alpha, base.beta)

    Called, it takes the design by name: `law(1e9, 2e10, {"samples": 16})`.
    """

    @property
    @abc.abstractmethod
    def variables(self) -> Mapping[str, Between | OneOf]:
        """The design variables, and where they lie unless a plan is told."""

    @abc.abstractmethod
    def at(self, design: Mapping[str, Scalar]) -> AbstractLaw:
        """The law of params and tokens alone, at values of the design variables."""

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        check_design(self, {})
        return self.at({}).loss(params, tokens)


def allowed(value: Scalar, within: Bool[Array, ""]) -> Scalar:
    """A design variable, NaN where it is outside its domain, so that the law at it is not valid."""
    return jnp.where(within, value, jnp.nan)


def check_design(law: AbstractLaw, design: Mapping[str, Leaf]) -> None:
    """Raise ValueError if a design variable of a law has no value."""
    check_given(f"a {type(law).__name__} has a loss only at values of", law.variables, design)


def coefficients(law: eqx.Module) -> dict[str, Leaf]:
    """The coefficients of a law or a score map, by name: its numeric fields but the fitted range."""
    fields = {field.name: getattr(law, field.name) for field in dataclasses.fields(law) if field.name != "fitted"}
    named = fields | fields.get("coefficients", {})
    return {name: value for name, value in named.items() if eqx.is_array(value)}
