"""Laws whose loss turns: a term that grows with params or with tokens beside those that fall."""

import jax.numpy as jnp

from lifetimescale.laws.base import AbstractLaw
from lifetimescale.laws.coupled import Chinchilla
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.logarithm import log


class Turning(AbstractLaw):
    """L = base(N, D) + exp(h) N^p D^q, p > 0 or q > 0: beyond some params, or tokens, more of them harm.

    A sum of powers, so its level sets are convex in logarithms although the loss is not monotone.

    Args:
        base: the law without the harm.
        log_harm: h.
        params_power: p, of either sign.
        tokens_power: q, of either sign.
    """

    base: Chinchilla
    log_harm: Leaf
    params_power: Leaf
    tokens_power: Leaf

    @property
    def turns(self) -> bool:
        return True

    @property
    def convex_levels(self) -> bool:
        return True

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        log_harm = self.log_harm + self.params_power * log(params) + self.tokens_power * log(tokens)
        return self.base.loss(params, tokens) + jnp.exp(log_harm)
