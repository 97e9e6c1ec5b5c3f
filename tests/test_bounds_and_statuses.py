"""Bounds are honoured exactly, sizes can be given, and every outcome and warning turns up in one batch."""

import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, Plain

import lifetimescale as lts
from lifetimescale import Status, Warnings

LAW, COST = lts.law("chinchilla"), lts.Flops(2e12)
FREE = lts.plan(LAW, COST, loss=2.0)


@pytest.mark.parametrize("law", [LAW, Plain()])
@pytest.mark.parametrize("cost", [COST, COSTS["with data"]()])
@pytest.mark.parametrize(
    ("bound", "name", "flag"),
    [("max_params", "params", Warnings.PARAMS_AT_BOUND), ("min_params", "params", Warnings.PARAMS_AT_BOUND),
     ("max_tokens", "tokens", Warnings.TOKENS_AT_BOUND), ("min_tokens", "tokens", Warnings.TOKENS_AT_BOUND)],
)  # fmt: skip
def test_an_active_bound_is_met_exactly_and_said(law, cost, bound, name, flag):
    free = lts.plan(law, cost, loss=2.0)
    limit = float(getattr(free, name)) * (0.8 if bound.startswith("max") else 1.3)
    best = lts.plan(law, cost, loss=2.0, **{bound: limit})
    assert float(getattr(best, name)) == limit
    assert flag in Warnings(int(best.warnings))
    assert float(law(best.params, best.tokens)) == pytest.approx(2.0, rel=1e-12)
    assert float(best.total) > float(free.total)
    assert float(best.total) == pytest.approx(float(cost(best.params, best.tokens)), rel=1e-12)


def test_a_bound_that_is_not_active_changes_nothing():
    best = lts.plan(LAW, COST, loss=2.0, max_params=1e12, min_params=1e6, max_tokens=1e15, min_tokens=1e6)
    assert float(best.params) == float(FREE.params)
    assert float(best.total) == pytest.approx(float(FREE.total), rel=1e-14)
    assert not Warnings(int(best.warnings)) & (Warnings.PARAMS_AT_BOUND | Warnings.TOKENS_AT_BOUND)


def test_two_least_bounds_leave_their_corner_which_betters_the_loss():
    best = lts.plan(LAW, COST, loss=2.0, min_params=20e9, min_tokens=3e12)
    assert (float(best.params), float(best.tokens)) == (20e9, 3e12)
    assert float(best.loss) == pytest.approx(float(LAW(20e9, 3e12)), rel=1e-14)
    assert float(best.loss) < 2.0


def test_two_greatest_bounds_leave_their_corner_within_the_budget():
    best = lts.plan(LAW, COST, budget=1e24, max_params=5e9, max_tokens=1e12)
    assert (float(best.params), float(best.tokens)) == (5e9, 1e12)
    assert float(best.total) == pytest.approx(float(COST(5e9, 1e12)), rel=1e-14)
    assert float(best.total) < 1e24


@pytest.mark.parametrize(
    "limits",
    [
        {"loss": 2.0, "max_params": 1e9, "max_tokens": 1e12},
        {"loss": 2.0, "max_params": 1e8},
        {"loss": 2.0, "max_tokens": 1e9},
        {"loss": 2.0, "min_params": 2e10, "max_params": 1e10},
        {"budget": 1e20, "min_params": 1e10, "min_tokens": 1e12},
        {"budget": 1e20, "min_params": 1e10},
        {"loss": 2.0, "params": 1e9},
        {"budget": 1e20, "params": 1e10},
    ],
)
@pytest.mark.parametrize("law", [LAW, Plain()])
def test_what_no_model_can_do_is_unreachable(limits, law):
    best = lts.plan(law, COST, **limits)
    assert best.status == Status.UNREACHABLE
    assert np.isnan([best.params, best.tokens, best.loss, best.total, best.training, best.saving]).all()


def test_bounds_of_a_budget_are_met_exactly_too():
    free = lts.plan(LAW, COST, budget=1e23)
    small = lts.plan(LAW, COST, budget=1e23, max_params=free.params / 2)
    assert float(small.params) == float(free.params / 2)
    assert float(small.total) == 1e23
    assert float(COST(small.params, small.tokens)) == pytest.approx(1e23, rel=1e-13)
    assert float(small.loss) > float(free.loss)


