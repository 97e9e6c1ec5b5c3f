"""The least of a convex function of a few variables under convex limits: under jit, vmap and grad, with a certificate.

A geometric program is one of these in the logarithms of its variables: a posynomial that is at most a monomial is a
sum of exponentials of linear functions, and the logarithm of that sum, at most 0, is a convex limit.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree, UInt8

from lifetimescale.leaves import Scalar
from lifetimescale.status import Status

Vector = Float[Array, " n"]
"""One number of each variable."""
Rows = Float[Array, " m"]
"""One number of each limit."""

MOST_STEPS = 120  # deployments take 7 to 20 (test_convex); from 30 away in every logarithm it can be 100
BOLD_STEPS = 30  # 1 in 10,000 programs then still goes round in a circle: less bold, it ends
LONGEST_STEP = 4.0  # in a variable, a logarithm: a factor of 55, and no more gain than that in the objective
TO_THE_EDGE = 0.99  # of the way to the nearest slack or multiplier of 0
FARTHEST = 1000.0  # past the logarithm of every float64
POLISHING_STEPS = 3  # Newton's method on the limits found active: the second leaves rounding, unless one is dropped
REFINEMENTS = 2  # each gains half of the digits


class Minimum(NamedTuple):
    """Where the least value is (NaN if nowhere), and how it is known to be the least.

    multipliers: of each limit, 0 where it is not active: what the objective gains per unit of that limit.
    gap: what the objective may lie above the least at most, the sum of multipliers times slacks.
    """

    position: Vector
    multipliers: Rows
    gap: Scalar
    status: UInt8[Array, ""]


@functools.partial(jax.jit, static_argnums=(0, 1))
def minimum(
    objective: Callable[[Vector, Any], Scalar],
    limits: Callable[[Vector, Any], Rows],
    start: Vector,
    arguments: PyTree,
) -> Minimum:
    """The x of least objective(x) with limits(x) <= 0, both convex.

    A primal-dual barrier method: Newton's method on grad f + J' y = 0, g + s = 0, y s = mu for slacks s and multipliers
    y > 0, with Mehrotra's choice of mu at every step. It starts anywhere. When the gap y . s is small, Newton's method
    on the limits that are then active (y > s) leaves rounding.

    Derivative: that of the same active system, H dx + A' dy = -d(grad f + A' y), A dx = -dg (implicit function theorem,
    Karush-Kuhn-Tucker); where a limit just becomes active it is one-sided. None with respect to `start`.

    Args:
        objective: `objective(x, arguments)`; like `limits` it closes over no traced value.
        limits: `limits(x, arguments)`, each at most 0 where x is allowed.
        start: the first guess, allowed or not, of shape (k,).
        arguments: what both depend on.

    Returns:
        The minimum and `OK`, or NaN with `NOT_CONVERGED`: no x is allowed, or there is no least.
    """
    return _minimum(objective, limits, start, arguments)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _minimum(
    objective: Callable[[Vector, Any], Scalar],
    limits: Callable[[Vector, Any], Rows],
    start: Vector,
    arguments: PyTree,
) -> Minimum:
    problem = _Problem(objective, limits, arguments)
    slacks = jnp.maximum(1.0, -limits(start, arguments)).astype(start.dtype)
    no = jnp.full_like(start[0], False, dtype=bool)
    _, search = jax.lax.while_loop(
        lambda state: (state[0] < MOST_STEPS) & ~(state[1].done | state[1].lost),
        lambda state: (state[0] + 1, _step(problem, state[1], state[0] >= BOLD_STEPS)),
        (jnp.asarray(0), _Search(start, slacks, 1 / slacks, no, no)),
    )
    tolerance = jnp.finfo(start.dtype).eps ** 0.6
    active = search.multipliers > search.slacks

    def polish(_: Any, state: tuple[Vector, Rows, Bool[Array, " m"]]) -> tuple[Vector, Rows, Bool[Array, " m"]]:
        position, multipliers, active = state
        system = problem.system(position, multipliers)
        change, by_multiplier = _solve(system, active, -system.slope, -system.excess)
        position, multipliers = position + change, multipliers + by_multiplier
        active = (multipliers > 0) | (problem.excess(position) > tolerance)
        return position, jnp.where(active, multipliers, 0), active

    first_polished = (search.position, jnp.where(active, search.multipliers, 0), active)
    position, multipliers, _ = jax.lax.fori_loop(0, POLISHING_STEPS, polish, first_polished)
    gap = jnp.abs(jnp.sum(multipliers * problem.excess(position)))
    kept = jnp.all(problem.excess(position) <= tolerance) & jnp.all(jnp.abs(position) < FARTHEST)
    settled = search.done & kept & jnp.isfinite(gap)
    mask = jnp.where(settled, 1.0, jnp.nan).astype(start.dtype)
    status = jnp.where(settled, Status.OK, Status.NOT_CONVERGED).astype(jnp.uint8)
    return Minimum(position * mask, multipliers * mask, gap * mask, status)


@_minimum.defjvp
def _minimum_jvp(objective, limits, primals, tangents):
    start, arguments = primals
    found = _minimum(objective, limits, start, arguments)
    x, y = found.position, found.multipliers

    def conditions(arguments):
        problem = _Problem(objective, limits, arguments)
        return problem.slope(x, y), problem.excess(x)

    _, (by_slope, by_excess) = jax.jvp(conditions, (arguments,), (tangents[1],))
    system = _Problem(objective, limits, arguments).system(x, y)
    change, by_multiplier = _solve(system, y > 0, -by_slope, -by_excess)
    no_tangent: Any = np.zeros(found.status.shape, jax.dtypes.float0)
    return found, Minimum(change, by_multiplier, jnp.zeros_like(found.gap), no_tangent)


@functools.partial(jax.jit, static_argnums=(0, 1))
def least(
    objective: Callable[[Vector, Any], Scalar],
    limits: Callable[[Vector, Any], Rows],
    start: Vector,
    arguments: PyTree,
) -> Scalar:
    """The least of an objective under limits: `minimum`'s value.

    Derivative: that of the Lagrangian f + y . g at the fixed minimum (envelope theorem), so a first derivative asks for
    none of the minimum itself.
    """
    return _least(objective, limits, start, arguments)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _least(
    objective: Callable[[Vector, Any], Scalar],
    limits: Callable[[Vector, Any], Rows],
    start: Vector,
    arguments: PyTree,
) -> Scalar:
    return objective(minimum(objective, limits, start, arguments).position, arguments)


@_least.defjvp
def _least_jvp(objective, limits, primals, tangents):
    start, arguments = primals
    x, y, *_ = minimum(objective, limits, start, arguments)
    _, change = jax.jvp(
        lambda arguments: objective(x, arguments) + jnp.sum(y * limits(x, arguments)), (arguments,), (tangents[1],)
    )
    return objective(x, arguments), change


class _System(NamedTuple):
    """Slope and Hessian of the Lagrangian f + y . g in x, and the limits g with their Jacobian."""

    slope: Vector
    excess: Rows
    hessian: Float[Array, "n n"]
    jacobian: Float[Array, "m n"]


class _Problem(NamedTuple):
    objective: Callable[[Vector, Any], Scalar]
    limits: Callable[[Vector, Any], Rows]
    arguments: PyTree

    def excess(self, x: Vector) -> Rows:
        return self.limits(x, self.arguments)

    def slope(self, x: Vector, multipliers: Rows) -> Vector:
        return jax.grad(lambda x: self.objective(x, self.arguments) + jnp.sum(multipliers * self.excess(x)))(x)

    def system(self, x: Vector, multipliers: Rows) -> _System:
        def values(x):
            pair = self.slope(x, multipliers), self.excess(x)
            return pair, pair

        (hessian, jacobian), (slope, excess) = jax.jacfwd(values, has_aux=True)(x)
        return _System(slope, excess, hessian, jacobian)


class _Search(NamedTuple):
    position: Vector
    slacks: Rows
    multipliers: Rows
    done: Bool[Array, ""]
    lost: Bool[Array, ""]  # no step leads on from here


def _step(problem: _Problem, search: _Search, careful: Bool[Array, ""]) -> _Search:
    x, s, y, *_ = search
    slope, excess, hessian, jacobian = problem.system(x, y)
    weights, residual = y / s, excess + s
    steep = slope - jacobian.T @ y  # of the objective, whose own curvature vanishes far out, where Newton overshoots
    matrix = hessian + jnp.outer(steep, steep) / LONGEST_STEP + jacobian.T @ (weights[:, None] * jacobian)

    def direction(complementarity: Rows) -> tuple[Vector, Rows, Rows]:
        dx = positive_solve(matrix, -slope - jacobian.T @ (weights * residual - complementarity / s))
        ds = -residual - jacobian @ dx
        return dx, ds, -(complementarity + y * ds) / s

    dx, ds, dy = direction(y * s)
    mu, longest = jnp.mean(y * s), _longest(dx, s, ds, y, dy)
    centring = (jnp.mean((s + longest * ds) * (y + longest * dy)) / mu) ** 3
    centring = jnp.where(careful, jnp.maximum(centring, 0.3), centring)
    correction = jnp.where(careful, 0, longest**2) * ds * dy
    tolerance = jnp.finfo(x.dtype).eps ** 0.6  # what the polish makes rounding of
    dx, ds, dy = direction(y * s + correction - jnp.maximum(centring * mu, tolerance / 4))
    length = _longest(dx, s, ds, y, dy)
    wrong = jnp.maximum(jnp.max(jnp.abs(slope)), jnp.max(jnp.abs(residual)))
    done, lost = jnp.maximum(mu, wrong) < tolerance, ~jnp.isfinite(length)
    keep = done | lost
    x, s, y = (jnp.where(keep, old, old + length * change) for old, change in ((x, dx), (s, ds), (y, dy)))
    return _Search(x, s, y, done, lost)


def _longest(dx: Vector, s: Rows, ds: Rows, y: Rows, dy: Rows) -> Scalar:
    """The share of a step that leaves slacks and multipliers positive and moves no variable by too much."""
    to_edge = jnp.maximum(jnp.max(-ds / s), jnp.max(-dy / y)) / TO_THE_EDGE
    return 1 / jnp.maximum(1, jnp.maximum(to_edge, jnp.max(jnp.abs(dx)) / LONGEST_STEP))


def _solve(system: _System, active: Bool[Array, " m"], by_slope: Vector, by_excess: Rows) -> tuple[Vector, Rows]:
    """(dx, dy) of H dx + A' dy = by_slope, and A dx = by_excess where active, by the method of multipliers.

    (H + A'A/e) dx with e = sqrt(eps) leaves half of the digits, and once more with what is left gives the others back.
    """
    hessian, jacobian = system.hessian, jnp.where(active[:, None], system.jacobian, 0)
    by_excess = jnp.where(active, by_excess, 0)
    weight = float(jnp.finfo(by_slope.dtype).eps) ** -0.5
    flat = float(jnp.finfo(by_slope.dtype).eps) ** 2 * jnp.eye(by_slope.shape[0], dtype=by_slope.dtype)
    matrix = hessian + flat + weight * jacobian.T @ jacobian
    dx, dy = jnp.zeros_like(by_slope), jnp.zeros_like(by_excess)
    for _ in range(REFINEMENTS):
        missing = by_excess - jacobian @ dx
        more = positive_solve(matrix, by_slope - hessian @ dx - jacobian.T @ (dy - weight * missing))
        dx, dy = dx + more, dy + weight * (jacobian @ more - missing)
    return dx, dy


def positive_solve(matrix: Float[Array, "n n"], right: Vector, *, least_pivot: Scalar | None = None) -> Vector:
    """x of matrix x = right for a small positive definite matrix: elimination unrolled, so that batches vectorise.

    With `least_pivot` every pivot counts by its size, and as no less: where the matrix bends down the x still has a
    positive product with `right`.
    """
    size = right.shape[0]
    rows = [[matrix[i, j] for j in range(size)] + [right[i]] for i in range(size)]
    for i in range(size):
        if least_pivot is not None:
            rows[i][i] = jnp.maximum(jnp.abs(rows[i][i]), least_pivot)
        for lower in range(i + 1, size):
            factor = rows[lower][i] / rows[i][i]
            rows[lower] = [low - factor * up for low, up in zip(rows[lower], rows[i], strict=True)]
    solution: list[Scalar] = [right[i] for i in range(size)]
    for i in reversed(range(size)):
        known = sum((rows[i][j] * solution[j] for j in range(i + 1, size)), jnp.zeros_like(right[0]))
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return jnp.stack(solution)
