"""What every loss law is: a map from the size of a model and its training tokens to its loss."""

import abc
import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.batch import elementwise
from lifetimescale.leaves import Leaf, Scalar, inexact


class FittedRange(eqx.Module):
    """The box that a law was fitted in; a plan outside it says so, and by what factor.

    Args:
        params: the smallest and the largest params of the runs.
        tokens: the fewest and the most training tokens.
        tokens_per_param: the lowest and the highest ratio of the two.
    """

    params: tuple[Leaf, Leaf]
    tokens: tuple[Leaf, Leaf]
    tokens_per_param: tuple[Leaf, Leaf]

    def __init__(self, params=(0.0, jnp.inf), tokens=(0.0, jnp.inf), tokens_per_param=(0.0, jnp.inf)):
        self.params = (inexact(params[0]), inexact(params[1]))
        self.tokens = (inexact(tokens[0]), inexact(tokens[1]))
        self.tokens_per_param = (inexact(tokens_per_param[0]), inexact(tokens_per_param[1]))


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

    @abc.abstractmethod
    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        """The loss of one model of `params` parameters trained on `tokens` tokens, in the law's own unit."""

    def __call__(self, params: ArrayLike, tokens: ArrayLike) -> Leaf:
        """The loss of any numbers of models."""
        return _losses(self, inexact(params), inexact(tokens))


@jax.jit
def _losses(law: AbstractLaw, params: Leaf, tokens: Leaf) -> Leaf:
    return elementwise(lambda law, params, tokens: law.loss(params, tokens), law, params, tokens)


def coefficients(law: eqx.Module) -> dict[str, Leaf]:
    """The coefficients of a law or a score map, by name: its numeric fields but the fitted range."""
    fields = {field.name: getattr(law, field.name) for field in dataclasses.fields(law) if field.name != "fitted"}
    named = fields | fields.get("coefficients", {})
    return {name: value for name, value in named.items() if eqx.is_array(value)}
