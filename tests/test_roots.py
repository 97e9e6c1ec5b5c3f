"""One bracketed root: found from anywhere, implicit derivative = finite differences, failures are statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from lifetimescale.roots import root
from lifetimescale.status import Status

FUNCTIONS = {
    "line": (lambda x, a: x - a, lambda a: a),
    "cubic": (lambda x, a: x**3 - a, np.cbrt),
    "steep": (lambda x, a: jnp.expm1(x - a), lambda a: a),
    "flat": (lambda x, a: jnp.arctan(x - a), lambda a: a),
    "not monotone": (lambda x, a: (x - a) * (1.2 + jnp.sin(5 * x)), lambda a: a),
    "kinked": (lambda x, a: jnp.where(x < a, 0.01 * (x - a), 100 * (x - a)), lambda a: a),
    "infinite on the right": (lambda x, a: jnp.where(x > a + 1, jnp.inf, x - a), lambda a: a),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_root_is_found_from_near_and_far(name):
    function, solution = FUNCTIONS[name]
    a = np.linspace(-30, 30, 60)
    found = jax.jit(jax.vmap(lambda a: root(function, jnp.asarray(0.5), a)))(jnp.asarray(a))
    assert (found.status == Status.OK).all()
    assert np.max(np.abs(found.position - solution(a)) / np.maximum(1, np.abs(a))) < 1e-11


@pytest.mark.parametrize("name", ["line", "cubic", "steep", "not monotone"])
def test_derivative_is_that_of_the_implicit_function(name):
    function, _ = FUNCTIONS[name]
    check_grads(
        lambda a: root(function, jnp.asarray(0.5), a).position, (jnp.asarray(3.0),), order=2, rtol=1e-4, eps=1e-4
    )


def test_no_change_of_sign_is_a_status():
    found = jax.vmap(lambda a: root(lambda x, a: jnp.exp(x) + a, jnp.asarray(0.0), a))(jnp.asarray([1.0, -1.0]))
    assert found.status.tolist() == [Status.NO_OPTIMUM, Status.OK]
    assert np.isnan(found.position[0])


def test_a_function_that_is_not_a_number_is_a_status():
    assert root(lambda x, a: a * x, jnp.asarray(1.0), jnp.asarray(jnp.nan)).status == Status.NO_OPTIMUM


def test_a_jump_is_closed_to_rounding():
    found = root(lambda x, a: jnp.where(x < a, -1.0, 1.0), jnp.asarray(0.0), jnp.asarray(np.pi))
    assert found.status == Status.OK
    assert float(found.position) == pytest.approx(np.pi, rel=1e-15)


def test_float32():
    found = root(FUNCTIONS["cubic"][0], jnp.float32(1.0), jnp.float32(27.0))
    assert found.position.dtype == jnp.float32
    assert float(found.position) == pytest.approx(3.0, rel=1e-6)
