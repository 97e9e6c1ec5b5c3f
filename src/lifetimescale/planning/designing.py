"""The best values of design variables: discrete ones are all tried, continuous ones descend from the best of a grid."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lifetimescale.convex import positive_solve
from lifetimescale.design import Between, Choice, OneOf, Same
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log

Vector = Float[Array, " k"]
"""One number of each continuous design variable."""
Matrix = Float[Array, "k k"]
Values = dict[str, Scalar]
"""One number of each design variable, by name."""

GRID = {1: 9, 2: 5}  # points along each variable where the descent may start; 3 along each of more
MOST_STEPS = 60  # plans take 4 to 8
LONGEST_STEP = 0.5  # of the range


Evaluation = Callable[[Callable[[Vector], Values], Vector, Any], tuple[Scalar, Vector]]
"""(values by name of a vector, the vector, a problem) -> the value there, NaN where there is no plan, and its slope."""


class Goal(eqx.Module):
    """What is to be least.

    Args:
        evaluate: it closes over no traced value.
        problem: what else it depends on.
        given: the values that are known.
        names: the continuous variables.
        ties: pairs of a variable and the one that it equals.
    """

    evaluate: Evaluation = eqx.field(static=True)
    problem: Any
    given: Values
    names: tuple[str, ...] = eqx.field(static=True)
    ties: tuple[tuple[str, str], ...] = eqx.field(static=True)

    def design(self, x: Vector) -> Values:
        """All values, by name."""
        values = self.given | dict(zip(self.names, x, strict=True))
        return values | {name: values[of] for name, of in self.ties}

    def __call__(self, x: Vector) -> tuple[Scalar, Vector]:
        """The value and its slope."""
        return self.evaluate(self.design, x, self.problem)


class Box(eqx.Module):
    """The ranges of the continuous variables, and a share of each: of its logarithm, or of itself where it begins at 0.

    Args:
        least: of each.
        most: of each.
    """

    least: Vector
    most: Vector

    def values(self, share: Vector) -> Vector:
        """The values at shares from 0 to 1, whose ends are the very ends of the ranges."""
        ratio = self.least > 0
        least, most = (jax.vmap(log)(jnp.where(ratio, end, 1)) for end in (self.least, self.most))
        inside = jnp.where(ratio, jnp.exp(least + share * (most - least)), share * self.most)
        at_least, at_most = self.least - jax.lax.stop_gradient(inside), self.most - jax.lax.stop_gradient(inside)
        return inside + jnp.where(share <= 0, at_least, jnp.where(share >= 1, at_most, 0))


def best_design(evaluate: Evaluation, problem: Any, choices: Mapping[str, Choice]) -> tuple[Values, Bool[Array, ""]]:
    """The values of least value, and whether their search came to its end.

    Every combination of discrete choices is tried. Continuous ones start from the best point of a grid, as what is
    feasible may be only a part of their ranges, and go down by Newton's method in the box; a step that does not lower
    the value is a quarter as long the next time. That is the least where there is one minimum, or one that the grid
    sees. Derivative: that of `settled`.
    """
    ranges = {name: choice for name, choice in choices.items() if isinstance(choice, Between)}
    listed = {name: choice.choices for name, choice in choices.items() if isinstance(choice, OneOf)}
    ties = {name: choice.name for name, choice in choices.items() if isinstance(choice, Same)}
    given = {name: choice for name, choice in choices.items() if not isinstance(choice, Between | OneOf | Same)}
    goal, box = Goal(evaluate, problem, given, tuple(ranges), tuple(ties.items())), _box(ranges.values())
    if not ranges and not listed:
        return goal.design(box.least), jnp.asarray(True)
    options = _combinations(listed)

    def search(option: Values) -> Descent:
        return descend(dataclasses.replace(goal, given=given | option), box)

    tried = jax.lax.map(search, options) if options else jax.tree.map(lambda leaf: leaf[None], search({}))
    best = jnp.argmin(jnp.where(jnp.isnan(tried.value), jnp.inf, tried.value))
    goal = dataclasses.replace(goal, given=given | {name: column[best] for name, column in options.items()})
    x = settled(jax.lax.stop_gradient(tried.share[best]), goal, box) if ranges else box.least
    return goal.design(x), tried.done[best]


def _box(ranges: Iterable[Between]) -> Box:
    ends = [(choice.least, choice.most) for choice in ranges]
    return Box(*(jnp.stack(column) for column in zip(*ends, strict=True))) if ends else Box(jnp.zeros(0), jnp.zeros(0))


def _combinations(listed: Mapping[str, tuple[Scalar, ...]]) -> dict[str, Float[Array, " combinations"]]:
    """Every combination of the choices, a column for each variable."""
    columns = zip(*itertools.product(*listed.values()), strict=True)
    return {name: jnp.stack(column) for name, column in zip(listed, columns, strict=True)} if listed else {}


class Descent(NamedTuple):
    """Where a descent is, as shares of the ranges, and what the function is there."""

    share: Vector
    value: Scalar
    slope: Vector
    curvature: Matrix
    radius: Scalar
    done: Bool[Array, ""]


def descend(goal: Goal, box: Box) -> Descent:
    """The least of a goal in a box, without derivatives of its own.

    One loop looks at the points of a grid, a few at a time, and then goes down from the best of them: XLA compiles the
    goal, which is the search of a plan, once for both.
    """
    goal, box = jax.lax.stop_gradient((goal, box))
    size, dtype = len(goal.names), box.least.dtype
    if size == 0:
        value, slope = goal(box.least)
        return Descent(box.least, value, slope, jnp.zeros((0, 0)), value, jnp.asarray(True))
    spaced = np.linspace(0, 1, GRID.get(size, 3))
    looks = -(-(len(spaced) ** size) // (size + 1))
    grid = jnp.asarray(np.resize(list(itertools.product(spaced, repeat=size)), (looks, size + 1, size)), dtype)

    def step(state: tuple[Any, Descent]) -> tuple[Any, Descent]:
        count, now = state
        share, longest = next_share(now)
        looking = count < looks
        shares = jnp.where(looking, grid[jnp.minimum(count, looks - 1)], neighbours(share))
        values, slopes = jax.vmap(lambda share: by_share(goal, box, share))(shares)
        after = jax.tree.map(
            lambda look, step: jnp.where(looking, look, step),
            looked(now, shares, values),
            stepped(now, shares, values, slopes, longest, first=count == looks),
        )
        return count + 1, jax.tree.map(lambda old, new: jnp.where(now.done, old, new), now, after)

    nothing, no = jnp.zeros(size, dtype), jnp.asarray(False)
    radius = jnp.asarray(spaced[1], dtype)
    start = Descent(nothing + 0.5, jnp.full_like(radius, jnp.inf), nothing, jnp.eye(size, dtype=dtype), radius, no)
    return jax.lax.while_loop(lambda state: (state[0] < looks + MOST_STEPS) & ~state[1].done, step, (0, start))[1]


def by_share(goal: Goal, box: Box, share: Vector) -> tuple[Scalar, Vector]:
    """The value of a goal and its slope by the shares."""
    values, change = jax.jvp(box.values, (share,), (jnp.ones_like(share),))
    value, slope = goal(values)
    return value, slope * change


def neighbours(share: Vector) -> Float[Array, "points k"]:
    """A point, and one a little way off along each variable, within the box.

    Differences of slopes are curvature enough: second derivatives through the search of a plan take XLA three times as
    long to compile, and spare Newton's method one step.
    """
    apart = jnp.where(share > 0.5, -1, 1) * jnp.finfo(share.dtype).eps ** 0.25
    return jnp.concatenate([share[None], share[None] + jnp.diag(apart)])


def looked(now: Descent, shares: Float[Array, "points k"], values: Float[Array, " points"]) -> Descent:
    """The best point seen so far."""
    best = jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))
    better = values[best] < now.value
    return now._replace(
        share=jnp.where(better, shares[best], now.share), value=jnp.where(better, values[best], now.value)
    )


def stepped(
    now: Descent,
    shares: Float[Array, "points k"],
    values: Float[Array, " points"],
    slopes: Float[Array, "points k"],
    longest: Scalar,
    *,
    first: Bool[Array, ""],
) -> Descent:
    """Where a step to the first of the points leads: there, or back with a shorter step for the next time."""
    share, value, slope = shares[0], values[0], slopes[0]
    apart = jnp.diagonal(shares[1:] - share[None])
    curvature = (slopes[1:] - slope[None]) / apart[:, None]
    steep = jnp.eye(share.shape[0], dtype=share.dtype) * jnp.max(jnp.abs(slope)) / LONGEST_STEP
    curvature = jnp.where(jnp.isfinite(curvature), (curvature + curvature.T) / 2, steep)
    epsilon = jnp.finfo(share.dtype).eps
    lower = value <= now.value + 16 * epsilon * jnp.maximum(1, jnp.abs(value))
    last = ~first & (longest <= epsilon**0.6)
    radius = jnp.where(lower, jnp.minimum(LONGEST_STEP, jnp.maximum(now.radius, 2 * longest)), longest / 4)
    there = Descent(share, value, slope, curvature, radius, last)
    kept = now._replace(radius=radius, done=last | jnp.isnan(value) & first)
    return jax.tree.map(lambda new, old: jnp.where(lower, new, old), there, kept)


def next_share(now: Descent) -> tuple[Vector, Scalar]:
    """Where Newton's step leads within the box and the radius, and how far that is along the variable that moves most.

    A variable at an end that it would leave stays there.
    """
    held = ((now.share <= 0) & (now.slope > 0)) | ((now.share >= 1) & (now.slope < 0))
    step = newton(jnp.where(held, 0, now.slope), now.curvature, held)
    step = step * jnp.minimum(1, now.radius / jnp.maximum(jnp.max(jnp.abs(step)), now.radius))
    share = jnp.clip(now.share + step, 0, 1)
    return share, jnp.max(jnp.abs(share - now.share))


def newton(slope: Vector, curvature: Matrix, held: Bool[Array, " k"]) -> Vector:
    """-H^-1 slope over the variables that are not held, downhill whatever H is."""
    one = jnp.eye(slope.shape[0], dtype=slope.dtype)
    free = jnp.where(held[:, None] | held[None, :], one, curvature)
    least = jnp.finfo(slope.dtype).eps * jnp.max(jnp.abs(free))
    return positive_solve(free, -slope, least_pivot=least)


@jax.custom_jvp
def settled(share: Vector, goal: Goal, box: Box) -> Vector:
    """The values at a share that is known to be the least of a goal, with their derivative in the goal and the box.

    By the implicit function theorem on slope(x) = 0: H dx = -d slope - H db over the free variables, where the held
    ones move with their end of the range, dx = db. Where an end just begins to hold it is one-sided.
    """
    return box.values(share)


@settled.defjvp
def _settled_jvp(primals, tangents):
    share, goal, box = primals
    _, dgoal, dbox = tangents
    x = settled(share, goal, box)
    low, high = x == box.least, x == box.most
    held = low | high
    dx = jnp.where(low, dbox.least, jnp.where(high, dbox.most, 0))

    def slope(x, goal):
        return goal(x)[1]

    _, dslope = jax.jvp(slope, (x, goal), (dx, dgoal))
    curvature = jax.jacfwd(slope)(x, goal)
    free = jnp.where(held[:, None] | held[None, :], jnp.eye(x.size, dtype=x.dtype), curvature)
    return x, dx + positive_solve(free, jnp.where(held, 0, -dslope))
