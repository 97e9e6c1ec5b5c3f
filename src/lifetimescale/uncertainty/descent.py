"""The least of a convex function of two or three variables with kinks, through ever less softened ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree, UInt8

from lifetimescale.convex import positive_solve
from lifetimescale.leaves import Scalar
from lifetimescale.status import Status

Vector = Float[Array, " k"]
"""One number of each variable."""
Matrix = Float[Array, "k k"]


class Local(NamedTuple):
    """A function about a position: its value, slope and Hessian."""

    value: Scalar
    slope: Vector
    hessian: Matrix


Objective = Callable[[Vector, Scalar, Any], Local]
"""(position, softness, arguments) -> what is minimised, about that position."""

FIRST_SOFTNESS, SHARPER, LAST_SOFTNESS = 1.0, 10**0.5, 1e-10
"""A stage's softness is the width of its kinks: a sharper one's optimum is where Newton's method finds the next."""
ALIKE = 1e-9  # what a stage gains on the one before, of values near 1, once its kinks no longer matter
SETTLED = 1e-4  # times the softness: what a step of a stage may still gain
TRIALS = 40
LONGEST_STEP = 2.0
SHORTER, SHORTEST = 0.25, 1e-9
GOLDEN = (5**0.5 - 1) / 2
WIDEST = 8.0  # from the middle, a factor of 3000
SECTIONS = 48  # to 2e-9 of a logarithm
ENOUGH = 1e-4  # of the gain that the slope promises


class Least(NamedTuple):
    """Where the least value is (NaN if nowhere), and what became of the search."""

    position: Vector
    status: UInt8[Array, ""]


def least(objective: Objective, start: Vector, arguments: PyTree) -> Least:
    """The x of least objective(x, softness -> 0, arguments).

    Newton's method with a line search, at one softness after another, each from the optimum of the one before. The
    result is held fixed under derivatives: of the least value they are those at fixed x (envelope theorem), and the
    kinks of a sample leave the optimum itself none that mean anything.

    Args:
        objective: convex at every softness, of values near 1.
        start: the first guess, where the objective is finite.
        arguments: what it depends on.
    """
    start, arguments = jax.lax.stop_gradient((start, arguments))
    epsilon = float(jnp.finfo(start.dtype).eps)
    sharpest = max(LAST_SOFTNESS, 4 * epsilon)

    def sharpen(stage: _Stage) -> _Stage:
        tolerance = jnp.maximum(SETTLED * stage.softness, 4 * epsilon)
        walk = _newton(lambda x: objective(x, stage.softness, arguments), stage.position, tolerance)
        alike = walk.gained + walk.promised <= max(ALIKE, 8 * epsilon)
        done = (alike & (stage.softness < FIRST_SOFTNESS)) | (stage.softness <= sharpest)
        return _Stage(walk.position, walk.promised, stage.softness / SHARPER, done)

    first = jnp.full_like(start[0], FIRST_SOFTNESS)
    begin = _Stage(start, first * jnp.inf, first, jnp.zeros_like(first, dtype=bool))
    end = jax.lax.while_loop(lambda stage: ~stage.done, sharpen, begin)
    found = end.promised < epsilon**0.5
    mask = jnp.where(found, 1.0, jnp.nan).astype(start.dtype)
    return Least(end.position * mask, jnp.where(found, Status.OK, Status.NOT_CONVERGED).astype(jnp.uint8))


class _Stage(NamedTuple):
    position: Vector
    promised: Scalar  # what a further step would gain
    softness: Scalar  # of the next stage
    done: Array


def valley(function: Callable[[Scalar, Scalar], Scalar], middle: Vector) -> Least:
    """The (x, y) of least function(x, y), where that of least y at every x is convex in x: golden sections, nested.

    For a greatest of many, whose kinks meet at the optimum: where one draw is at its worst another is next to it, and
    Newton's method goes from one to the other. The result is held fixed under derivatives, as that of `least` is.

    Args:
        function: convex in y at every x, or at least with one valley.
        middle: of the square of 2 `WIDEST` that is searched.
    """
    middle = jax.lax.stop_gradient(middle)

    def along(x: Scalar) -> tuple[Scalar, Scalar]:
        return _section(lambda y: (function(x, y), y), middle[1])

    _, (x, y) = _section(lambda x: (along(x)[0], (x, along(x)[1])), middle[0])
    found = jnp.stack([x, y])
    inside = jnp.all(jnp.abs(found - middle) < WIDEST * (1 - 1e-3))
    mask = jnp.where(inside, 1.0, jnp.nan).astype(middle.dtype)
    return Least(found * mask, jnp.where(inside, Status.OK, Status.NOT_CONVERGED).astype(jnp.uint8))


def _section(function: Callable[[Scalar], tuple[Scalar, PyTree]], middle: Scalar) -> tuple[Scalar, PyTree]:
    """The least value of a function with one valley within `WIDEST` of the middle, and what comes with it."""
    left, right = middle - WIDEST * (2 * GOLDEN - 1), middle + WIDEST * (2 * GOLDEN - 1)

    def narrow(_: Any, state: Any) -> Any:
        low, high, left, right, at_left, at_right = state
        lower = at_left[0] < at_right[0]  # of a flat valley the upper end: tokens that are trained in any case
        low, high = jnp.where(lower, low, left), jnp.where(lower, right, high)
        new = jnp.where(lower, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_new = function(new)
        down, up = (new, left, at_new, at_left), (right, new, at_right, at_new)
        return low, high, *jax.tree.map(lambda a, b: jnp.where(lower, a, b), down, up)

    begin = (middle - WIDEST, middle + WIDEST, left, right, function(left), function(right))
    *_, at_left, at_right = jax.lax.fori_loop(0, SECTIONS, narrow, begin)
    return jax.tree.map(lambda a, b: jnp.where(at_left[0] <= at_right[0], a, b), at_left, at_right)


class _Walk(NamedTuple):
    position: Vector  # the best so far
    value: Scalar
    move: Vector  # Newton's, from there
    promised: Scalar  # what that move would gain
    gained: Scalar  # since the first
    length: Scalar  # of it, to be tried next
    tried: Array


def _newton(about: Callable[[Vector], Local], start: Vector, tolerance: Scalar) -> _Walk:
    """Steps until the next promises less than the tolerance.

    Every trial evaluates the derivatives too: most are accepted, and then it is the only evaluation of the step.
    """

    def attempt(walk: _Walk) -> _Walk:
        x = walk.position + walk.length * walk.move
        here, slope, hessian = about(x)
        accepted = here <= walk.value - ENOUGH * walk.length * walk.promised
        least_pivot = jnp.finfo(slope.dtype).eps * jnp.max(jnp.abs(hessian))
        move = -positive_solve(hessian, slope, least_pivot=least_pivot)
        move = move / jnp.maximum(1, jnp.max(jnp.abs(move)) / LONGEST_STEP)
        gained = jnp.where(walk.tried > 0, walk.gained + walk.value - here, 0)
        found = _Walk(x, here, move, -jnp.sum(slope * move), gained, jnp.ones_like(here), walk.tried + 1)
        again = walk._replace(length=walk.length * SHORTER, tried=walk.tried + 1)
        return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), found, again)

    nothing = jnp.zeros_like(start[0])
    before = _Walk(start, nothing + jnp.inf, 0 * start, nothing, nothing, nothing, jnp.asarray(0))
    return jax.lax.while_loop(
        lambda walk: (walk.tried < TRIALS) & (walk.length > SHORTEST) & ~(walk.promised <= tolerance),
        attempt,
        attempt(before),
    )
