"""The default minimiser: damped Gauss-Newton for sums of Huber losses, as an optax gradient transformation."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from lifetimescale.fitting.coordinates import Vector
from lifetimescale.leaves import Scalar

Matrix = Float[Array, "k k"]

DAMPING = 1e-2  # the first, relative to the mean of the diagonal
# The best 256 starts on five sets of real runs take 292 evaluations in all; with a decay of 0.1 or 0.5 371 or 315, with
# a growth of 3 or 6 303 or 305, with a blend of 100 or 1e4 289 or 303, and without M (a blend of 0) 454.
GROWTH, DECAY = 4.0, 1 / 3  # of the damping
BLEND = 1e3  # M leads where the damping is above 1/BLEND


class GaussNewtonState(NamedTuple):
    """The best point yet, all that is known there, and how far a step is trusted."""

    position: Vector
    value: Scalar
    gradient: Vector
    majorizer: Matrix
    curvature: Matrix
    damping: Scalar


def gauss_newton() -> optax.GradientTransformationExtraArgs:
    """Damped Gauss-Newton: (K + damping mean(diag M) I) step = -gradient, K one of two normal matrices.

    Both are J^T W J: in M, `majorizer`, W = psi(r)/r, the weights of iterated reweighting, whose parabola lies above
    the objective; in `curvature` W = psi'(r), its second derivative but for the curvature of the residuals. M leads
    from afar, psi' finishes: 20 steps where M alone takes 100.

    A step that does not lower the value is taken back in the next update, which starts from the best point again with
    more damping: each update costs one evaluation, whatever becomes of it, so a batch of them walks without waiting.

    The update takes, besides the gradient, the keywords `value`, `majorizer` and `curvature`.
    """

    def init(params: Vector) -> GaussNewtonState:
        zero, matrix = jnp.zeros_like(params), jnp.zeros((params.size, params.size), params.dtype)
        start = jnp.asarray(DAMPING, params.dtype)
        infinite = jnp.asarray(jnp.inf, params.dtype)
        return GaussNewtonState(params, infinite, zero, matrix, matrix, start)

    def update(
        updates: Vector,
        state: GaussNewtonState,
        params: Vector | None = None,
        *,
        value: Scalar,
        majorizer: Matrix,
        curvature: Matrix,
        **_: Any,
    ) -> tuple[Vector, GaussNewtonState]:
        if params is None:
            raise ValueError("gauss_newton needs the params: optimizer.update(gradient, state, params, ...)")
        better = value < state.value
        damping = jnp.clip(state.damping * jnp.where(better, DECAY, GROWTH), 1e-14, 1e14)
        here = GaussNewtonState(params, value, updates, majorizer, curvature, damping)
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), here, state)
        state = best._replace(damping=damping)
        return state.position + _step(state) - params, state

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def _step(state: GaussNewtonState) -> Vector:
    blend = jnp.minimum(1, BLEND * state.damping)
    matrix = state.curvature + blend * (state.majorizer - state.curvature)
    damping = state.damping * jnp.trace(state.majorizer) / state.gradient.size
    step = solve(matrix + (damping + jnp.finfo(damping.dtype).tiny) * jnp.eye(state.gradient.size), -state.gradient)
    return jnp.where(jnp.isfinite(step), step, 0)


def solve(matrix: Matrix, vector: Vector) -> Vector:
    """The x with matrix x = vector for a positive definite matrix of a few rows, by elimination without pivots.

    In a batch it is vectorised over the lanes: LAPACK, called for one small matrix after another, takes 10 times as
    long.
    """
    rows = jnp.concatenate([matrix, vector[:, None]], axis=1)
    for j in range(vector.size):
        pivot = rows[j] / rows[j, j]
        rows = (rows - rows[:, j, None] * pivot[None, :]).at[j].set(pivot)
    return rows[:, -1]
