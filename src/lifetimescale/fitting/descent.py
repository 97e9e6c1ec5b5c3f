"""Many starts walked downhill at once: one evaluation of all of them, and the loop around an optax optimizer."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from lifetimescale.fitting.coordinates import Coordinates, Vector
from lifetimescale.fitting.gauss_newton import Matrix, solve
from lifetimescale.fitting.huber import Huber
from lifetimescale.leaves import Scalar

BLOCK = (
    2**17
)  # residuals evaluated at once: with 4500 starts 30 runs, 2.5 times as fast as all 240, which fill the cache
FEWEST, MOST = 8, 1024  # runs of a block

Lanes = Float[Array, "lanes k"]
Residual = Callable[..., Scalar]
"""(what is fitted, *one observation) -> its residual."""


class Problem(eqx.Module):
    """What is minimised: sum_i weight_i huber(residual(coordinates(position), observation_i)).

    Args:
        residual: of one observation.
        coordinates: from a position to what is fitted.
        huber: the loss of a residual.
        observations: arrays of shape (n,), or (n, lanes) where every lane has its own.
        weight: likewise.
    """

    residual: Residual = eqx.field(static=True)
    coordinates: Coordinates
    huber: Huber
    observations: tuple[Array, ...]
    weight: Array

    def with_delta(self, delta: Scalar) -> "Problem":
        """The same problem with another knee of the Huber loss."""
        return dataclasses.replace(self, huber=Huber(delta, self.huber.quantile))

    def walked(self, *, near: bool | Bool[Array, ""]) -> "Problem":
        """The same problem in the plane of values or in that of logarithms."""
        return dataclasses.replace(self, coordinates=self.coordinates.walked(near=near))

    def sample(self, size: int) -> "Problem":
        """The same problem with so many of its observations, or with all if there are no more."""
        if len(self.weight) <= size:
            return self
        chosen = jax.random.choice(jax.random.key(0), len(self.weight), (size,), replace=False)
        observations = tuple(column[chosen] for column in self.observations)
        return dataclasses.replace(self, observations=observations, weight=self.weight[chosen])

    def of_lanes(self, chosen: Int[Array, " some"]) -> "Problem":
        """The same problem for some of its lanes."""
        weight, *observations = (
            column[:, chosen] if column.ndim == 2 else column for column in (self.weight, *self.observations)
        )
        return dataclasses.replace(self, observations=tuple(observations), weight=weight)

    @property
    def rounding(self) -> float:
        """The relative error of the value: a sum of n terms."""
        return 4 * len(self.weight) ** 0.5 * float(jnp.finfo(self.weight.dtype).eps)

    def residuals(self, position: Vector) -> Float[Array, " n"]:
        """The residuals of one lane, unblocked; the observations must be of one lane."""
        fitted = self.coordinates(position)
        return jax.vmap(lambda *observation: self.residual(fitted, *observation))(*self.observations)

    def value(self, position: Vector) -> Scalar:
        """The objective of one lane, unblocked, to be differentiated."""
        return jnp.sum(self.weight * jax.vmap(self.huber.value)(self.residuals(position)))


class Normal(NamedTuple):
    """The value, the gradient and the two normal matrices of every lane."""

    value: Float[Array, " lanes"]
    gradient: Float[Array, "lanes k"]
    majorizer: Float[Array, "lanes k k"]
    curvature: Float[Array, "lanes k k"]


def normal_equations(problem: Problem, positions: Lanes) -> Normal:
    """One evaluation of all lanes, over blocks of observations that stay in the cache.

    The lanes are the minor axis, so the arithmetic is vectorised over them. The slopes of a block are stored before
    they are multiplied and added up, one observation after another: 17 ms for 4500 lanes of 240 observations, where one
    sum over the block for each entry of the matrices takes 37 ms.
    """
    size = positions.shape[1]
    pairs = [(i, j) for i in range(size) for j in range(i + 1)]

    def slopes(position: Vector, weight: Scalar, *observation: Scalar) -> list[Scalar]:
        residual, derivative = jax.linearize(
            lambda position: problem.residual(problem.coordinates(position), *observation), position
        )
        terms = problem.huber.terms(residual)
        return [*(weight * term for term in terms), *(derivative(row) for row in jnp.eye(size))]

    def entries(value: Scalar, slope: Scalar, majorizer: Scalar, curvature: Scalar, *row: Scalar) -> list[Scalar]:
        products = [row[i] * row[j] for i, j in pairs]
        matrices = [weight * product for weight in (majorizer, curvature) for product in products]
        return [value, *(slope * derivative for derivative in row), *matrices]

    value, *sums = _sums(slopes, entries, 1 + size + 2 * len(pairs), problem, positions)
    gradient, majorizer, curvature = sums[:size], sums[size : size + len(pairs)], sums[size + len(pairs) :]
    entry = {pair: index for index, pair in enumerate(pairs)}
    order = jnp.array([entry[max(i, j), min(i, j)] for i in range(size) for j in range(size)])
    matrices = [jnp.stack(rest, 1)[:, order].reshape(-1, size, size) for rest in (majorizer, curvature)]
    return Normal(value, jnp.stack(gradient, 1), *matrices)


def values(problem: Problem, positions: Lanes) -> Float[Array, " lanes"]:
    """The objective of all lanes, blocked likewise."""

    def value(position: Vector, weight: Scalar, *observation: Scalar) -> list[Scalar]:
        residual = problem.residual(problem.coordinates(position), *observation)
        return [weight * problem.huber.value(residual)]

    return _sums(value, lambda value: [value], 1, problem, positions)[0]


def _sums(
    first: Callable[..., list[Scalar]],
    then: Callable[..., list[Scalar]],
    results: int,
    problem: Problem,
    positions: Lanes,
) -> list[Array]:
    """The sums over observations of then(*first(position, weight, *observation)), its results, for every lane."""
    columns = (problem.weight, *problem.observations)
    lanes, runs = len(positions), len(columns[0])
    blocks = -(-runs // min(MOST, max(FEWEST, BLOCK // lanes), runs))
    length = -(-runs // blocks)
    blocked = tuple(_in_blocks(column, blocks, length, weight=index == 0) for index, column in enumerate(columns))
    over_lanes = jax.vmap(first, in_axes=(0, *(0 if column.ndim == 3 else None for column in blocked)))
    over_block = jax.vmap(over_lanes, in_axes=(None, *(0 for _ in blocked)))

    def add_block(sums: list[Array], block: tuple[Array, ...]) -> tuple[list[Array], None]:
        stored = jax.lax.optimization_barrier(over_block(positions, *block))

        def add(index: Int[Array, ""], sums: list[Array]) -> list[Array]:
            terms = jax.vmap(then)(*(column[index] for column in stored))
            return [total + term for total, term in zip(sums, terms, strict=True)]

        return jax.lax.fori_loop(0, length, add, sums), None

    zeros = [jnp.zeros(lanes, positions.dtype)] * results
    return jax.lax.scan(add_block, zeros, blocked)[0]


def _in_blocks(column: Array, blocks: int, length: int, *, weight: bool) -> Array:
    """The column as (blocks, length, ...); the end is filled with copies of the last observation, of no weight."""
    filling = [(0, blocks * length - len(column))] + [(0, 0)] * (column.ndim - 1)
    filled = jnp.pad(column, filling) if weight else jnp.pad(column, filling, mode="edge")
    return filled.reshape(blocks, length, *column.shape[1:])


class Walk(NamedTuple):
    """Where the lanes have come to: their best positions, the values there, and which of them have settled."""

    position: Lanes
    value: Float[Array, " lanes"]
    settled: Bool[Array, " lanes"]
    steps: Int[Array, ""]


def descend(
    problem: Problem,
    optimizer: optax.GradientTransformationExtraArgs,
    positions: Lanes,
    steps: Int[Array, ""],
    enough: float,
) -> Walk:
    """Walk all lanes for a number of steps, or until the best and enough of all, a share, have settled.

    A lane has settled where the Gauss-Newton model promises no descent beyond the rounding of the value.
    """
    update = jax.vmap(functools.partial(_update, optimizer, problem), in_axes=0)
    floor = jnp.finfo(positions.dtype).eps ** 2 * jnp.sum(problem.weight, 0)

    def step(carry: tuple[Any, Lanes, Walk]) -> tuple[Any, Lanes, Walk]:
        state, positions, walk = carry
        normal = normal_equations(problem, positions)
        better = normal.value < walk.value
        best = jnp.where(better[:, None], positions, walk.position)
        value = jnp.where(better, normal.value, walk.value)
        following, state, promise = update(state, positions, normal)
        settled = walk.settled | (jnp.abs(promise) <= problem.rounding * value + floor)
        return state, following, Walk(best, value, settled, walk.steps + 1)

    def unfinished(carry: tuple[Any, Lanes, Walk]) -> Bool[Array, ""]:
        walk = carry[2]
        best = walk.settled[jnp.argmin(walk.value)]
        return (walk.steps < steps) & ~(best & (jnp.mean(walk.settled) >= enough))

    nowhere = jnp.full(len(positions), jnp.inf, positions.dtype)
    walk = Walk(positions, nowhere, jnp.zeros(len(positions), bool), jnp.asarray(0))
    return jax.lax.while_loop(unfinished, step, (jax.vmap(optimizer.init)(positions), positions, walk))[2]


def _update(optimizer, problem: Problem, state: Any, position: Vector, normal: Normal) -> tuple[Vector, Any, Scalar]:
    """The next position of one lane, the optimizer's state, and the descent that is still to be had there."""
    value, gradient, majorizer, curvature = normal
    lower, upper = problem.coordinates.lower, problem.coordinates.upper
    held = ((position <= lower) & (gradient > 0)) | ((position >= upper) & (gradient < 0))
    gradient = jnp.where(held, 0, gradient)
    majorizer, curvature = (_hold(matrix, held) for matrix in (majorizer, curvature))

    def value_fn(position: Vector, majorizer: Matrix, curvature: Matrix) -> Scalar:
        del majorizer, curvature  # optax's line search hands its value_fn every keyword that it does not know
        return problem.value(position)

    updates, state = optimizer.update(
        gradient,
        state,
        position,
        value=value,
        grad=gradient,
        value_fn=value_fn,
        majorizer=majorizer,
        curvature=curvature,
    )
    following = jnp.clip(position + updates, lower, upper)
    return following, state, gradient @ solve(majorizer, gradient)


def _hold(matrix: Matrix, held: Bool[Array, " k"]) -> Matrix:
    """The matrix without the rows and columns of coordinates that stay at a bound."""
    return jnp.where(held[:, None] | held[None, :], jnp.diag(jnp.where(held, 1.0, 0.0)), matrix)
