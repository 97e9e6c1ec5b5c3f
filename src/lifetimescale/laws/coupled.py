"""The laws that are E + (A/N^alpha + B/D^beta)^gamma, plainly or in disguise: all that the exact solution covers."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.laws.base import AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, power


class AbstractCoupled(AbstractLaw):
    """A law with an exact reparametrisation as `Coupled`; what can be inverted in closed form is inverted there."""

    @abc.abstractmethod
    def coupled(self) -> "Coupled":
        """The same law as E + (A/N^alpha + B/D^beta)^gamma."""

    @property
    def convex_levels(self) -> bool:
        return True

    def tokens_for(self, params: Scalar, loss: Scalar) -> Scalar:
        """The tokens that a model of `params` parameters needs for `loss`; inf where none suffice.

        D = (B/(x - A/N^alpha))^(1/beta) with x = (L - E)^(1/gamma).
        """
        law = self.coupled()
        return _inverse(law.B, law.beta, jnp.exp(law.log_excess(loss)) - law.A * power(params, -law.alpha))

    def params_for(self, tokens: Scalar, loss: Scalar) -> Scalar:
        """The parameters that reach `loss` on `tokens` tokens; inf where none suffice.

        N = (A/(x - B/D^beta))^(1/alpha) with x = (L - E)^(1/gamma).
        """
        law = self.coupled()
        return _inverse(law.A, law.alpha, jnp.exp(law.log_excess(loss)) - law.B * power(tokens, -law.beta))


def _inverse(coefficient: Scalar, exponent: Scalar, term: Scalar) -> Scalar:
    """The x with coefficient/x^exponent = term; inf where the term is not positive."""
    positive = term > 0
    x = power(coefficient / jnp.where(positive, term, 1), 1 / exponent)
    return jnp.where(positive, x, jnp.where(jnp.isnan(term), jnp.nan, jnp.inf))


class Coupled(AbstractCoupled):
    """L = E + (A/N^alpha + B/D^beta)^gamma.

    The coupled exponent of Busbridge et al. 2025 (arXiv:2502.08606, section 4); gamma = 1 is `Chinchilla`.

    Args:
        E: irreducible loss, in the loss's unit.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        gamma: coupling exponent, > 0.
        fitted: the range of the runs behind the coefficients.
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        terms = self.A * power(params, -self.alpha) + self.B * power(tokens, -self.beta)
        return self.E + power(terms, self.gamma)

    def coupled(self) -> "Coupled":
        return self

    def valid(self) -> Bool[Array, ""]:
        positive = (self.A > 0) & (self.B > 0) & (self.alpha > 0) & (self.beta > 0) & (self.gamma > 0)
        finite = jnp.isfinite(self.E + self.A + self.B + self.alpha + self.beta + self.gamma)
        return positive & finite

    def log_excess(self, loss: Scalar) -> Scalar:
        """log x with x = (L - E)^(1/gamma), what A/N^alpha + B/D^beta must come to; not finite at and under E."""
        return log(loss - self.E) / self.gamma

    def log_slope(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        """log of (dL/dlog N)/(dL/dlog D) = (alpha A/N^alpha)/(beta B/D^beta)."""
        return log(self.alpha * self.A) - self.alpha * log_params - log(self.beta * self.B) + self.beta * log_tokens


class Chinchilla(AbstractCoupled):
    """L = E + A/N^alpha + B/D^beta.

    Approach 3 of Hoffmann et al. 2022 (arXiv:2203.15556, section 3.3), and equation 1 of Sardana et al. 2024
    (arXiv:2401.00448).

    Args:
        E: irreducible loss, nats per token.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        fitted: the range of the runs behind the coefficients.

    >>> law = Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.283)
    >>> print(f"{law(70e9, 1e12):.4f}")
    1.9473
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.E + self.A * power(params, -self.alpha) + self.B * power(tokens, -self.beta)

    def coupled(self) -> Coupled:
        return Coupled(self.E, self.A, self.B, self.alpha, self.beta, jnp.ones_like(self.E), fitted=self.fitted)


class Kaplan(AbstractCoupled):
    """L = ((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D.

    Equation 1.5 of Kaplan et al. 2020 (arXiv:2001.08361); D is the size of the data set, not the tokens processed. It
    is `Coupled` with E = 0, gamma = alpha_D, alpha = alpha_N/alpha_D, A = N_c^alpha, beta = 1, B = D_c.

    Args:
        N_c: scale of params (without embeddings).
        D_c: scale of tokens.
        alpha_N: exponent of params, > 0.
        alpha_D: exponent of tokens, > 0.
        fitted: the range of the runs behind the coefficients.
    """

    N_c: Leaf = eqx.field(converter=inexact)
    D_c: Leaf = eqx.field(converter=inexact)
    alpha_N: Leaf = eqx.field(converter=inexact)
    alpha_D: Leaf = eqx.field(converter=inexact)

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        return power(power(self.N_c / params, self.alpha_N / self.alpha_D) + self.D_c / tokens, self.alpha_D)

    def coupled(self) -> Coupled:
        alpha, one = self.alpha_N / self.alpha_D, jnp.ones_like(self.N_c)
        return Coupled(0 * one, power(self.N_c, alpha), self.D_c, alpha, one, self.alpha_D, fitted=self.fitted)
