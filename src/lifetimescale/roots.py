"""One root of a function of one variable: under jit, vmap and grad, with a status.

Measured beside optimistix 0.1 on 1e5 plans (benchmarks/roots.py): its Bisection, the one bracketing method there, needs
the bracket first and takes 4.3 times as long as this; its Newton takes 0.58 times as long, and has no guard.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, UInt8

from lifetimescale.leaves import Scalar
from lifetimescale.status import Status

MOST_STEPS = 120  # plans take 5 to 7; bisection of the widest bracket takes 64
FARTHEST = 1000.0  # past the logarithm of every float64


class Root(NamedTuple):
    """Where the function crosses zero (NaN if nowhere), and what became of the search."""

    position: Scalar
    status: UInt8[Array, ""]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def root(function: Callable[[Scalar, Any], Scalar], start: Scalar, arguments: PyTree) -> Root:
    """The x at which a function goes from negative to positive, its only change of sign.

    Newton's method with its derivative by JAX, inside the bracket that the signs seen so far give: a step that leaves
    the bracket, or is more than half of the one before, is replaced by bisection, and until there is a bracket steps
    may only double. The last Newton step is below eps^0.6, so what remains is rounding. The function may be infinite
    away from its root; only its sign counts there.

    Derivative: dx = -(df/darguments . darguments)/(df/dx), the implicit function theorem; none with respect to `start`.

    Args:
        function: `function(x, arguments)`, negative below the root and positive above; it closes over no traced value.
        start: the first guess.
        arguments: what the function and so the root depends on.

    Returns:
        The root and `OK`, or NaN with `NO_OPTIMUM` (no change of sign) or `NOT_CONVERGED`.
    """
    step = functools.partial(_step, function, arguments)
    infinite, no = jnp.full_like(start, jnp.inf), jnp.full_like(start, False, dtype=bool)
    search = _Search(start, -infinite, infinite, jnp.ones_like(start), no, no)
    _, search = jax.lax.while_loop(
        lambda state: (state[0] < MOST_STEPS) & ~(state[1].found | state[1].lost),
        lambda state: (state[0] + 1, step(state[1])),
        (0, search),
    )
    failure = jnp.where(jnp.isfinite(search.high - search.low), Status.NOT_CONVERGED, Status.NO_OPTIMUM)
    status = jnp.where(search.found, Status.OK, failure)
    return Root(jnp.where(status == Status.OK, search.position, jnp.nan), status.astype(jnp.uint8))


@root.defjvp
def _root_jvp(function, primals, tangents):
    start, arguments = primals
    result = root(function, start, arguments)
    slope = jax.grad(function)(result.position, arguments)
    _, change = jax.jvp(functools.partial(function, result.position), (arguments,), (tangents[1],))
    no_tangent: Any = np.zeros(result.status.shape, jax.dtypes.float0)
    return result, Root(-change / slope, no_tangent)


class _Search(NamedTuple):
    position: Scalar
    low: Scalar  # the highest position seen where the function is negative
    high: Scalar  # the lowest seen where it is positive
    step: Scalar  # the last one; before the bracket is closed, twice the last one
    found: Bool[Array, ""]
    lost: Bool[Array, ""]  # no change of sign, or no value


def _step(function: Callable[[Scalar, Any], Scalar], arguments: PyTree, search: _Search) -> _Search:
    x, last = search.position, search.step
    value, slope = jax.value_and_grad(function)(x, arguments)
    low, high = jnp.where(value <= 0, x, search.low), jnp.where(value >= 0, x, search.high)
    bracketed = jnp.isfinite(high - low)
    newton = -value / slope
    newton = jnp.where((slope > 0) & jnp.isfinite(newton), newton, -jnp.sign(value) * jnp.inf)
    wanders = (x + newton < low) | (x + newton > high) | (jnp.abs(newton) > jnp.abs(last) / 2)
    inside = jnp.where(wanders, (low + high) / 2 - x, newton)
    step = jnp.where(value == 0, 0, jnp.where(bracketed, inside, jnp.clip(newton, -last, last)))
    epsilon, scale = jnp.finfo(x.dtype).eps, jnp.maximum(1, jnp.abs(x))
    settled = (~bracketed | ~wanders) & (jnp.abs(newton) <= epsilon**0.6 * scale)
    found = settled | (value == 0) | (high - low <= 2 * epsilon * scale)
    lost = jnp.isnan(value) | (jnp.abs(x) > FARTHEST)
    done = search.found | search.lost
    return _Search(
        jnp.where(done, x, x + step),
        low,
        high,
        jnp.where(bracketed, step, 2 * last),
        jnp.where(done, search.found, found & ~lost),
        jnp.where(done, search.lost, lost),
    )
