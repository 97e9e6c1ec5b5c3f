"""Costs hold what they claim of their shape; what breaks it is shown, and a plan of it claims nothing."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, DEMAND, a100, served

import lifetimescale as lts
from lifetimescale.costs import AbstractCost

LAW = lts.law("chinchilla")
TRAINING = lts.Training(a100(), mfu=0.5)
H100, B200, L4 = (lts.chip(name, price=price) for name, price in (("h100", 2.5), ("b200", 9.0), ("l4", 0.3)))
LATENCIES = {"time_per_token": 0.05, "time_to_first_token": 2.0}


def beyond_free(params, tokens, price, free):
    return price * jnp.maximum(tokens - free, 0)


def one_replica(params, tokens, fleet):
    return jnp.maximum(served().serving(params, tokens), fleet)


FREE_DATA = lts.FunctionCost(beyond_free, {"price": 1e-6, "free": 1e12}, curvature=lts.Curvature.CONVEX)
CLAIMED = COSTS | {
    "roofline, largest batch": lambda: lts.Roofline(H100, DEMAND, "fp8", chips=8),
    "roofline, cheapest chips": lambda: lts.Roofline(H100, DEMAND, "fp8"),
    "roofline, given batch": lambda: lts.Roofline(H100, DEMAND, "fp8", batch=16, time_per_token=0.05),
    "roofline, latencies": lambda: lts.Roofline(H100, DEMAND, "fp8", most_chips=64, **LATENCIES),
    "latent attention": lambda: lts.Roofline(H100, DEMAND, "fp8", shape=lts.Ladder(cache=None, stored_ratio=8.0)),
    "whole training": lambda: lts.Training(a100(), context=32768, recomputation=1.0, goodput=0.9, chips=512, days=60),
    "recipes": lambda: lts.data_cost(1e-7) + lts.fine_tuning_cost(H100, 1e9) + lts.teacher_cost(H100, 70e9),
    "API": lambda: TRAINING + lts.api_cost(DEMAND, prompt=0.3, output=0.4, params=70e9),
    "present value": lambda: TRAINING + lts.ExponentialTraffic(1.0, 0.5, 2.0).present_value(discount=0.1) * served(),
    "one replica": lambda: (
        TRAINING + lts.FunctionCost(one_replica, {"fleet": 1e6}, curvature=lts.Curvature.LOG_CONVEX, phase="serving")
    ),
    "free data": lambda: TRAINING + served() + FREE_DATA,
}


def plane(size: int = 4000) -> tuple[jax.Array, jax.Array]:
    """Pairs of random plans, as logarithms of params and tokens: (size, 2) each."""
    rng = np.random.default_rng(0)
    low, high = np.log([1e7, 1e9]), np.log([1e13, 1e15])
    return jnp.asarray(rng.uniform(low, high, (size, 2))), jnp.asarray(rng.uniform(low, high, (size, 2)))


def above_the_chord(cost: AbstractCost, measure) -> np.ndarray:
    """By what share of its size the measure of the cost at midpoints lies above the mean of the ends; finite ones."""
    a, b = plane()
    costs = [np.asarray(cost(*jnp.exp(x).T)) for x in (a, b, (a + b) / 2)]
    served_at_all = np.isfinite(costs[0]) & np.isfinite(costs[1])
    one, other, middle = (np.asarray(measure(jnp.asarray(each[served_at_all]))) for each in costs)
    return (middle - (one + other) / 2) / np.maximum(np.abs(one), np.abs(other))


@pytest.mark.parametrize("name", CLAIMED)
def test_costs_are_what_they_claim(name):
    cost = CLAIMED[name]()
    assert cost.curvature > lts.Curvature.UNKNOWN
    measure = jnp.log if cost.curvature == lts.Curvature.LOG_CONVEX else lambda x: x
    excess = above_the_chord(cost, measure)
    assert len(excess) > 500
    assert excess.max() < 1e-12, excess.max()


def test_data_beyond_a_free_allowance_is_convex_but_not_log_convex():
    cost = lts.data_cost(1e-9) + FREE_DATA
    assert cost.curvature == lts.Curvature.CONVEX
    assert above_the_chord(cost, lambda x: x).max() < 1e-12
    assert above_the_chord(cost, jnp.log).max() > 1e-3


def power_of_two_chips(params, tokens):
    """Serving on the smallest power of two of chips that holds weights and a batch of 64."""
    enough = jnp.exp2(jnp.ceil(jnp.log2(jnp.maximum(params * 1.3 / (0.9 * 80e9), 1))))
    return lts.Roofline(H100, DEMAND, "fp8", batch=64, chips=enough).serving(params, tokens)


def choice_of_chip(params, tokens):
    """One small chip, which reads all weights for each token, or many large ones, which launch more than they read."""
    few = lts.Roofline(L4, DEMAND, "fp8", batch=1, chips=1).serving(params, tokens)
    many = lts.Roofline(B200, DEMAND, "fp8", batch=256, chips=64).serving(params, tokens)
    return jnp.minimum(few, many)


def own_or_bought(params, tokens):
    own = served().serving(params, tokens) + 4e5
    return jnp.minimum(
        own, lts.api_cost(DEMAND, prompt=0.4, output=0.4, params=30e9, elasticity=1.5).serving(params, tokens)
    )


def whole_replicas(params, tokens):
    return 2e5 * jnp.ceil(served().serving(params, tokens) / 2e5)


def volume_discount(params, tokens):
    """Data at a dollar per million tokens, and at a tenth of that beyond 2T."""
    return 1e-6 * (jnp.minimum(tokens, 2e12) + 0.1 * jnp.maximum(tokens - 2e12, 0))


def utilisation_step(params, tokens):
    """Training at half of the utilisation below 7B."""
    return TRAINING.training(params, tokens) * jnp.where(params < 7e9, 2.0, 1.0)


def deflated_by_training(params, tokens):
    """Serving that gets cheaper while the model trains."""
    return 50 * served().serving(params, tokens) * jnp.exp(-params * tokens / 1e23)


BREAKERS = {
    function.__name__: function
    for function in (
        power_of_two_chips,
        choice_of_chip,
        own_or_bought,
        whole_replicas,
        volume_discount,
        utilisation_step,
        deflated_by_training,
    )
}


def broken(name: str, factor: float = 1.0) -> AbstractCost:
    breaker = lts.FunctionCost(BREAKERS[name], phase="serving")
    return breaker if name == "utilisation_step" else TRAINING + factor * breaker


@pytest.mark.parametrize("name", BREAKERS)
def test_what_breaks_convexity_is_not_convex_and_claims_nothing(name):
    cost = broken(name)
    assert above_the_chord(cost, jnp.log).max() > 1e-5
    assert above_the_chord(cost, lambda x: x).max() > 1e-3
    assert cost.curvature == (5 * cost).curvature == (cost + served()).curvature == lts.Curvature.UNKNOWN


@pytest.mark.parametrize(
    "name", ["power_of_two_chips", "choice_of_chip", "own_or_bought", "whole_replicas", "utilisation_step"]
)
def test_what_breaks_convexity_has_several_optima_along_a_loss(name):
    """On a grid along some curve of equal loss there are two models that are cheaper than both their neighbours."""
    assert most_minima(lambda factor: broken(name, factor)) > 1
    assert most_minima(lambda factor: TRAINING + factor * served()) == 1


def most_minima(cost) -> int:
    """Of all demands and losses."""
    return max(
        local_minima(cost(factor), loss) for factor in np.logspace(-1, 2, 7) for loss in np.linspace(1.8, 2.2, 5)
    )


@functools.cache
def _curve(loss: float) -> tuple[jax.Array, jax.Array]:
    smallest = (LAW.A / (loss - LAW.E)) ** (1 / LAW.alpha)
    params = float(smallest) * jnp.exp(jnp.linspace(0.02, math.log(30), 4000))
    return params, lts.price(LAW, lts.Flops(0.0), params=params, loss=loss).tokens


def local_minima(cost: AbstractCost, loss: float) -> int:
    totals = np.asarray(cost(*_curve(loss)))
    falls = np.diff(totals) < 0
    return int((falls[:-1] & ~falls[1:]).sum())


def test_a_plan_says_whether_it_is_the_only_optimum():
    good = lts.plan(LAW, TRAINING + served(), loss=2.0)
    assert good.is_unique
    assert good.guarantee.startswith("This is the only optimum")
    silent = lts.plan(LAW, broken("choice_of_chip"), loss=2.0)
    assert not silent.is_unique
    assert "maybe not the only one: the cost Sum makes no claim" in silent.guarantee
    law = lts.FunctionLaw(lambda N, D, E: E + (1e7 / N) ** 0.3 + (1e8 / D) ** 0.3, {"E": 1.5})
    mine = lts.plan(law, broken("choice_of_chip"), loss=2.0)
    assert "the cost Sum and the law FunctionLaw make no claim" in mine.guarantee
