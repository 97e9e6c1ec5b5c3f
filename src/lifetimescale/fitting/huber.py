"""The Huber loss of a residual, and the two curvatures by which a step can be chosen."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.leaves import Leaf, Scalar, inexact


class Terms(NamedTuple):
    """What one residual adds: the loss, its slope, and two curvatures of it."""

    value: Scalar
    slope: Scalar
    majorizer: Scalar
    curvature: Scalar


class Huber(eqx.Module):
    """s rho(r), with rho = r^2/2 for |r| <= delta and delta (|r| - delta/2) beyond, and s = 2 (1 - q) or 2 q by sign.

    Huber 1964 (doi:10.1214/aoms/1177703732); Hoffmann et al. 2022 (arXiv:2203.15556, section 3.3) take delta = 1e-3 on
    the difference of log losses.

    Args:
        delta: where the square becomes a line; inf is least squares, and near 0 least absolute deviation.
        quantile: q, the share of observations that should lie below the curve, by their weight 2 (1 - q) for r > 0 (the
            curve above the observation) and 2 q for r < 0; 0.5 is the plain Huber loss.
    """

    delta: Leaf = eqx.field(converter=inexact)
    quantile: Leaf = eqx.field(converter=inexact)

    def value(self, residual: Scalar) -> Scalar:
        return self.terms(residual).value

    def terms(self, residual: Scalar) -> Terms:
        """The loss, its slope psi, psi/r (of a parabola that lies above the loss and touches it) and psi'.

        Steps by psi/r always descend but crawl where most residuals are beyond delta; steps by psi' are Newton's.
        """
        clipped = jnp.clip(residual, -self.delta, self.delta)
        side = 2 * jnp.where(residual > 0, 1 - self.quantile, self.quantile)
        inside = clipped == residual
        majorizer = jnp.where(inside, 1.0, clipped / jnp.where(inside, 1.0, residual))
        value = clipped * (residual - clipped / 2)
        return Terms(side * value, side * clipped, side * majorizer, side * jnp.where(inside, 1.0, 0.0))
