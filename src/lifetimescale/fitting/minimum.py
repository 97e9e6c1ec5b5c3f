"""The least value over many starts, what is known of it, and its derivative in the data."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from lifetimescale.fitting.coordinates import Coordinates, Vector
from lifetimescale.fitting.descent import Lanes, Problem, Walk, descend, values
from lifetimescale.fitting.gauss_newton import Matrix, gauss_newton
from lifetimescale.leaves import Scalar

# (delta, steps, whether levels are walked by value): from afar the objective is then nearly a sum of squares, which
# Gauss-Newton minimises in a few steps, and each lesser delta starts near its optimum. Of the best 256 of 4500 starts
# 99 % are at the optimum of 240 runs after 45 evaluations; without stages 59 % after 27, and fewer for a small delta.
STAGES = [
    (1.0, 5, False),
    *((delta, 5, True) for delta in (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6)),
]
ENOUGH = 0.25  # share of the lanes that must have settled, the best among them, before the walk ends
SAMPLE = 4096  # runs on which starts are walked
FINALISTS = 4  # lanes that are then walked on all
SAME = 1e-6  # relative difference below which two values are of one optimum
POLISH = 8  # steps of Newton's method for the best lane alone


class Minimum(NamedTuple):
    """What came of a minimisation.

    Args:
        position: the best position.
        value: the objective there.
        gradient_norm: of the objective there, over free directions.
        remaining: the share of the value that a step of Newton's method would still take off.
        eigenvalues: of its Hessian there, ascending, 0 for what is held at a bound; both in the logarithms of levels.
        converged_share: the share of the advanced starts that reached the best of them, to 1e-6.
        next_best: the least value at which another start has settled; NaN where there is none.
        steps: evaluations of all lanes.
    """

    position: Vector
    value: Scalar
    gradient_norm: Scalar
    remaining: Scalar
    eigenvalues: Vector
    converged_share: Scalar
    next_best: Scalar
    steps: Int[Array, ""]


def minimise(
    problem: Problem,
    starts: Lanes,
    *,
    optimizer: optax.GradientTransformation | None,
    advance: int,
    steps: int,
) -> Minimum:
    """Evaluate every start, walk the best of them, and polish the best of those.

    Of very many runs a sample leads there, and all of them come last: 1e6 runs would take the walk minutes.

    Args:
        problem: in the plane of logarithms.
        starts: coordinates by value.
        optimizer: an optax optimizer, or None for Gauss-Newton in stages.
        advance: how many starts are walked.
        steps: the most steps of the walk, after the stages.

    Returns:
        The minimum, its position in the plane of values.
    """
    sample = problem.sample(SAMPLE)
    screened = values(sample, jax.vmap(problem.coordinates.position)(starts))
    chosen = starts[jnp.argsort(screened)[:advance]]
    if optimizer is None:
        walk = walk_down(sample, chosen, STAGES, steps=steps, enough=ENOUGH)
    else:
        walk = walk_by(optax.with_extra_args_support(optimizer), sample, chosen, steps=steps)
    rounding = (8 * jnp.finfo(starts.dtype).eps) ** 2 * jnp.sum(sample.weight)
    converged = walk.value <= jnp.min(walk.value) * (1 + SAME) + rounding
    others = jnp.min(jnp.where(walk.settled & ~converged, walk.value, jnp.inf))
    if sample is not problem:
        finalists = walk.position[jnp.argsort(walk.value)[:FINALISTS]]
        walk = walk_down(problem, finalists, [], steps=steps, enough=ENOUGH)._replace(steps=walk.steps)
    near = problem.walked(near=True)
    best = polish(near, near.coordinates.position(walk.position[jnp.argmin(walk.value)]))
    scale = jnp.where(free_directions(near, best.position), relative(near.coordinates, best.position), 0)
    return Minimum(
        best.position,
        best.value,
        jnp.linalg.norm(scale * best.gradient),
        jnp.abs(best.gradient @ jnp.linalg.solve(best.hessian, best.gradient)) / (2 * best.value + rounding),
        jnp.linalg.eigvalsh(scale[:, None] * best.hessian * scale[None, :]),
        jnp.mean(converged),
        jnp.where(jnp.isfinite(others), others, jnp.nan),
        walk.steps,
    )


def walk_down(
    problem: Problem, starts: Lanes, stages: Sequence[tuple[float | Scalar, int, bool]], *, steps: int, enough: float
) -> Walk:
    """Walk lanes through stages of a falling delta, and then at the problem's own until enough of them have settled.

    Starts and positions are by value.
    """
    delta = problem.huber.delta

    def stage(begin: Lanes, schedule: tuple[Scalar, Array, Array]) -> tuple[Lanes, Walk]:
        knee, length, near = schedule
        staged = problem.with_delta(jnp.maximum(knee, delta)).walked(near=near)
        positions = jax.vmap(staged.coordinates.position)(begin)
        walk = descend(staged, gauss_newton(), positions, length, enough)
        end = jax.vmap(staged.coordinates.values)(walk.position)
        return end, walk._replace(position=end)

    deltas, lengths, nears = (jnp.array(column) for column in zip(*stages, (0.0, 0, True), strict=True))
    deltas = deltas.astype(delta.dtype)
    lengths = jnp.where(nears & (deltas <= delta), 0, lengths).at[-1].set(steps)
    _, walks = jax.lax.scan(stage, starts, (deltas, lengths, nears))
    return jax.tree.map(lambda leaf: leaf[-1], walks)._replace(steps=jnp.sum(walks.steps))


def walk_by(optimizer: optax.GradientTransformationExtraArgs, problem: Problem, starts: Lanes, *, steps: int) -> Walk:
    """Walk lanes by any optimizer, in the plane of logarithms; starts and positions are by value."""
    positions = jax.vmap(problem.coordinates.position)(starts)
    walk = descend(problem, optimizer, positions, jnp.asarray(steps), ENOUGH)
    return walk._replace(position=jax.vmap(problem.coordinates.values)(walk.position))


class Local(NamedTuple):
    """The objective about a position; slopes are 0 and curvatures 1 along what is held at a bound."""

    position: Vector
    value: Scalar
    gradient: Vector
    hessian: Matrix


def polish(problem: Problem, position: Vector) -> Local:
    """Newton's method with the whole Hessian; a step is kept if it lowers the gradient and does not raise the value."""

    def step(best: Local, _: None) -> tuple[Local, None]:
        move = jnp.linalg.solve(best.hessian, best.gradient)
        trial = local(problem, jnp.clip(best.position - move, problem.coordinates.lower, problem.coordinates.upper))
        flatter = jnp.linalg.norm(trial.gradient) < jnp.linalg.norm(best.gradient)
        lower = trial.value <= best.value * (1 + 16 * problem.rounding)
        first = jnp.isinf(best.value)
        return jax.tree.map(lambda new, old: jnp.where(first | (flatter & lower), new, old), trial, best), None

    nowhere = jnp.full_like(position[0], jnp.inf)
    unknown = Local(position, nowhere, jnp.zeros_like(position), jnp.eye(position.size, dtype=position.dtype))
    return jax.lax.scan(step, unknown, None, length=1 + POLISH)[0]


