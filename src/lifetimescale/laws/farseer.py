"""Farseer: a law whose exponent of tokens depends on the size of the model."""

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.laws.base import AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, power


class Farseer(AbstractLaw):
    """L = exp(e1 N^p1 + e0) + exp(a1 N^p2 + a0) D^-b(N), b(N) = exp(b1 N^p3 + b0), in bits per character.

    Equation 15 of Farseer (2025, arXiv:2506.10972), N without embeddings. Beyond the sizes that it was fitted on it has
    larger models need ever less, so plans stay within them unless they are told other bounds.

    Args:
        e1: of the floor, like e0 and p1.
        p1: power of params.
        e0: of the floor.
        a1: of the coefficient of tokens, like a0 and p2.
        p2: power of params.
        a0: of the coefficient of tokens.
        b1: of the exponent of tokens, like b0 and p3.
        p3: power of params.
        b0: of the exponent of tokens.
        fitted: the range of the runs behind the coefficients.
    """

    e1: Leaf = eqx.field(converter=inexact)
    p1: Leaf = eqx.field(converter=inexact)
    e0: Leaf = eqx.field(converter=inexact)
    a1: Leaf = eqx.field(converter=inexact)
    p2: Leaf = eqx.field(converter=inexact)
    a0: Leaf = eqx.field(converter=inexact)
    b1: Leaf = eqx.field(converter=inexact)
    p3: Leaf = eqx.field(converter=inexact)
    b0: Leaf = eqx.field(converter=inexact)

    @property
    def is_confined(self) -> bool:
        return True

    @property
    def turns(self) -> bool:
        return True

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        floor, coefficient, exponent = self._of_size(params)
        return floor + jnp.exp(coefficient - exponent * log(tokens))

    def log_tokens_for(self, log_params: Scalar, loss: Scalar) -> Scalar:
        floor, coefficient, exponent = self._of_size(jnp.exp(log_params))
        enough = loss > floor
        return jnp.where(enough, (coefficient - log(jnp.where(enough, loss - floor, 1))) / exponent, jnp.inf)

    def _of_size(self, params: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        """The floor, and the log coefficient and the exponent of tokens."""
        floor = jnp.exp(self.e1 * power(params, self.p1) + self.e0)
        exponent = jnp.exp(self.b1 * power(params, self.p3) + self.b0)
        return floor, self.a1 * power(params, self.p2) + self.a0, exponent
