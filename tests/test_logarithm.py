"""Logarithms: within two units in the last place, right at the special values, differentiable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from lifetimescale import logarithm

SAMPLES = np.concatenate(
    [
        np.exp(np.random.default_rng(0).uniform(-700, 700, 20_000)),
        1 + np.random.default_rng(1).uniform(-0.3, 0.5, 20_000),
        1 + np.random.default_rng(2).uniform(-1e-9, 1e-9, 2_000),
    ]
)


@pytest.mark.parametrize("jit", [True, False])
def test_log_is_within_two_units(jit):
    log = jax.vmap(logarithm.log)
    log = jax.jit(log) if jit else log
    assert np.max(np.abs(log(jnp.asarray(SAMPLES)) / np.log(SAMPLES) - 1)) < 2 * np.finfo(float).eps


@pytest.mark.parametrize("jit", [True, False])
def test_log1p_is_within_three_units_down_to_nothing(jit):
    log1p = jax.vmap(logarithm.log1p)
    log1p = jax.jit(log1p) if jit else log1p
    x = np.concatenate([SAMPLES, -0.9 * np.random.default_rng(3).uniform(0, 1, 1000)])
    assert np.max(np.abs(log1p(jnp.asarray(x)) / np.log1p(x) - 1)) < 3 * np.finfo(float).eps


def test_special_values():
    log = jax.vmap(logarithm.log)(jnp.asarray([0.0, -1.0, jnp.nan, jnp.inf, 1.0]))
    assert np.array_equal(log, [-np.inf, np.nan, np.nan, np.inf, 0.0], equal_nan=True)
    log1p = jax.vmap(logarithm.log1p)(jnp.asarray([-1.0, -2.0, jnp.nan, jnp.inf, 0.0]))
    assert np.array_equal(log1p, [-np.inf, np.nan, np.nan, np.inf, 0.0], equal_nan=True)


def test_float32_stays_float32_and_keeps_its_digits():
    x = SAMPLES[(SAMPLES > 1e-37) & (SAMPLES < 1e37)].astype(np.float32)
    for function, exact in ((logarithm.log, np.log), (logarithm.log1p, np.log1p)):
        ours = jax.vmap(function)(jnp.asarray(x))
        assert ours.dtype == jnp.float32
        expected = exact(x.astype(float))
        error = np.abs(np.asarray(ours, float) - expected) / np.maximum(np.abs(expected), 1e-30)
        assert error.max() < 3 * np.finfo(np.float32).eps


@pytest.mark.parametrize("function", [logarithm.log, logarithm.log1p, logarithm.softplus])
@pytest.mark.parametrize("x", [0.3, 1.0, 40.0])
def test_derivatives(function, x):
    check_grads(lambda x: function(jnp.asarray(x)), (x,), order=2, eps=1e-5, rtol=1e-4, atol=1e-5)


def test_softplus_at_zero_has_its_curvature():
    assert float(jax.grad(jax.grad(logarithm.softplus))(jnp.asarray(0.0))) == 0.25