def test_a_given_size_says_how_long_to_train():
    best = lts.plan(LAW, COST, loss=2.0, params=8e9)
    assert float(best.params) == 8e9
    assert float(LAW(8e9, best.tokens)) == pytest.approx(2.0, rel=1e-13)
    spent = lts.plan(LAW, COST, budget=1e23, params=8e9)
    assert float(COST(8e9, spent.tokens)) == pytest.approx(1e23, rel=1e-13)


def test_every_outcome_in_one_batch():
    loss = jnp.asarray([2.0, 1.69, 1.5, 2.0, 2.0, jnp.nan, jnp.inf])
    demand = jnp.asarray([2e12, 2e12, 2e12, -1.0, jnp.nan, 2e12, 2e12])
    expected = [Status.OK, Status.UNREACHABLE, Status.UNREACHABLE] + 4 * [Status.INVALID]
    for method in ("exact", "general"):
        batch = lts.plan(LAW, lts.Flops(demand), loss=loss, method=method)
        assert batch.status.tolist() == expected
        failed = batch.status != Status.OK
        for name in ("params", "tokens", "loss", "total", "training", "serving", "spend_ratio", "saving", "overpay"):
            assert (np.isnan(getattr(batch, name)) == failed).all(), (method, name)
        assert batch.warnings[1:].tolist() == 6 * [0]
    assert (lts.plan(LAW, COST, budget=jnp.asarray([-1.0, 0.0])).status == Status.INVALID).all()


def test_a_cost_without_training_or_without_params_has_no_optimum():
    serving_only = COSTS["dollars"]().second
    assert lts.plan(LAW, serving_only, loss=2.0).status == Status.NO_OPTIMUM
    assert lts.plan(LAW, serving_only, loss=2.0, method="general").status == Status.NO_OPTIMUM
    data_only = lts.Monomial(1e-7, 0.0, 1.0)
    assert lts.plan(LAW, data_only, loss=2.0).status == Status.NO_OPTIMUM


def test_a_chip_without_the_precision_is_invalid():
    cost = lts.Training(lts.chip("a100-80gb"), precision="fp8")
    assert lts.plan(LAW, cost, loss=2.0).status == Status.INVALID


def test_a_negative_coefficient_is_invalid():
    assert lts.plan(lts.Chinchilla(1.69, -406.4, 410.7, 0.336, 0.283), COST, loss=2.0).status == Status.INVALID


def test_numbers_beyond_floating_point_are_unreachable():
    flat = lts.Chinchilla(1.0, 1.0, 1.0, 0.01, 0.01)
    assert lts.plan(flat, COST, loss=1.0001).status == Status.UNREACHABLE


def test_every_outcome_and_every_warning_has_its_sentence():
    for status in Status:
        assert status.advice.endswith(".")
    best = lts.plan(LAW, COST, loss=2.0, max_params=1e12)
    assert best.messages() == [
        "1.68T training tokens are 3.36 times the most that the law was fitted on (500B): the law is extrapolated."
    ]
    tiny = lts.price(LAW, COST, params=1e7, tokens=1e8).messages()
    assert tiny[0] == ("10.0M params are 1/7 of the least that the law was fitted on (70.0M): the law is extrapolated.")
    bounded = lts.plan(LAW, COST, loss=2.0, max_params=5e9, max_tokens=1e14).messages()
    assert bounded[-1] == "The params are at their bound: without it the plan would be cheaper or better."
    assert "ask for a higher loss" in lts.plan(LAW, COST, loss=1.5).messages()[0]
    ratio = lts.price(lts.law("gadre2024_c4"), COST, params=1e9, tokens=1e9)
    assert Warnings.RATIO_OUTSIDE in Warnings(int(ratio.warnings))


def test_targets_and_bounds_are_checked_at_the_door():
    for wrong in ({}, {"loss": 2.0, "budget": 1e6}):
        with pytest.raises(ValueError, match="exactly one target"):
            lts.plan(LAW, COST, **wrong)
    with pytest.raises(ValueError, match="nothing to bound"):
        lts.plan(LAW, COST, loss=2.0, params=1e9, max_tokens=1e12)
    for wrong in ({"params": 1e9}, {"params": 1e9, "tokens": 1e9, "loss": 2.0}):
        with pytest.raises(ValueError, match="exactly two"):
            lts.price(LAW, COST, **wrong)
    for call in (lambda: lts.plan("chinchilla", COST, loss=2.0), lambda: lts.compute_optimal(7, params=1e9)):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="exactly one of params"):
        lts.compute_optimal(LAW, params=1e9, loss=2.0)
