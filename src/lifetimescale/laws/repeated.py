"""Data-constrained models: tokens that repeat, and params beyond what the unique tokens can use, count for less."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, allowed
from lifetimescale.laws.coupled import Chinchilla, Coupled
from lifetimescale.laws.effective import AbstractEffective, Logs
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, log1p


class DataConstrained(AbstractDesignLaw):
    """L = E + A/N'^alpha + B/D'^beta, with U unique tokens among the D that are trained on.

    D' = U h(D/U; R_D) and N' = U_N h(N/U_N; R_N), where h(x; R) = x up to 1 and 1 + R (1 - exp(-(x - 1)/R)) beyond:
    an epoch is worth ever less, and so are params beyond U_N = G (G U)^(beta/alpha), the compute-optimal size of U
    tokens, with G = (alpha A/(beta B))^(1/(alpha + beta)). No number of epochs is worth more than (1 + R_D) U.
    Slopes are continuous at D = U and N = U_N, curvatures are not. Equations 5 to 7 and section 5 of Muennighoff et al.
    2023 (arXiv:2305.16264).

    Design variable: unique_tokens, U > 0; it has no range of its own, so a plan is given it, or a range and a price.

    Args:
        E: irreducible loss, nats per token.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        R_D: the epochs after which repeats are worth 1/e of new tokens, > 0.
        R_N: likewise for params beyond U_N, > 0.
        fitted: the range of the runs behind the coefficients.

    >>> law = DataConstrained(E=1.87, A=521.0, B=1488.0, alpha=0.353, beta=0.353, R_D=15.4, R_N=5.3)
    >>> print(f"{law(7e9, 2e11, {'unique_tokens': 2.5e10}):.3f} {law(7e9, 2e11, {'unique_tokens': 2e11}):.3f}")
    2.227 2.197
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    R_D: Leaf = eqx.field(converter=inexact)
    R_N: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"unique_tokens": Between(0.0, jnp.inf)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> "Repeated":
        log_unique = log(allowed(design["unique_tokens"], design["unique_tokens"] > 0))
        log_G = (log(self.alpha * self.A) - log(self.beta * self.B)) / (self.alpha + self.beta)
        log_useful = log_G + (log_G + log_unique) * self.beta / self.alpha
        fresh = Chinchilla(self.E, self.A, self.B, self.alpha, self.beta)
        return Repeated(fresh, Logs(log_useful, log_unique), self.R_D, self.R_N, fitted=self.fitted)


class Repeated(AbstractEffective):
    """`DataConstrained` at one number of unique tokens.

    Args:
        fresh: the law of new tokens.
        useful: log U_N and log U, from where on params and tokens count for less.
        R_D: of tokens.
        R_N: of params.
    """

    fresh: Chinchilla
    useful: Logs
    R_D: Leaf
    R_N: Leaf

    def coupled(self) -> Coupled:
        return self.fresh.coupled()

    def effective(self, real: Logs) -> Logs:
        useful = self.useful
        params = real.params + _worth(real.params - useful.params, self.R_N)
        return Logs(params, real.tokens + _worth(real.tokens - useful.tokens, self.R_D))

    def real(self, effective: Logs) -> Logs:
        useful = self.useful
        params = effective.params + _needed(effective.params - useful.params, self.R_N)
        return Logs(params, effective.tokens + _needed(effective.tokens - useful.tokens, self.R_D))


def _worth(log_x: Scalar, R: Scalar) -> Scalar:
    """log h(x)/x: with expm1, as 1 - exp(-x) gives a fit a false minimum where x is small."""
    log_x = jnp.maximum(log_x, 0)
    return log1p(-R * jnp.expm1(-jnp.expm1(log_x) / R)) - log_x


def _needed(log_h: Scalar, R: Scalar) -> Scalar:
    """log x/h(x); inf where no x is worth so much."""
    log_h = jnp.maximum(log_h, 0)
    share = jnp.expm1(log_h) / R
    enough = share < 1
    x = log1p(-R * log1p(-jnp.where(enough, share, 0.0)))
    return jnp.where(enough, x - log_h, jnp.inf)