def local(problem: Problem, position: Vector) -> Local:
    """The objective about a position."""
    free = free_directions(problem, position)
    value, gradient = jax.value_and_grad(problem.value)(position)
    hessian = jnp.where(free[:, None] & free[None, :], jax.hessian(problem.value)(position), 0)
    return Local(position, value, jnp.where(free, gradient, 0), hessian + jnp.diag(jnp.where(free, 0.0, 1.0)))


def relative(plane: Coordinates, position: Vector) -> Vector:
    """What a change of 1 in the logarithm of a level, and in any other coordinate, is in the plane of values."""
    return jnp.where(jnp.array(plane.levels), position, 1)


def free_directions(problem: Problem, position: Vector) -> Array:
    """Which coordinates are not at a bound."""
    return (position > problem.coordinates.lower) & (position < problem.coordinates.upper)


@jax.custom_jvp
def optimum(position: Vector, problem: Problem) -> Vector:
    """The position, known to be the optimum of the problem, with its derivative in the problem.

    By the implicit function theorem on grad F(x, data) = 0: dx = -H^-1 (d grad F/d data) d data, with H the Hessian. A
    coordinate at a bound has derivative 0. A residual beyond delta has a constant slope, so its observation has
    derivative 0 through its loss: this is what makes Huber's fit robust. At the kink |r| = delta it is one-sided.
    """
    return position


@optimum.defjvp
def _optimum_jvp(primals, tangents):
    position, problem = primals
    _, dproblem = tangents
    x = optimum(position, problem)
    free = free_directions(problem, x)

    def slope(problem):
        return jnp.where(free, jax.grad(lambda x: problem.value(x))(x), 0)

    _, dslope = jax.jvp(slope, (problem,), (dproblem,))
    return x, -jnp.linalg.solve(local(problem, x).hessian, dslope)
