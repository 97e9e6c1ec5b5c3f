"""The best values of design variables: discrete ones are all tried, continuous ones descend from the best of a grid."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from lifetimescale.convex import positive_solve
from lifetimescale.design import Between, Choice, OneOf, Same
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log
from lifetimescale.planning.descent import LONGEST_STEP, Descent, Local, Vector, descend
from lifetimescale.roots import root

Values = dict[str, Scalar]
"""One number of each design variable, by name."""

GRID = {1: 9, 2: 5}  # points along each variable, among which basins are told apart; 3 along each of more
COARSE_GRID = {1: 5}  # where there is one basin, and a start in what is feasible is all that is sought
REACH = 8.0  # positions along a curve that count as one share in the length of a step


Evaluation = Callable[[Callable[[Vector], Values], Vector, Any], tuple[Scalar, Vector]]
"""(values by name of a vector, the vector, a problem) -> the value there, NaN where there is no plan, and its slope."""


Positions = Float[Array, " some"]
Walk = Callable[[Callable[[Vector], Values], Vector, Any], tuple[Positions, Callable[[Scalar], Scalar]]]
"""The same -> where along its curve one may begin, and the value at a position."""


class Goal(eqx.Module):
    """What is to be least.

    Args:
        evaluate: it closes over no traced value, and neither does `walk`.
        walk: where a walk along the curve of models that meet the target begins at a design, and the value at any
            position; None where the plan of a design is more than its least value along a curve.
        problem: what else it depends on.
        given: the values that are known.
        names: the continuous variables.
        ties: pairs of a variable and the one that it equals.
    """

    evaluate: Evaluation = eqx.field(static=True)
    walk: Walk | None = eqx.field(static=True)
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
    """The ranges of the continuous variables, and a share of each: of its logarithm, or of itself if it starts at 0.

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
        evenly = self.least + share * (self.most - self.least)
        inside = jnp.where(ratio, jnp.exp(least + share * (most - least)), evenly)
        at_least, at_most = self.least - jax.lax.stop_gradient(inside), self.most - jax.lax.stop_gradient(inside)
        return inside + jnp.where(share <= 0, at_least, jnp.where(share >= 1, at_most, 0))


def best_design(
    problem: Any, choices: Mapping[str, Choice], evaluate: Evaluation, walk: Walk | None, *, starts: int
) -> tuple[Values, Bool[Array, ""]]:
    """The values of least value, and whether their search came to its end.

    Every combination of discrete choices is tried. Continuous ones start from the best points of a grid, as what is
    feasible may be only a part of their ranges, and go down by Newton's method. That is the least where there is one
    minimum, or one that the grid sees; where no point of the grid has a plan there is none. Derivative: that of
    `at_least`.

    Args:
        problem: what is asked.
        choices: where each variable may lie.
        evaluate: the value of a design.
        walk: the same along a curve, where that is all there is to a plan.
        starts: how many parts of the grid a walk starts from.
    """
    ranges = {name: choice for name, choice in choices.items() if isinstance(choice, Between)}
    listed = {name: choice.choices for name, choice in choices.items() if isinstance(choice, OneOf)}
    ties = {name: choice.name for name, choice in choices.items() if isinstance(choice, Same)}
    given = {name: choice for name, choice in choices.items() if not isinstance(choice, Between | OneOf | Same)}
    goal, box = Goal(evaluate, walk, problem, given, tuple(ranges), tuple(ties.items())), _box(ranges.values())
    if not ranges and not listed:
        return goal.design(box.least), jnp.asarray(True)
    options = _combinations(listed)

    def of_option(option: Values) -> Descent:
        return search(dataclasses.replace(goal, given=given | option), box, starts)

    tried = jax.lax.map(of_option, options) if options else jax.tree.map(lambda leaf: leaf[None], of_option({}))
    best = lowest(tried.value)
    goal = dataclasses.replace(goal, given=given | {name: column[best] for name, column in options.items()})
    x = at_least(jax.lax.stop_gradient(tried.point[best]), goal, box) if ranges else box.least
    return goal.design(x), tried.done[best]


def _box(ranges: Iterable[Between]) -> Box:
    ends = [(choice.least, choice.most) for choice in ranges]
    return Box(*(jnp.stack(column) for column in zip(*ends, strict=True))) if ends else Box(jnp.zeros(0), jnp.zeros(0))


def _combinations(listed: Mapping[str, tuple[Scalar, ...]]) -> dict[str, Float[Array, " combinations"]]:
    """Every combination of the choices, a column for each variable."""
    columns = zip(*itertools.product(*listed.values()), strict=True)
    return {name: jnp.stack(column) for name, column in zip(listed, columns, strict=True)} if listed else {}


