"""Models trained in few bits, and models that are given few bits after training."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, allowed
from lifetimescale.laws.coupled import Chinchilla
from lifetimescale.laws.turning import Turning
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, power

TRAINED_IN = ("weight_bits", "activation_bits", "cache_bits")


class LowPrecision(AbstractDesignLaw):
    """L = E + A/N_eff^alpha + B/D^beta with N_eff = N prod_x (1 - exp(n_x - P_x/gamma_x)).

    x are the weights, the activations and the cache of keys and values, each trained in its own number of bits. Table
    2 of Kumar et al. 2024 (arXiv:2411.04330). The sign of n_x is that with which the common precision of least cost is
    the 7 to 8 bits of the paper; the constants belong to its models.

    Design variables: weight_bits, activation_bits and cache_bits, P_x > n_x gamma_x; one precision for all three is
    {"activation_bits": Same("weight_bits"), "cache_bits": Same("weight_bits")}.

    Args:
        E: irreducible loss, nats per token.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        gamma_w: bits of a weight that matter, > 0.
        n_w: offset of weights.
        gamma_a: likewise of activations.
        n_a: offset of activations.
        gamma_kv: likewise of keys and values.
        n_kv: offset of keys and values.
        fitted: the range of the runs behind the coefficients.
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    gamma_w: Leaf = eqx.field(converter=inexact)
    n_w: Leaf = eqx.field(converter=inexact)
    gamma_a: Leaf = eqx.field(converter=inexact)
    n_a: Leaf = eqx.field(converter=inexact)
    gamma_kv: Leaf = eqx.field(converter=inexact)
    n_kv: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {name: self.fitted.between(name, 3.0, 16.0) for name in TRAINED_IN}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> Chinchilla:
        A = self.A * power(self.useful_share(design), -self.alpha)
        return Chinchilla(self.E, A, self.B, self.alpha, self.beta, fitted=self.fitted)

    def useful_share(self, design: Mapping[str, Scalar]) -> Scalar:
        """N_eff/N."""
        weights = useful_share(design["weight_bits"], self.gamma_w, self.n_w)
        activations = useful_share(design["activation_bits"], self.gamma_a, self.n_a)
        return weights * activations * useful_share(design["cache_bits"], self.gamma_kv, self.n_kv)


def useful_share(bits: Scalar, gamma: Scalar, offset: Scalar) -> Scalar:
    """1 - exp(n - P/gamma)."""
    return -jnp.expm1(offset - bits / gamma)


class QuantizedAfterTraining(AbstractDesignLaw):
    """L = E + A/N^alpha + B/D^beta + C_T exp(-P/gamma_post) D^gamma_D/N^gamma_N, for weights rounded to P bits at last.

    The more tokens a model has seen the more it loses by being rounded, so its loss turns at some D and too many tokens
    harm. Equation of section 3 and table 2 of Kumar et al. 2024 (arXiv:2411.04330), for training in 16 bits, where the
    factors of the training precisions (not printed) are 1.

    Design variable: deployed_bits, P > 0.

    Args:
        E: irreducible loss, nats per token.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        C_T: coefficient of the rounding.
        gamma_D: exponent of tokens there, > 0.
        gamma_N: exponent of params there, > 0.
        gamma_post: bits that matter there, > 0.
        fitted: the range of the runs behind the coefficients.
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    C_T: Leaf = eqx.field(converter=inexact)
    gamma_D: Leaf = eqx.field(converter=inexact)
    gamma_N: Leaf = eqx.field(converter=inexact)
    gamma_post: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"deployed_bits": self.fitted.between("deployed_bits", 3.0, 16.0)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> Turning:
        trained = Chinchilla(self.E, self.A, self.B, self.alpha, self.beta)
        log_harm = log(self.C_T) - allowed(design["deployed_bits"], design["deployed_bits"] > 0) / self.gamma_post
        return Turning(trained, log_harm, -self.gamma_N, self.gamma_D, fitted=self.fitted)
