"""Models that answer more than once: samples per question stand in for size."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, allowed
from lifetimescale.laws.coupled import Chinchilla
from lifetimescale.laws.turning import Turning
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import power

FLOPS = 2.0  # per parameter and generated token


class TestTime(AbstractDesignLaw):
    """L = E + A/N^alpha + B/D^beta + G/k^gamma, -log pass@k of k samples per question.

    The first approach of section 3 of the T^2 laws (2026, arXiv:2604.01411), which prints no coefficients: fit your
    own. Serving costs k times as much: `Multiplied(cost, lambda samples: samples, phase="serving")`.

    Design variable: samples, k >= 1.

    Args:
        E: irreducible loss.
        A: coefficient of params.
        B: coefficient of tokens.
        G: coefficient of samples.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        gamma: exponent of samples, > 0.
        fitted: the range of the runs behind the coefficients.
    """

    __test__ = False  # for pytest, which takes its name for that of a test

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    G: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"samples": self.fitted.between("samples", 1.0, 1e4)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> Chinchilla:
        E = self.E + self.G * power(allowed(design["samples"], design["samples"] > 0), -self.gamma)
        return Chinchilla(E, self.A, self.B, self.alpha, self.beta, fitted=self.fitted)

    def at_budget(self, flops: ArrayLike) -> Turning:
        """The law where a question has so many FLOPs, so that k = flops/(2 N): too many params leave too few samples.

        L = E + A/N^alpha + B/D^beta + G (2 N/flops)^gamma, of which a loss has a least and a greatest N.
        """
        base = Chinchilla(self.E, self.A, self.B, self.alpha, self.beta)
        log_harm = jnp.log(self.G) + self.gamma * (jnp.log(FLOPS) - jnp.log(inexact(flops)))
        return Turning(base, log_harm, self.gamma, jnp.zeros_like(self.gamma), fitted=self.fitted)
