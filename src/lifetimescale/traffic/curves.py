"""Traffic by a formula, whose numbers may be arrays of scenarios that broadcast, and traffic as data."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from lifetimescale.batch import elementwise
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.traffic.base import AbstractTraffic

TERMS = 20  # of the series of (e^x - 1)/x for |x| < 1: the rest is 4e-19 of its second derivative

# One rule for the whole life: within 6e-14 for g T <= 100 and |rate| T <= 50, wherever in the life the rise is; 2e-9
# at g T = 150 and 2e-7 at 200. Eight panels of 32 nodes each: 6e-14, 1e-9 and 2e-7.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(256)


class ExponentialTraffic(AbstractTraffic):
    """r(t) = r0 exp(g t), so that int_0^T r(t) exp(-rate t) dt = r0 (1 - exp(-kappa T))/kappa, kappa = rate - g.

    It and its first and second derivatives in kappa T are right to 2, 4 and 10 units in the last place, times |kappa T|
    where traffic outgrows the rate, at and near kappa = 0 too; it overflows only where its value does.

    Args:
        start: r0, requests per year at launch.
        growth: g, continuous, per year, of either sign.
        years: T, length of the life.

    >>> print(f"{ExponentialTraffic(1e9, 0.5, 2.0).requests:.4g}")
    3.437e+09
    """

    start: Leaf = eqx.field(converter=inexact)
    growth: Leaf = eqx.field(converter=inexact)
    years: Leaf = eqx.field(converter=inexact)

    def discounted(self, rate: ArrayLike) -> Leaf:
        return elementwise(_exponential, self, inexact(rate))


class LogisticTraffic(AbstractTraffic):
    """r(t) = K/(1 + (K/r0 - 1) exp(-g t)), integrated by Gauss and Legendre's rule.

    Its integrals are right to 1e-12 for g T up to 100, at which most of the rise takes a twentieth of the life.

    Args:
        start: r0, requests per year at launch, > 0.
        ceiling: K, requests per year in the end, >= r0.
        growth: g, continuous, per year, while r is far below K; >= 0.
        years: T, length of the life.

    >>> print(f"{LogisticTraffic(1e9, 1e10, 3.0, 2.0).requests:.4g}")
    1.24e+10
    """

    start: Leaf = eqx.field(converter=inexact)
    ceiling: Leaf = eqx.field(converter=inexact)
    growth: Leaf = eqx.field(converter=inexact)
    years: Leaf = eqx.field(converter=inexact)

    def discounted(self, rate: ArrayLike) -> Leaf:
        return elementwise(_logistic, self, inexact(rate))


class TrafficTable(AbstractTraffic):
    """r_m requests in each interval of the life, all at its middle t_m: discounted, sum_m r_m exp(-rate t_m).

    For months this is (rate/12)^2/24 below requests spread over each month: 3e-4 of them at a rate of 1 per year.

    The two arrays have an axis of their own, so they do not broadcast with scenarios, but a rate may be an array. For
    scenarios of tables, stack them and map over them: `jax.vmap(lambda traffic: traffic.requests)(tables)`.

    Args:
        years: t_m, shape (n,), years from launch to the middle of each interval.
        counts: r_m, shape (n,), requests in each interval.

    >>> print(f"{TrafficTable(jnp.array([0.5, 1.5]), jnp.array([1e9, 3e9])).requests:.4g}")
    4e+09
    """

    years: Leaf = eqx.field(converter=inexact)
    counts: Leaf = eqx.field(converter=inexact)

    def discounted(self, rate: ArrayLike) -> Leaf:
        return jnp.vectorize(lambda rate: jnp.sum(self.counts * jnp.exp(-rate * self.years)))(inexact(rate))


@jax.jit
def _exponential(traffic: ExponentialTraffic, rate: Scalar) -> Scalar:
    """r0 T (e^x - 1)/x with x = -kappa T; for |x| < 1 by 1 + x/2 (1 + x/3 (1 + ...)), above by two factors e^(x/2)."""
    x = (traffic.growth - rate) * traffic.years
    small = jnp.abs(x) < 1
    near, far = jnp.where(small, x, 0), jnp.abs(jnp.where(small, 1, x))
    series = jnp.ones_like(x)
    for n in range(TERMS + 1, 1, -1):
        series = 1 + near / n * series
    half = jnp.exp(jnp.where(x >= 1, far, 0) / 2)
    return traffic.start * traffic.years * half * jnp.where(small, series, half * (1 - jnp.exp(-far)) / far)


@jax.jit
def _logistic(traffic: LogisticTraffic, rate: Scalar) -> Scalar:
    t = traffic.years * jnp.asarray((_NODES + 1) / 2, rate.dtype)
    odds = (traffic.ceiling / traffic.start - 1) * jnp.exp(-traffic.growth * t)
    requests = traffic.ceiling / (1 + odds)
    return traffic.years * jnp.sum(jnp.asarray(_WEIGHTS / 2, rate.dtype) * requests * jnp.exp(-rate * t))
