"""Derivatives: right to second order in both modes, finite at no demand, NaN where the plan is; the envelope."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from problems import COSTS, Plain, problems

import lifetimescale as lts

COEFFICIENTS = jnp.log(jnp.asarray([1.69, 406.4, 410.7, 0.336, 0.283]))


def numbers(target, method, logs, demand):
    """The logs of the numbers of a plan, of the logs of five coefficients, the demand and the target."""
    law = lts.Chinchilla(*jnp.exp(logs[:5]))
    goal = {target: jnp.exp(logs[6])}
    best = lts.plan(law, lts.Flops(demand * jnp.exp(logs[5])), method=method, **goal)
    return jnp.log(jnp.stack([best.params, best.tokens, best.total if target == "loss" else best.loss]))


@pytest.mark.parametrize("method", ["exact", "general"])
@pytest.mark.parametrize("demand", [0.0, 2e12, 1e16])
def test_at_a_loss(method, demand):
    logs = jnp.concatenate([COEFFICIENTS, jnp.log(jnp.asarray([1.0, 2.05]))])
    function = lambda logs: numbers("loss", method, jnp.asarray(logs), demand)
    check_grads(function, (np.asarray(logs),), order=2, eps=1e-4, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("method", ["exact", "general"])
def test_at_a_budget(method):
    logs = jnp.concatenate([COEFFICIENTS, jnp.log(jnp.asarray([1.0, 8e22]))])
    function = lambda logs: numbers("budget", method, jnp.asarray(logs), 2e12)
    check_grads(function, (np.asarray(logs),), order=2, eps=1e-4, rtol=2e-3, atol=2e-3)


def test_of_a_plain_law():
    plan = lambda demand: jnp.log(lts.plan(Plain(), lts.Flops(jnp.exp(jnp.asarray(demand))), loss=2.0).params)
    check_grads(plan, (np.log(2e12),), order=1, eps=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", COSTS)
def test_envelope_theorem(name):
    """d total/d price and d total/d demand are the costs' own, at the optimum held fixed; d total/d loss = C_D/L_D."""
    law, cost = lts.law("chinchilla"), COSTS[name]()
    best = lts.plan(law, cost, loss=2.0)
    gradient = jax.grad(lambda cost: lts.plan(law, cost, loss=2.0).total)(cost)
    partial = jax.grad(lambda cost: cost(best.params, best.tokens))(cost)
    assert type(gradient) is type(cost)
    for ours, expected in zip(jax.tree.leaves(gradient), jax.tree.leaves(partial), strict=True):
        assert float(ours) == pytest.approx(float(expected), rel=1e-11)
    by_loss = jax.grad(lambda loss: lts.plan(law, cost, loss=loss).total)(2.0)
    ratio = jax.grad(cost, 1)(best.params, best.tokens) / jax.grad(law, 1)(best.params, best.tokens)
    assert float(by_loss) == pytest.approx(float(ratio), rel=1e-11)


def test_no_demand_is_finite():
    gradient = jax.grad(lambda demand: lts.plan(lts.law("chinchilla"), lts.Flops(demand), loss=2.0).params)(0.0)
    step = 1e3
    change = [lts.plan(lts.law("chinchilla"), lts.Flops(x), loss=2.0).params for x in (0.0, step)]
    assert float(gradient) == pytest.approx(float(change[1] - change[0]) / step, rel=1e-4)


@pytest.mark.parametrize("method", ["exact", "general"])
def test_a_failed_plan_has_no_derivative_and_spoils_no_other(method):
    law, losses = lts.law("chinchilla"), jnp.asarray([2.0, 1.5, 2.2])

    def plans(losses, demands):
        return lts.plan(law, lts.Flops(demands), loss=losses, method=method).params

    by_loss = jnp.diagonal(jax.jacobian(plans)(losses, jnp.full(3, 1e12)))
    assert np.isnan(by_loss).tolist() == [False, True, False]
    by_demand = jnp.diagonal(jax.jacobian(plans, 1)(jnp.full(3, 2.0), jnp.asarray([1e12, -1e12, 0.0])))
    assert np.isnan(by_demand).tolist() == [False, True, False]


def test_jit_and_vmap_give_the_same_gradient():
    batch = problems("everyday", 8)

    def total(law, demand, loss):
        return lts.plan(law, lts.Flops(demand), loss=loss).total

    loop = [
        jax.grad(total, (0, 1, 2))(
            *jax.tree.map(lambda x, i=index: x[i] if x.ndim else x, (batch.law, batch.demand, batch.loss))
        )
        for index in range(8)
    ]
    axes = (jax.tree.map(lambda x: 0 if x.ndim else None, batch.law), 0, 0)
    mapped = jax.jit(jax.vmap(jax.grad(total, (0, 1, 2)), axes))(batch.law, batch.demand, batch.loss)
    for index in range(8):
        for ours, expected in zip(jax.tree.leaves(mapped), jax.tree.leaves(loop[index]), strict=True):
            assert float(ours[index]) == pytest.approx(float(expected), rel=1e-12)


def test_on_an_active_bound_the_derivative_is_the_bounds():
    """At most 5B params: the size follows the bound, and the tokens what the loss then asks for."""
    law, cost = lts.law("chinchilla"), lts.Flops(2e12)
    bounded = lambda most: lts.plan(law, cost, loss=2.0, max_params=most)
    assert float(jax.grad(lambda most: bounded(most).params)(5e9)) == 1.0
    slope = jax.grad(lambda params: lts.plan(law, cost, loss=2.0, params=params).tokens)(5e9)
    assert float(jax.grad(lambda most: bounded(most).tokens)(5e9)) == pytest.approx(float(slope), rel=1e-12)
    loose = jax.grad(lambda most: bounded(most).params)(1e12)
    assert float(loose) == 0.0


def test_of_the_near_optimal_range():
    law = lts.law("chinchilla")

    def size(log_demand):
        best = lts.plan(law, lts.Flops(jnp.exp(jnp.asarray(log_demand))), loss=2.0)
        return jnp.log(best.near().smallest.params)

    check_grads(size, (np.log(2e12),), order=1, eps=1e-3, rtol=1e-4)
