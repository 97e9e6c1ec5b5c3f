"""The equation itself: against 40 digits, at the extremes, in float32, and its derivatives."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax.test_util import check_grads

from lifetimescale import spend


def exact_phi(m, x, kappa):
    """phi (1 + x phi)^kappa = m with 40 digits; the function of log phi is increasing."""
    with mpmath.workdps(40):
        m, x, kappa = (mpmath.mpf(float(value)) for value in (m, x, kappa))
        log_m = mpmath.log(m)
        log_phi = mpmath.findroot(
            lambda u: u + kappa * mpmath.log1p(x * mpmath.exp(u)) - log_m, (log_m - 1, log_m + 1), solver="secant"
        )
        return mpmath.exp(log_phi)


def log_uniform(rng, low, high, size):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


@pytest.mark.parametrize("betas", [(0.005, 0.05), (0.05, 5.0)])
def test_spend_ratio_is_rounded_for_every_beta_and_m(betas):
    rng = np.random.default_rng(1)
    beta, alpha, m = log_uniform(rng, *betas, 60), rng.uniform(0.05, 5, 60), np.exp(rng.uniform(-40, 40, 60))
    phi = jax.vmap(spend.spend_ratio)(*map(jnp.asarray, (m, alpha, beta)))
    for index, value in enumerate(phi):
        a, b = mpmath.mpf(alpha[index]), mpmath.mpf(beta[index])
        exact = exact_phi(m[index], b / (a + b), 1 / b)
        error = abs(float(mpmath.mpf(float(value)) / exact - 1))
        assert error < 16 * np.finfo(float).eps * max(1, abs(float(mpmath.log(exact)))), (alpha[index], beta[index])


def test_budget_spend_ratio_is_rounded():
    rng = np.random.default_rng(2)
    alpha, beta, m = rng.uniform(0.05, 5, 60), log_uniform(rng, 0.05, 5, 60), np.exp(rng.uniform(-40, 40, 60))
    phi = jax.vmap(spend.budget_spend_ratio)(*map(jnp.asarray, (m, alpha, beta)))
    for index, value in enumerate(phi):
        a, b = mpmath.mpf(alpha[index]), mpmath.mpf(beta[index])
        exact = exact_phi(m[index], 1, (1 - a) / (a + b))
        assert abs(float(mpmath.mpf(float(value)) / exact - 1)) < 64 * np.finfo(float).eps * max(
            1, abs(float(mpmath.log(exact)))
        )


def test_float32_keeps_five_digits():
    rng = np.random.default_rng(3)
    m, alpha, beta = np.exp(rng.uniform(-20, 20, 10_000)), rng.uniform(0.1, 1, 10_000), rng.uniform(0.1, 1, 10_000)
    double = jax.vmap(spend.spend_ratio)(*map(jnp.asarray, (m, alpha, beta)))
    single = jax.vmap(spend.spend_ratio)(*(jnp.asarray(x, jnp.float32) for x in (m, alpha, beta)))
    assert single.dtype == jnp.float32
    assert np.max(np.abs(np.asarray(single, float) / double - 1)) < 1e-5


@pytest.mark.parametrize("function", [spend.spend_ratio, spend.budget_spend_ratio])
def test_derivatives_to_second_order_in_both_modes(function):
    for m in (1e-3, 1.0, 1e3):
        check_grads(lambda *x: function(*map(jnp.asarray, x)), (m, 0.34, 0.28), order=2, eps=1e-5, rtol=1e-4)


@pytest.mark.parametrize("function", [spend.spend_ratio, spend.budget_spend_ratio])
def test_no_demand_has_a_value_and_derivatives(function):
    arguments = (jnp.asarray(0.0), jnp.asarray(0.34), jnp.asarray(0.28))
    assert float(function(*arguments)) < 1e-300
    gradient = jax.grad(function, (0, 1, 2))(*arguments)
    assert np.allclose(gradient, (1, 0, 0), atol=1e-300)
    assert np.isfinite(jax.hessian(function, (0, 1, 2))(*arguments)).all()


@pytest.mark.parametrize("m", [1e-12, 1e-6, 1e-3, 0.3, 10.0, 1e6, 1e20, 1e50, 1e100])
def test_saving_has_full_relative_precision(m):
    phi = spend.spend_ratio(jnp.asarray(m), jnp.asarray(0.336), jnp.asarray(0.283))
    with mpmath.workdps(60):
        a, b = mpmath.mpf(0.336), mpmath.mpf(0.283)
        x0 = b / (a + b)
        exact = exact_phi(m, x0, 1 / b)
        ratio = (1 + x0 * exact) ** (1 / a + 1 / b) * (1 + exact) ** (1 - 1 / a) / (1 + mpmath.mpf(m))
        expected = float(1 - ratio)
    saving = float(spend.saving(phi, jnp.asarray(0.336), jnp.asarray(0.283)))
    assert saving == pytest.approx(expected, rel=2e-12 if m < 1e-9 else 2e-13)
