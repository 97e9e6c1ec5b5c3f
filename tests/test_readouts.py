"""What is read off a plan: its baseline, saving, near-optimal range, regret, break-even, and its sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, Plain

import lifetimescale as lts

LAW = lts.law("chinchilla")


@pytest.mark.parametrize("cost", COSTS)
def test_baseline_is_compute_optimal_at_the_same_loss(cost):
    best = lts.plan(LAW, COSTS[cost](), loss=2.0)
    baseline = best.baseline
    assert float(baseline.loss) == pytest.approx(2.0, rel=1e-13)
    assert float(baseline.tokens) == pytest.approx(
        float(lts.compute_optimal(LAW, params=baseline.params).tokens), rel=1e-11
    )
    assert float(best.saving) == pytest.approx(1 - float(best.total / baseline.total), rel=1e-10)
    assert float(baseline.overpay) == pytest.approx(float(baseline.total / best.total) - 1, rel=1e-10)
    assert float(best.overpay) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("law", [LAW, Plain()])
@pytest.mark.parametrize("tolerance", [1e-4, 0.01, 0.5])
def test_near_optimal_range_ends_where_the_cost_has_grown_by_the_tolerance(law, tolerance):
    best = lts.plan(law, lts.Flops(2e12), loss=2.0)
    near = best.near(tolerance)
    for end in (near.smallest, near.largest):
        assert float(end.total / best.total) == pytest.approx(1 + tolerance, rel=1e-11)
        assert float(end.loss) == pytest.approx(2.0, rel=1e-12)
    assert float(near.smallest.params) < float(best.params) < float(near.largest.params)


def test_near_optimal_range_is_batched_and_honours_bounds():
    best = lts.plan(LAW, lts.Flops(jnp.logspace(11, 13, 4)), loss=2.0, max_params=12e9)
    near = best.near(0.02)
    assert near.smallest.params.shape == (4,)
    assert (near.largest.params <= 12e9).all()
    assert float(near.largest.params[0]) == 12e9
    assert (near.smallest.total <= best.total * 1.02 * (1 + 1e-12)).all()


def test_near_of_a_model_of_ones_own_is_that_of_the_optimum():
    own = lts.price(LAW, lts.Flops(2e12), params=30e9, loss=2.0)
    best = lts.plan(LAW, lts.Flops(2e12), loss=2.0)
    assert float(own.near().smallest.params) == pytest.approx(float(best.near().smallest.params), rel=1e-12)


def test_price_of_ones_own_model():
    cost = lts.Flops(2e12)
    own = lts.price(LAW, cost, params=8e9, loss=2.05)
    best = lts.plan(LAW, cost, loss=2.05)
    assert float(own.overpay) == pytest.approx(float(own.total / best.total) - 1, rel=1e-9)
    assert float(lts.price(LAW, cost, params=8e9, tokens=own.tokens).loss) == pytest.approx(2.05, rel=1e-13)
    assert lts.price(LAW, cost, params=8e9, tokens=-1.0).status == lts.Status.INVALID


def test_break_even_is_where_the_two_cost_the_same():
    cost = COSTS["dollars"]()
    large, small = (lts.price(LAW, cost, params=size, loss=2.0) for size in (20e9, 10e9))
    tokens = lts.break_even(large, small)
    assert float(lts.break_even(small, large)) == float(tokens)
    demand = lts.Demand.of_tokens(tokens, prompt=1000, output=250)
    serving = lts.FixedUtilization(
        lts.chip("a100-40gb", price=0.60), precision="int8", demand=demand, prefill=0.4, decode=0.2
    )
    at_tie = [lts.price(LAW, cost.first + serving, params=size, loss=2.0).total for size in (20e9, 10e9)]
    assert float(at_tie[0]) == pytest.approx(float(at_tie[1]), rel=1e-12)


def test_break_even_of_a_model_that_always_costs_less_is_not_a_number():
    cheap, dear = (lts.price(LAW, lts.Flops(1e12), params=size, tokens=1e12) for size in (1e9, 2e9))
    assert np.isnan(lts.break_even(cheap, dear))


def test_printed_plans():
    best = lts.plan(LAW, lts.Flops(2e12), loss=lts.compute_optimal(LAW, params=13e9).loss)
    first, second = str(best).splitlines()
    assert first == (
        "6.97B params, 1.25T tokens (179.1 per param), loss 2.0453, 8.00e22 FLOP, "
        "17.4 % less than the compute-optimal 13.0B params on 576B tokens"
    )
    assert second.startswith("1.25T training tokens are 2.5 times the most")
    batch = lts.plan(LAW, lts.Flops(2e12), loss=jnp.asarray([2.0, 1.5, 2.2]))
    assert str(batch) == "3 plans of shape (3,): 2 ok, 1 unreachable; params 1.69B to 11.9B, tokens 638B to 1.68T"
    assert str(lts.plan(LAW, lts.Flops(2e12), loss=1.5)).startswith("No model within the bounds reaches the target")
    texts = []
    jax.jit(lambda loss: texts.append(str(lts.plan(LAW, lts.Flops(2e12), loss=loss))))(2.0)
    assert texts[0].startswith("Plan(params=")
