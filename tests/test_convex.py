"""Convex programs: least by certificate, by conditions and by SciPy; derivatives; failures that are statuses."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from jax.nn import logsumexp

from lifetimescale import convex
from lifetimescale.convex import least, minimum
from lifetimescale.status import Status

VARIABLES = [1, 2, 4]
PROGRAMS, BY_SCIPY = 400, 14  # of each number of variables
DEPLOYMENTS = 20_000
WIDEST = 8.0  # a variable of a random program is a logarithm of at most this size


class Program(NamedTuple):
    """A geometric program in logarithms: the log of a posynomial is to be least, and those of others at most 0."""

    powers: jax.Array  # terms, variables
    logs: jax.Array  # of the coefficients
    limit_powers: jax.Array  # limits, terms, variables
    limit_logs: jax.Array


def log_posynomial(x, program):
    return logsumexp(program.powers @ x + program.logs)


def log_limits(x, program):
    return jnp.stack([*logsumexp(program.limit_powers @ x + program.limit_logs, axis=1), *(x - WIDEST), *(-WIDEST - x)])


def programs(variables: int, size: int = PROGRAMS) -> Program:
    """Random programs, each with a point that every limit allows."""
    rng = np.random.default_rng([7, variables])
    terms, limits = variables + 2, variables + 1
    allowed = rng.uniform(-3, 3, (size, 1, variables, 1))
    limit_powers = rng.normal(0, 1.5, (size, limits, terms, variables))
    limit_logs = rng.normal(0, 2, (size, limits, terms))
    used = scipy.special.logsumexp((limit_powers @ allowed)[..., 0] + limit_logs, axis=2)
    limit_logs -= (used + rng.exponential(1, used.shape))[..., None]
    objective = rng.normal(0, 1.5, (size, terms, variables)), rng.normal(0, 2, (size, terms))
    return Program(*map(jnp.asarray, (*objective, limit_powers, limit_logs)))


@jax.jit
@jax.vmap
def solved(start, program):
    return minimum(log_posynomial, log_limits, start, program)


@jax.jit
@jax.vmap
def conditions(found, program):
    """Slope of the Lagrangian, limits, multipliers, and the size of what adds up to the slope."""
    jacobian = jax.jacobian(log_limits)(found.position, program)
    slope = jax.grad(log_posynomial)(found.position, program)
    return slope + found.multipliers @ jacobian, log_limits(found.position, program), 1 + jnp.abs(slope)


@pytest.mark.parametrize("variables", VARIABLES)
def test_random_programs_end_where_the_conditions_of_a_least_value_hold(variables):
    """Karush-Kuhn-Tucker: of a convex program they are the proof."""
    batch = programs(variables)
    found = solved(jnp.zeros((PROGRAMS, variables)), batch)
    assert (found.status == Status.OK).all(), np.flatnonzero(found.status)
    slope, used, size = conditions(found, batch)
    assert np.max(np.abs(slope) / size) < 1e-12
    assert (found.multipliers >= 0).all()
    assert float(jnp.max(used)) <= 1e-14
    assert float(jnp.max(found.gap)) <= 1e-13
    active = found.multipliers > 0
    assert (np.abs(np.where(active, used, 0)) <= 1e-14).all()
    assert 0.2 < float(jnp.mean(jnp.any(active, axis=1))) <= 1


@pytest.mark.parametrize("variables", VARIABLES)
def test_random_programs_are_scipys(variables):
    batch = jax.tree.map(lambda leaf: leaf[:BY_SCIPY], programs(variables))
    found = solved(jnp.zeros((PROGRAMS, variables)), programs(variables))
    value = jax.jit(jax.value_and_grad(log_posynomial))
    limits, jacobian = jax.jit(log_limits), jax.jit(jax.jacobian(log_limits))
    for index in range(BY_SCIPY):
        program = jax.tree.map(lambda leaf, index=index: leaf[index], batch)
        answer = scipy.optimize.minimize(
            lambda x, program=program: [np.asarray(part) for part in value(x, program)],
            np.zeros(variables),
            method="SLSQP",
            jac=True,
            constraints={
                "type": "ineq",
                "fun": lambda x, program=program: -np.asarray(limits(x, program)),
                "jac": lambda x, program=program: -np.asarray(jacobian(x, program)),
            },
            options={"ftol": 1e-14, "maxiter": 300},
        )
        ours = float(log_posynomial(found.position[index], program))
        assert ours == pytest.approx(answer.fun, abs=1e-9), f"program {index}: {answer.message}"


def test_the_start_changes_nothing_and_has_no_derivative():
    batch, rng = programs(2), np.random.default_rng(0)
    starts = jnp.asarray(rng.uniform(-30, 30, (PROGRAMS, 2)))
    near, far = solved(jnp.zeros((PROGRAMS, 2)), batch), solved(starts, batch)
    assert (far.status == Status.OK).all()
    assert np.abs(far.position - near.position).max() < 1e-12
    program = jax.tree.map(lambda leaf: leaf[0], batch)
    for function in (least, lambda *arguments: minimum(*arguments).position[0]):
        slope = jax.jit(jax.grad(function, 2), static_argnums=(0, 1))
        assert slope(log_posynomial, log_limits, starts[0], program).tolist() == [0, 0]


class Deployment(NamedTuple):
    """b sequences on G chips, for which memory and seconds per token allow (fixed + sequence b)/G + launch G^growth."""

    weights: jax.Array
    launch: jax.Array
    growth: jax.Array
    fixed: jax.Array  # of memory and of seconds per token
    sequence: jax.Array
    launches: jax.Array
    log_most: jax.Array  # chips


def deployment_cost(x, deployment):
    """The log of the seconds of one step and sequence that weights and launches take, by log G and log b."""
    return jnp.log(deployment.weights + deployment.launch * jnp.exp((1 + deployment.growth) * x[0])) - x[1]


def deployment_limits(x, deployment):
    per_chip = (deployment.fixed + deployment.sequence * jnp.exp(x[1])) * jnp.exp(-x[0])
    uses = jnp.log(per_chip + deployment.launches * jnp.exp(deployment.growth * x[0]))
    return jnp.stack([*uses, -x[0], x[0] - deployment.log_most, -x[1]])


def deployments(size: int = DEPLOYMENTS) -> tuple[jax.Array, Deployment]:
    """Models of 1e7 to 1e13 params on chips of all sorts, all with room for one sequence; half of them in a hurry."""
    rng = np.random.default_rng(3)

    def log_uniform(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), size))

    params, memory, bandwidth = log_uniform(1e7, 1e13), log_uniform(1e10, 1e12), log_uniform(1e11, 1e13)
    context, peak, growth = log_uniform(1, 1e5), log_uniform(1e13, 1e16), rng.uniform(0, 1, size)
    layers = 0.14 * params**0.25
    weights, launch = 2 * params / bandwidth, log_uniform(1e-7, 1e-3) * layers
    cached = 2 * 2048 * layers * context
    one = (2 * params + cached) / memory  # chips that hold one sequence
    most = np.maximum(1, one) * log_uniform(1.05, 1e4)
    chips = np.maximum(1, one) * rng.uniform(1, most / np.maximum(1, one))
    sequence = cached / bandwidth + 2 * params / peak
    seconds = ((weights + sequence) / chips + launch * chips**growth) * log_uniform(1.05, 100)
    seconds *= np.where(rng.uniform(size=size) < 0.5, 1, 1e9)
    pair = lambda memory, latency: jnp.asarray(np.stack([memory, latency], axis=1))
    start = pair(np.clip(np.log(4 * params / memory), 0, np.log(most)), 0 * most)
    return start, Deployment(
        *map(jnp.asarray, (weights, launch, growth)),
        pair(2 * params / memory, weights / seconds),
        pair(cached / memory, sequence / seconds),
        pair(0 * launch, launch / seconds),
        jnp.asarray(np.log(most)),
    )


@pytest.fixture(scope="module")
def deployed():
    """Deployments solved in at most so many steps, and the most that any of their limits is exceeded by."""

    @jax.jit
    def deployed(steps, start, batch):
        with pytest.MonkeyPatch.context() as patch:  # while this is traced, so that one program serves every number
            patch.setattr(convex, "MOST_STEPS", steps)
            found = jax.vmap(functools.partial(minimum, deployment_cost, deployment_limits))(start, batch)
        return found, jnp.max(jax.vmap(deployment_limits)(found.position, batch), axis=1)

    return deployed


def worst(measure, deployment) -> str:
    """How many there are, and the worst of them, for the message of a failure."""
    measure = np.nan_to_num(np.asarray(measure, float), nan=np.inf)
    index = int(np.argmax(measure))
    scenario = jax.tree.map(lambda leaf: leaf[index].tolist(), deployment)
    return f"{(measure == measure[index]).sum()} of {measure.size} have {measure[index]:.3g}, one is {scenario}"


@pytest.mark.parametrize(
    ("dtype", "gap", "excess", "share"), [("float64", 1e-13, 1e-14, 1.0), ("float32", 2e-5, 5e-6, 0.9999)]
)
def test_deployments_are_least_and_allowed_to_rounding(dtype, gap, excess, share, deployed):
    start, batch = jax.tree.map(lambda leaf: leaf.astype(dtype), deployments())
    found, over = deployed(convex.MOST_STEPS, start, batch)
    assert found.position.dtype == dtype
    converged = np.asarray(found.status == Status.OK)
    assert np.mean(converged) >= share, worst(found.status, batch)
    for measure, bound in ((found.gap, gap), (over, excess)):
        measure = np.where(converged, measure, 0)
        assert measure.max() <= bound, worst(measure, batch)


def test_deployments_take_7_to_20_steps(deployed):
    arguments = deployments()
    solved_within = [float(np.mean(deployed(steps, *arguments)[0].status == Status.OK)) for steps in (6, 16, 20)]
    assert solved_within[0] == 0
    assert solved_within[1] > 0.9
    assert solved_within[2] > 0.99


class Linear(NamedTuple):
    """price . x is to be least, and rows x at most bounds."""

    price: jax.Array
    rows: jax.Array
    bounds: jax.Array


def price(x, linear):
    return linear.price @ x


def excess(x, linear):
    return linear.rows @ x - linear.bounds


OUTCOMES = {  # price, rows, bounds, status
    "a corner": ([1, 2], [[-1, 0], [0, -1], [1, 1]], [1, 2, 5], Status.OK),
    "no x is allowed": ([1, 2], [[1, 0], [-1, 0], [0, -1]], [-1, -1, 2], Status.NOT_CONVERGED),
    "there is no least": ([1, 1], [[1, 0], [0, 1], [1, 1]], [1, 2, 5], Status.NOT_CONVERGED),
    "not even a direction": ([0, 1], [[0, -1], [0, 1], [0, -1]], [1, 2, 5], Status.NOT_CONVERGED),
    "no price": ([np.nan, 1], [[-1, 0], [0, -1], [1, 1]], [1, 2, 5], Status.NOT_CONVERGED),
    "no limit": ([1, 1], [[-1, 0], [0, -1], [1, 1]], [1, np.nan, 5], Status.NOT_CONVERGED),
    "an infinite price": ([np.inf, 1], [[-1, 0], [0, -1], [1, 1]], [1, 2, 5], Status.NOT_CONVERGED),
    "a limit never met": ([1, 1], [[-1, 0], [0, -1], [1, 1]], [1, -np.inf, 5], Status.NOT_CONVERGED),
}


def test_what_has_no_least_is_nan_and_a_status_and_spoils_no_other():
    *linear, statuses = zip(*OUTCOMES.values(), strict=True)
    batch = Linear(*(jnp.asarray(np.array(part, float)) for part in linear))
    found = jax.jit(jax.vmap(functools.partial(minimum, price, excess), (None, 0)))(jnp.zeros(2), batch)
    assert dict(zip(OUTCOMES, found.status.tolist(), strict=True)) == dict(zip(OUTCOMES, statuses, strict=True))
    failed = np.array(statuses) != Status.OK
    for numbers in found[:3]:
        assert (np.isnan(numbers).reshape(len(failed), -1).all(axis=1) == failed).all()
    np.testing.assert_allclose(found.position[0], [-1, -2], rtol=0, atol=1e-14)


def test_least_of_limits_that_touch_one_another():
    """More limits meet at the least than there are variables: their multipliers are not unique, the least is."""
    linear = Linear(jnp.asarray([1.0, 1.0]), jnp.asarray([[-1.0, 0], [0, -1], [-1, -1], [-2, -1]]), jnp.zeros(4))
    found = jax.jit(lambda linear: minimum(price, excess, jnp.ones(2), linear))(linear)
    assert found.status == Status.OK
    assert np.abs(found.position).max() < 1e-12


def sharp(variables: int, size: int = 40) -> tuple[jax.Array, Program, convex.Minimum]:
    """Random programs, with their start and end, whose limits are active or not beyond the reach of a difference."""
    batch = programs(variables)
    found = solved(jnp.zeros((PROGRAMS, variables)), batch)
    _, used, _ = conditions(found, batch)
    clear = np.flatnonzero(np.all((found.multipliers > 0.02) | (used < -0.02), axis=1))[:size]
    active = np.asarray(found.multipliers[clear, : variables + 1] > 0)
    assert len(clear) == size
    assert active.any(axis=1).any()
    assert not active.any(axis=1).all()
    return jnp.zeros((size, variables)), *jax.tree.map(lambda leaf: leaf[clear], (batch, found))


def random_like(tree, seed: int):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), tree)


def moved(tree, direction, step: float):
    return jax.tree.map(lambda leaf, change: leaf + step * change, tree, direction)


def inner(one, other) -> float:
    return sum(float(jnp.sum(a * b)) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def test_derivative_of_the_position_is_its_finite_difference_and_the_modes_agree():
    start, batch, _ = sharp(2)
    direction, weights = random_like(batch, 1), random_like(start, 2)

    @jax.jit
    def derivatives(batch):
        of_each = jax.vmap(functools.partial(minimum, log_posynomial, log_limits))
        positions, forward = jax.linearize(lambda batch: of_each(start, batch).position, batch)
        return positions, forward(direction), jax.linear_transpose(forward, batch)(weights)[0]

    _, forward, reverse = derivatives(batch)
    above, below = (derivatives(moved(batch, direction, step))[0] for step in (1e-5, -1e-5))
    np.testing.assert_allclose(forward, (above - below) / 2e-5, rtol=1e-6, atol=1e-7)
    assert inner(forward, weights) == pytest.approx(inner(reverse, direction), rel=1e-11)


def test_derivatives_of_the_least_are_those_of_the_lagrangian_and_finite_differences():
    """First by the fixed minimum alone (envelope theorem), second by what the minimum itself does."""
    start, batch, found = sharp(2)
    direction = random_like(batch, 3)

    def total(batch):
        return jnp.sum(jax.vmap(functools.partial(least, log_posynomial, log_limits))(start, batch))

    @jax.jit
    def derivatives(batch):
        return jax.jvp(jax.value_and_grad(total), (batch,), (direction,))

    def lagrangian(batch):
        return jnp.sum(jax.vmap(log_posynomial)(found.position, batch)) + jnp.sum(
            found.multipliers * jax.vmap(log_limits)(found.position, batch)
        )

    (_, slope), (change, second) = derivatives(batch)
    expected = jax.grad(lagrangian)(batch)
    above, below = (derivatives(moved(batch, direction, step))[0] for step in (1e-5, -1e-5))
    assert float(change) == pytest.approx(float(above[0] - below[0]) / 2e-5, rel=1e-8)
    assert float(change) == pytest.approx(inner(slope, direction), rel=1e-12)
    for ours, theirs, high, low, again in zip(
        *map(jax.tree.leaves, (slope, expected, above[1], below[1], second)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(again, (high - low) / 2e-5, rtol=1e-5, atol=1e-6)
