"""The least of a smooth function of a few variables in a box, by Newton's method within a radius."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lifetimescale.convex import positive_solve
from lifetimescale.leaves import Scalar

Vector = Float[Array, " k"]
"""One number of each variable."""
Matrix = Float[Array, "k k"]

MOST_STEPS = 60  # plans take 4 to 10
LONGEST_STEP = 0.5  # of a share


class Local(NamedTuple):
    """A function about a point."""

    value: Scalar
    slope: Vector
    curvature: Matrix


class Descent(NamedTuple):
    """Where a descent is, and what the function is there."""

    point: Vector
    value: Scalar
    slope: Vector
    curvature: Matrix
    radius: Scalar
    done: Bool[Array, ""]


def descend(local: Callable[[Vector], Local], start: Vector, radius: float, *, free: int) -> Descent:
    """The least of a function whose variables, but for the first `free` ones, are shares from 0 to 1.

    Newton's method with a step no longer than a radius, a quarter of which is taken next where the value did not fall.
    """
    least = jnp.where(jnp.arange(start.size) < free, -jnp.inf, 0).astype(start.dtype)
    box = least, jnp.where(least < 0, jnp.inf, 1)

    def step(state: tuple[Any, Descent]) -> tuple[Any, Descent]:
        count, now = state
        point, longest = next_point(now, *box)
        value, slope, curvature = local(point)
        epsilon = jnp.finfo(point.dtype).eps
        lower = value <= now.value + 16 * epsilon * jnp.maximum(1, jnp.abs(value))
        last = (count > 0) & (longest <= epsilon**0.5)  # and so the next would be rounding
        radius = jnp.where(lower, jnp.minimum(LONGEST_STEP, jnp.maximum(now.radius, 2 * longest)), longest / 4)
        there = Descent(point, value, slope, curvature, radius, last)
        kept = now._replace(radius=radius, done=last | ((count == 0) & jnp.isnan(value)))
        after = jax.tree.map(lambda new, old: jnp.where(lower, new, old), there, kept)
        return count + 1, jax.tree.map(lambda new, old: jnp.where(now.done, old, new), after, now)

    nothing, no = jnp.zeros_like(start), jnp.asarray(False)
    unit = jnp.eye(start.size, dtype=start.dtype)
    first = Descent(start, jnp.inf + nothing[0], nothing, unit, radius + nothing[0], no)
    return jax.lax.while_loop(lambda state: (state[0] < MOST_STEPS) & ~state[1].done, step, (0, first))[1]


def next_point(now: Descent, least: Vector, most: Vector) -> tuple[Vector, Scalar]:
    """Where Newton's step leads within the box and the radius, and how far that is along the variable that moves most.

    A variable at an end that it would leave stays there.
    """
    held = ((now.point <= least) & (now.slope > 0)) | ((now.point >= most) & (now.slope < 0))
    step = newton(jnp.where(held, 0, now.slope), now.curvature, held)
    step = step * jnp.minimum(1, now.radius / jnp.maximum(jnp.max(jnp.abs(step)), now.radius))
    point = jnp.clip(now.point + step, least, most)
    return point, jnp.max(jnp.abs(point - now.point))


def newton(slope: Vector, curvature: Matrix, held: Bool[Array, " k"]) -> Vector:
    """-H^-1 slope over the variables that are not held, downhill whatever H is."""
    one = jnp.eye(slope.shape[0], dtype=slope.dtype)
    free = jnp.where(held[:, None] | held[None, :], one, curvature)
    least = jnp.finfo(slope.dtype).eps * jnp.max(jnp.abs(free))
    return positive_solve(free, -slope, least_pivot=least)
