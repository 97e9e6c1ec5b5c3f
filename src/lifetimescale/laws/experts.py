"""Mixtures of experts: what a model gains from params that not every token uses."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, allowed
from lifetimescale.laws.coupled import Chinchilla, Coupled
from lifetimescale.laws.effective import AbstractEffective, Logs
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, log1p, power


class MixtureOfExperts(AbstractDesignLaw):
    """L = c + a Ê^delta N^(alpha + gamma log Ê) + b Ê^omega D^(beta + zeta log Ê), for N active params.

    1/Ê = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max saturates in the E experts of a layer, of which a token uses one
    (Ê = E_start at E = 1, a dense model). Equation 6 and table 3 of Ludziejewski et al. 2025 (arXiv:2502.05172).

    Design variable: experts, E >= 1.

    Args:
        a: coefficient of active params.
        alpha: exponent of active params, < 0, and so on in the letters of the equation.
        delta: exponent of Ê before params.
        gamma: what log Ê adds to the exponent of params.
        b: coefficient of tokens.
        beta: exponent of tokens, < 0.
        omega: exponent of Ê before tokens.
        zeta: what log Ê adds to the exponent of tokens.
        E_start: Ê of a dense model.
        E_max: Ê of endlessly many experts.
        c: irreducible loss, nats per token.
        fitted: the range of the runs behind the coefficients.
    """

    a: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    delta: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)
    b: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    omega: Leaf = eqx.field(converter=inexact)
    zeta: Leaf = eqx.field(converter=inexact)
    E_start: Leaf = eqx.field(converter=inexact)
    E_max: Leaf = eqx.field(converter=inexact)
    c: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"experts": OneOf(1, 2, 4, 8, 16, 32)}

    def at(self, design: Mapping[str, Scalar]) -> Chinchilla:
        dense = 1 / (1 / self.E_start - 1 / self.E_max)
        experts = allowed(design["experts"], design["experts"] >= 1)
        log_e = -log(1 / (experts - 1 + dense) + 1 / self.E_max)
        A, B = self.a * jnp.exp(self.delta * log_e), self.b * jnp.exp(self.omega * log_e)
        alpha, beta = -(self.alpha + self.gamma * log_e), -(self.beta + self.zeta * log_e)
        return Chinchilla(self.c, A, B, alpha, beta, fitted=self.fitted)


class FineGrainedExperts(AbstractDesignLaw):
    """L = c + (g/G^gamma + a)/N^alpha + b/D^beta, for N params in all experts.

    Experts G times smaller, of which a token uses G times as many. N leaves out embeddings and routers: d^2 (8 E + 4)
    for each of d/64 layers, with E = 64 times the feed-forward params that one token uses. Equation 8 and table 1 of
    Krajewski et al. 2024 (arXiv:2402.07871); its cost is `Resized` by `RoutedParams`, and grows with G.

    Design variable: granularity, G >= 1.

    Args:
        a: coefficient of params as G grows.
        alpha: exponent of params, > 0.
        b: coefficient of tokens.
        beta: exponent of tokens, > 0.
        g: what granularity can take off the coefficient of params.
        gamma: exponent of granularity, > 0.
        c: irreducible loss, nats per token.
        fitted: the range of the runs behind the coefficients.
    """

    a: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    b: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    g: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)
    c: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"granularity": self.fitted.between("granularity", 1.0, 64.0)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> Chinchilla:
        granularity = allowed(design["granularity"], design["granularity"] >= 1)
        A = self.g * power(granularity, -self.gamma) + self.a
        return Chinchilla(self.c, A, self.b, self.alpha, self.beta, fitted=self.fitted)


class SparseExperts(AbstractDesignLaw):
    """L = e + a/N^alpha + b/D^beta + c/(1 - S)^lambda + d/((1 - S)^delta N^gamma), for N params in all experts.

    S is the share of the experts that a token does not use. Table 1 of Abnar et al. 2025 (arXiv:2501.12370). At equal N
    sparsity raises the loss, at equal active params it lowers it: its cost is `Resized` by `ActiveParams`.

    Design variable: sparsity, 0 <= S < 1.

    Args:
        a: coefficient of params.
        alpha: exponent of params, > 0.
        b: coefficient of tokens.
        beta: exponent of tokens, > 0.
        c: coefficient of density.
        lambda_: exponent of density, < 0.
        d: coefficient of density and params together.
        delta: exponent of density beside params.
        gamma: exponent of params beside density, > 0.
        e: irreducible loss, nats per token.
        fitted: the range of the runs behind the coefficients.
    """

    a: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    b: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    c: Leaf = eqx.field(converter=inexact)
    lambda_: Leaf = eqx.field(converter=inexact)
    d: Leaf = eqx.field(converter=inexact)
    delta: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)
    e: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"sparsity": self.fitted.between("sparsity", 0.0, 0.98)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> "Sparse":
        sparsity = design["sparsity"]
        density = 1 - allowed(sparsity, (sparsity >= 0) & (sparsity < 1))
        floor = self.e + self.c * power(density, -self.lambda_)
        terms = (log(self.a), self.alpha), (log(self.d) - self.delta * log(density), self.gamma)
        return Sparse(floor, terms, self.b, self.beta, fitted=self.fitted)


class Sparse(AbstractEffective):
    """`SparseExperts` at one sparsity: L = E + a/N^alpha + d'/N^gamma + b/D^beta, so 1/N' = a/N^alpha + d'/N^gamma.

    Args:
        E: the loss of endlessly many params and tokens.
        terms: log coefficient and exponent of both terms of params.
        B: coefficient of tokens.
        beta: exponent of tokens.
    """

    E: Leaf
    terms: tuple[tuple[Leaf, Leaf], tuple[Leaf, Leaf]]
    B: Leaf
    beta: Leaf

    def coupled(self) -> Coupled:
        one = jnp.ones_like(self.E)
        return Coupled(self.E, one, self.B, one, self.beta, one, fitted=self.fitted)

    def effective(self, real: Logs) -> Logs:
        return Logs(_log_effective(real.params, self.terms), real.tokens)

    def real(self, effective: Logs) -> Logs:
        return Logs(_log_params(effective.params, self.terms), effective.tokens)


Terms = tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]]

NEWTON_STEPS = 6  # rounding for exponents up to 10 times apart, see test_design_laws


def _log_effective(log_params: Scalar, terms: Terms) -> Scalar:
    """log N'."""
    first, second = (coefficient - exponent * log_params for coefficient, exponent in terms)
    return -jnp.maximum(first, second) - log1p(jnp.exp(-jnp.abs(first - second)))


@jax.custom_jvp
def _log_params(log_effective: Scalar, terms: Terms) -> Scalar:
    """log N, by Newton's method: log N' is concave in it, so from the larger of the sizes that either term alone needs
    the steps climb to the root.
    """
    start = jnp.maximum(*((log_effective + coefficient) / exponent for coefficient, exponent in terms))

    def step(_, log_params):
        value, slope = jax.value_and_grad(_log_effective)(log_params, terms)
        return log_params + (log_effective - value) / slope

    return jax.lax.fori_loop(0, NEWTON_STEPS, step, start)


@_log_params.defjvp
def _log_params_jvp(primals, tangents):
    log_effective, terms = primals
    log_params = _log_params(log_effective, terms)
    slope = jax.grad(_log_effective)(log_params, terms)
    _, change = jax.jvp(lambda terms: _log_effective(log_params, terms), (terms,), (tangents[1],))
    return log_params, (tangents[0] - change) / slope