def search(goal: Goal, box: Box, starts: int) -> Descent:
    """The least of a goal over the shares of the box, without derivatives of its own.

    Where the goal can be walked, along the curve of models that meet the target and over the design at once, it is,
    from the best points of as many parts of the grid as there are `starts`; else every step searches for a plan.
    """
    goal, box = jax.lax.stop_gradient((goal, box))
    size, dtype = len(goal.names), box.least.dtype
    if size == 0:
        value, slope = goal(box.least)
        return Descent(box.least, value, slope, jnp.zeros((0, 0)), value, jnp.asarray(True))
    spaced = np.linspace(0, 1, (GRID if starts > 1 or goal.walk is None else COARSE_GRID).get(size, 3))
    grid = jnp.asarray(list(itertools.product(spaced, repeat=size)), dtype)
    radius = float(spaced[1])
    if goal.walk is None:
        values = jax.lax.map(lambda share: goal(box.values(share))[0], grid)
        first = grid[jnp.stack(_begins(values, starts))]
        found = jax.vmap(lambda point: descend(functools.partial(nearby, goal, box), point, radius, free=0))(first)
        return jax.tree.map(lambda leaf: leaf[lowest(found.value)], found)
    of_plans = starts > 1  # tell basins apart, where models at which walks may begin mislead
    positions, values = jax.lax.map(lambda share: along(goal, box, share, to_plan=of_plans), grid)
    first = jnp.stack([jnp.concatenate([positions[i][None] / REACH, grid[i]]) for i in _begins(values, starts)])
    walked = jax.vmap(lambda point: descend(functools.partial(around, goal, box), point, radius, free=1))(first)
    best = lowest(walked.value)
    return jax.tree.map(lambda leaf: leaf[best], walked)._replace(point=walked.point[best][1:])


def _begins(values: Float[Array, " points"], starts: int) -> list[Int[Array, ""]]:
    """The best point in each of as many parts of the grid."""
    return [part[0] + lowest(values[part]) for part in np.array_split(np.arange(len(values)), starts)]


def lowest(values: Float[Array, " points"]) -> Int[Array, ""]:
    """Where the least value is, of those that there are."""
    return jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))


def along(goal: Goal, box: Box, share: Vector, *, to_plan: bool) -> tuple[Scalar, Scalar]:
    """Where a walk may begin at a design, or where the plan of that design is, and the value there."""
    assert goal.walk is not None
    values = box.values(share)
    positions, value = goal.walk(goal.design, values, goal.problem)
    if to_plan:
        found = root(_slope, positions[0], (goal, values)).position
        positions = jnp.where(jnp.isnan(found), positions[0], found)[None]
    begun = jax.vmap(value)(positions)
    best = lowest(begun)
    return positions[best], begun[best]


def _slope(position: Scalar, arguments: tuple[Goal, Vector]) -> Scalar:
    """That of the value along the curve of a design."""
    goal, values = arguments
    assert goal.walk is not None
    return jax.grad(goal.walk(goal.design, values, goal.problem)[1])(position)


def around(goal: Goal, box: Box, point: Vector) -> Local:
    """The value about a position over REACH and the shares, with its derivatives by JAX."""

    def value(point: Vector) -> Scalar:
        assert goal.walk is not None
        return goal.walk(goal.design, box.values(point[1:]), goal.problem)[1](REACH * point[0])

    def slope(point: Vector) -> tuple[Vector, tuple[Scalar, Vector]]:
        slope, found = jax.jacfwd(lambda point: (value(point),) * 2, has_aux=True)(point)
        return slope, (found, slope)

    curvature, (found, first) = jax.jacfwd(slope, has_aux=True)(point)
    return Local(found, first, curvature)


def nearby(goal: Goal, box: Box, share: Vector) -> Local:
    """The value about shares, its curvature from slopes a little apart.

    Second derivatives through the search of a plan take XLA three times as long to compile, and spare Newton's method
    one step.
    """

    def by_share(share: Vector) -> tuple[Scalar, Vector]:
        values, change = jax.jvp(box.values, (share,), (jnp.ones_like(share),))
        value, slope = goal(values)
        return value, slope * change

    apart = jnp.where(share > 0.5, -1, 1) * jnp.finfo(share.dtype).eps ** 0.25
    values, slopes = jax.vmap(by_share)(jnp.concatenate([share[None], share[None] + jnp.diag(apart)]))
    curvature = (slopes[1:] - slopes[0][None]) / apart[:, None]
    steep = jnp.eye(share.shape[0], dtype=share.dtype) * jnp.max(jnp.abs(slopes[0])) / LONGEST_STEP
    return Local(values[0], slopes[0], jnp.where(jnp.isfinite(curvature), (curvature + curvature.T) / 2, steep))


@jax.custom_jvp
def at_least(share: Vector, goal: Goal, box: Box) -> Vector:
    """The values at a share that is known to be the least of a goal, with their derivative in the goal and the box.

    By the implicit function theorem on slope(x) = 0: H dx = -d slope - H db over the free variables, where the held
    ones move with their end of the range, dx = db. Where an end just begins to hold it is one-sided.
    """
    return box.values(share)


@at_least.defjvp
def _at_least_jvp(primals, tangents):
    share, goal, box = primals
    _, dgoal, dbox = tangents
    x = at_least(share, goal, box)
    low, high = x == box.least, x == box.most
    held = low | high
    dx = jnp.where(low, dbox.least, jnp.where(high, dbox.most, 0))

    def slope(x, goal):
        return goal(x)[1]

    _, dslope = jax.jvp(slope, (x, goal), (dx, dgoal))
    curvature = jax.jacfwd(slope)(x, goal)
    free = jnp.where(held[:, None] | held[None, :], jnp.eye(x.size, dtype=x.dtype), curvature)
    return x, dx + positive_solve(free, jnp.where(held, 0, -dslope))
