"""Laws that are coupled in effective params and tokens: what repeats and sparsity leave of the real ones."""

import abc

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.laws.base import AbstractLaw
from lifetimescale.laws.coupled import Coupled
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.logarithm import log


class Logs(eqx.Module):
    """log params and log tokens, real or effective."""

    params: Leaf
    tokens: Leaf


class AbstractEffective(AbstractLaw):
    """L = E + (A/N'^alpha + B/D'^beta)^gamma, where N' grows with N alone and D' with D alone."""

    @abc.abstractmethod
    def coupled(self) -> Coupled:
        """The law of the effective numbers."""

    @abc.abstractmethod
    def effective(self, real: Logs) -> Logs:
        """log N' and log D'."""

    @abc.abstractmethod
    def real(self, effective: Logs) -> Logs:
        """log N and log D; inf where no number has so much effect."""

    @property
    def convex_levels(self) -> bool:
        return True

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        effective = self.effective(Logs(log(params), log(tokens)))
        return self.coupled().loss(jnp.exp(effective.params), jnp.exp(effective.tokens))
