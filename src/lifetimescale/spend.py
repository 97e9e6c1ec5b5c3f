"""The one equation behind every exact plan: how much to spend on serving for each unit spent on training.

For L = E + A/N^alpha + B/D^beta and C = N (k_t D + k_i), with (N_c, D_c) the compute-optimal point of the target loss
and m = k_i/(k_t D_c) the spend ratio of that point, the spend ratio phi of the cheapest plan solves

    phi (1 + x0 phi)^(1/beta) = m,        x0 = beta/(alpha + beta),

and then D = D_c (1 + x0 phi)^(1/beta), N = N_c ((1 + x0 phi)/(1 + phi))^(1/alpha). For a budget, with (N_b, D_b) the
compute-optimal point if all of it went into training and m_b = k_i/(k_t D_b), it solves

    phi (1 + phi)^((1 - alpha)/(alpha + beta)) = m_b.

Both are u + kappa softplus(u) = c with u = log(x phi). Everything relative follows from alpha, beta and m alone.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log, log1p

STEPS = 2  # of fifth order: rounding for kappa in [-0.95, 200] and |c| <= 45 (test_spend)


@jax.custom_jvp
def spend_ratio(m: Scalar, alpha: Scalar, beta: Scalar) -> Scalar:
    """phi with phi (1 + x0 phi)^(1/beta) = m: the optimum's serving cost over its training cost, at a given loss.

    Args:
        m: k_i/(k_t D_c) >= 0, the spend ratio of the compute-optimal model of the same loss.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, in [0.01, 5] for full precision.

    Returns:
        phi, to a few units in the last place times max(1, |log phi|); where m is 0, the smallest normal number over x0,
        which adds to no other number. The derivative rule is that of the implicit function and finite at m = 0, where
        d phi/d m = 1 and the other two vanish.
    """
    return _power_root(m, beta / (alpha + beta), 1 / beta)


@spend_ratio.defjvp
def _spend_ratio_jvp(primals, tangents):
    m, alpha, beta = primals
    dm, dalpha, dbeta = tangents
    phi = spend_ratio(m, alpha, beta)
    x0 = beta / (alpha + beta)
    dx0 = (alpha * dbeta - beta * dalpha) / (alpha + beta) ** 2
    y = x0 * phi
    slope = 1 + y / (beta * (1 + y))
    stretch = jnp.exp(-log1p(y) / beta)  # phi/m
    dphi = stretch * dm - phi * (phi / (beta * (1 + y)) * dx0 - log1p(y) / beta**2 * dbeta)
    return phi, dphi / slope


@jax.custom_jvp
def budget_spend_ratio(m: Scalar, alpha: Scalar, beta: Scalar) -> Scalar:
    """phi with phi (1 + phi)^((1 - alpha)/(alpha + beta)) = m: the same ratio at a given lifetime cost.

    Args:
        m: k_i/(k_t D_b) >= 0, with D_b the compute-optimal tokens if the whole budget were training.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.

    Returns:
        phi, as exact and as differentiable as `spend_ratio`.
    """
    return _power_root(m, jnp.ones_like(m), (1 - alpha) / (alpha + beta))


@budget_spend_ratio.defjvp
def _budget_spend_ratio_jvp(primals, tangents):
    m, alpha, beta = primals
    dm, dalpha, dbeta = tangents
    phi = budget_spend_ratio(m, alpha, beta)
    kappa = (1 - alpha) / (alpha + beta)
    dkappa = -(dalpha + kappa * (dalpha + dbeta)) / (alpha + beta)
    slope = 1 + kappa * phi / (1 + phi)
    return phi, (jnp.exp(-kappa * log1p(phi)) * dm - phi * log1p(phi) * dkappa) / slope


class Surface(NamedTuple):
    """The models of equal loss, A/N^alpha + B/D^beta = x, in the logarithms that the solution needs."""

    log_excess: Scalar  # log x
    log_A: Scalar
    log_B: Scalar
    alpha: Scalar
    beta: Scalar


@jax.custom_jvp
def cheapest(surface: Surface, ratio: Scalar) -> tuple[Scalar, Scalar]:
    """(log N, log D) of the model of equal loss that minimises N (D + K).

    Args:
        surface: the models of equal loss.
        ratio: K = k_i/k_t >= 0, in tokens: all serving, in units of training one token.

    Returns:
        log N and log D. Their derivatives are those of the two equations that they solve, the loss's and
        alpha A/N^alpha = beta B/D^beta (1 + K/D); with r = 1/(alpha + beta + beta phi), s = 1/(1 + phi), phi = K/D,
        p = beta (1 + phi) r and R = dbeta/beta - dalpha/alpha + s dK/D:

            dlog D = (dlog B - log D dbeta - dlog x + p R)/(beta (1 + phi r))
            alpha dlog N = dlog A - log N dalpha - dlog B + log D dbeta - R + (beta + phi s) dlog D
    """
    log_excess, log_A, log_B, alpha, beta = surface
    powers = alpha + beta
    log_params = (log_A + log(powers / beta) - log_excess) * (1 / alpha)
    log_tokens = (log_B + log(powers / alpha) - log_excess) * (1 / beta)
    smaller, longer = relative(spend_ratio(ratio * jnp.exp(-log_tokens), alpha, beta), alpha, beta)
    return log_params + smaller, log_tokens + longer


@cheapest.defjvp
def _cheapest_jvp(primals, tangents):
    surface, ratio = primals
    dx, dlog_A, dlog_B, dalpha, dbeta = tangents[0]
    alpha, beta = surface.alpha, surface.beta
    log_params, log_tokens = cheapest(surface, ratio)
    per_token = jnp.exp(-log_tokens)
    phi = ratio * per_token
    r, s = 1 / (alpha + beta + beta * phi), 1 / (1 + phi)
    balance = dbeta / beta - dalpha / alpha + s * per_token * tangents[1]  # R
    by_tokens = dlog_B - log_tokens * dbeta
    dlog_tokens = (by_tokens - dx + beta * (1 + phi) * r * balance) / (beta * (1 + phi * r))
    by_params = dlog_A - log_params * dalpha
    dlog_params = (by_params - by_tokens - balance + (beta + phi * s) * dlog_tokens) / alpha
    return (log_params, log_tokens), (dlog_params, dlog_tokens)


@jax.custom_jvp
def least_cost(surface: Surface, training: Scalar, serving: Scalar, params: Scalar, tokens: Scalar) -> Scalar:
    """C = N (k_t D + k_i) at the model that makes it least at equal loss, by the envelope theorem.

    dC = N (D dk_t + dk_i + (k_t D + k_i)/alpha (dlog A - log N dalpha - dlog x)
            + k_t D/beta (dlog B - log D dbeta - dlog x)):

    what the optimum itself does is of second order.
    """
    return params * (training * tokens + serving)


@least_cost.defjvp
def _least_cost_jvp(primals, tangents):
    surface, training, serving, params, tokens = primals
    dx, dlog_A, dlog_B, dalpha, dbeta = tangents[0]
    spent = training * tokens
    by_params = (spent + serving) * (1 / surface.alpha) * (dlog_A - log(params) * dalpha - dx)
    by_tokens = spent * (1 / surface.beta) * (dlog_B - log(tokens) * dbeta - dx)
    return least_cost(*primals), params * (tokens * tangents[1] + tangents[2] + by_params + by_tokens)


def relative(phi: Scalar, alpha: Scalar, beta: Scalar) -> tuple[Scalar, Scalar]:
    """(log N/N_c, log D/D_c) of the cheapest plan with the spend ratio phi: how much smaller and how much longer."""
    stretch = log1p(beta / (alpha + beta) * phi)
    return (stretch - log1p(phi)) * (1 / alpha), stretch * (1 / beta)


def saving(phi: Scalar, alpha: Scalar, beta: Scalar) -> Scalar:
    """1 - C/C_c: what the optimum saves against the compute-optimal model of equal loss, of the latter's total.

    C/C_c = (1 + x0 phi)^(1/alpha + 1/beta) (1 + phi)^(1 - 1/alpha) / (1 + m)

    is 1 - m^2/(2 (alpha + beta)) + O(m^3), so the terms of first order are cancelled here by hand, through
    log1p(y) - y where phi is small, and left out where it is large; the relative error stays at rounding level from
    m = 0 to the largest numbers.
    """
    x0 = beta / (alpha + beta)
    growth = jnp.expm1(log1p(x0 * phi) / beta)  # D/D_c - 1
    small = _log1p_minus(x0 * phi) / x0 - _log1p_minus(phi)
    first = jnp.where(phi < 1, small, log1p(x0 * phi) / x0 - log1p(phi)) / alpha
    return -jnp.expm1(first - log1p(phi * growth / (1 + phi)))


def _log1p_minus(y: Scalar) -> Scalar:
    """log1p(y) - y for y >= 0 without cancellation: with t = y/(2 + y) it is 2 (t^3/3 + t^5/5 + ...) - y t."""
    small = y < 0.5
    t = jnp.where(small, y, 0) / (2 + y)
    series = sum(2 / (2 * n + 1) * (t * t) ** (n - 1) for n in range(1, 12))
    return jnp.where(small, t * t * t * series - y * t, log1p(y) - y)


def _power_root(m: Scalar, x: Scalar, kappa: Scalar) -> Scalar:
    """phi > 0 with phi (1 + x phi)^kappa = m, for x > 0 and kappa > -1; 1e-308/x (in float32 1e-38/x) where m is 0."""
    c = log(jnp.maximum(x * m, float(jnp.finfo(m.dtype).tiny)))
    return jnp.exp(_softplus_root(c, kappa)) * (1 / x)


def _softplus_root(c: Scalar, kappa: Scalar) -> Scalar:
    """u with u + kappa softplus(u) = c, for kappa > -1.

    The first guess is the root with softplus(u) replaced by the hyperbola (u + sqrt(u^2 + k^2))/2, within 1.4 of the
    root for kappa <= 100; one step of fifth order brings it within 3e-3, the second to rounding.
    """
    u = _hyperbola_root(c, kappa)
    for _ in range(STEPS):
        u = _householder(u, c, kappa)
    return u


def _hyperbola_root(c: Scalar, kappa: Scalar) -> Scalar:
    k = 1.26 - 0.0195 * kappa / (1 + 0.0248 * kappa)  # the best k for each kappa, fitted to within 0.05
    return (c * (1 + kappa / 2) - kappa / 2 * jnp.sqrt(c * c + (1 + kappa) * k * k)) / (1 + kappa)


def _householder(u: Scalar, c: Scalar, kappa: Scalar) -> Scalar:
    """One step of Householder's method of fifth order for f(u) = u + kappa softplus(u) - c.

    All four derivatives are rational in e = exp(-|u|), so they cost arithmetic and no further exponential; the step is
    brought over one division, since XLA on CPUs ends a fused loop at every division whose result is used twice.
    """
    e = jnp.exp(-jnp.abs(u))
    q = 1 + e
    a = jnp.where(u > 0, 1, e)  # sigmoid(u) = a/q
    z = q - 2 * a
    f = u - c + kappa * (jnp.maximum(u, 0) + log1p(e))
    p = q + kappa * a  # f' = p/q
    g = kappa * e
    gf2 = g * f * f
    numerator = p * (p * p - g * f) + gf2 * z * (1 / 6)
    denominator = p * p * (p * p - 1.5 * g * f) + gf2 * (g * 0.25 + z * p * (1 / 3) - (q * q - 6 * e) * f * (1 / 24))
    return u - f * q * numerator / denominator
