"""Alternatives: the best of several plans in every scenario, all of them kept; and the terms that are recipes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts

LAW, DEMAND = lts.law("chinchilla"), lts.Demand(1e10, prompt=1000, output=250)
H100 = lts.chip("h100", price=2.5)
TRAINING = lts.Training(H100, mfu=0.41)
CHIPS = {"a100-80gb": 1.5, "h100": 2.5, "b200": 6.69}


def serving(name: str, price: float) -> lts.Roofline:
    precision = "fp8" if name != "a100-80gb" else "int8"
    return lts.Roofline(lts.chip(name, price=price), DEMAND, precision, batch=64, chips=8)


def plans(**target) -> dict[str, lts.Plan]:
    return {name: lts.plan(LAW, TRAINING + serving(name, price), **target) for name, price in CHIPS.items()}


def test_the_least_total_of_a_loss_and_the_lowest_loss_of_a_budget_win():
    for target, number in (({"loss": 1.95}, "total"), ({"budget": 1e6}, "loss")):
        every = plans(**target)
        best = lts.cheapest(every)
        values = {name: float(getattr(plan, number)) for name, plan in every.items()}
        assert best.name == min(values, key=values.__getitem__)
        assert float(getattr(best, number)) == min(values.values())
        assert best.best is every[best.name]
        assert "is the best of 3 alternatives" in str(best)


def test_alternatives_as_an_axis_are_the_loop_over_them():
    """Chips down, demand across: every column takes the chip that a loop would."""
    scale = jnp.logspace(-3, 3, 50)
    stacked = jax.tree.map(lambda *numbers: jnp.stack(numbers)[:, None], *(serving(*item) for item in CHIPS.items()))
    many = lts.cheapest(lts.plan(LAW, TRAINING + stacked * scale, loss=1.95))
    loop = {name: lts.plan(LAW, TRAINING + serving(name, price) * scale, loss=1.95) for name, price in CHIPS.items()}
    totals = np.stack([plan.total for plan in loop.values()])
    assert many.choice.shape == (50,)
    assert (np.asarray(many.choice) == totals.argmin(axis=0)).all()
    assert np.allclose(many.total, totals.min(axis=0), rtol=1e-12, atol=0)
    assert np.allclose(many.params, lts.cheapest(loop).params, rtol=1e-12, atol=0)
    assert "50 choices" in str(many)


def test_an_alternative_without_a_plan_never_wins():
    small = lts.Roofline(lts.chip("l4", price=0.01), DEMAND, "fp8", chips=1)  # 24 GB hold no model of this loss
    every = {"l4": lts.plan(LAW, TRAINING + small, loss=1.8), "h100": lts.plan(LAW, TRAINING, loss=1.8)}
    assert every["l4"].status == lts.Status.UNREACHABLE
    assert lts.cheapest(every).name == "h100"
    alone = lts.cheapest({"l4": every["l4"]})
    assert alone.status == lts.Status.UNREACHABLE
    assert np.isnan(alone.total)


def test_the_gradient_is_that_of_the_best():
    def total(price):
        options = {"h100": 2.5, "b200": price}
        return lts.cheapest(
            {name: lts.plan(LAW, TRAINING + serving(name, p), loss=1.95) for name, p in options.items()}
        ).total

    def alone(price):
        return lts.plan(LAW, TRAINING + serving("b200", price), loss=1.95).total

    assert float(jax.grad(total)(20.0)) == 0
    assert float(jax.grad(total)(3.0)) == pytest.approx(float(jax.grad(alone)(3.0)), rel=1e-12)


def test_what_does_not_compare_is_refused():
    dollars, flops = lts.plan(LAW, TRAINING, loss=2.0), lts.plan(LAW, lts.Flops(1e12), loss=2.0)
    with pytest.raises(ValueError, match="do not compare"):
        lts.cheapest({"dollars": dollars, "FLOPs": flops})
    with pytest.raises(ValueError, match="do not compare"):
        lts.cheapest({"loss": dollars, "budget": lts.plan(LAW, TRAINING, budget=1e6)})
    with pytest.raises(ValueError, match="no alternative"):
        lts.cheapest({})


def test_recipes_are_their_equations():
    per_flop = 2.5 / (3600 * 9.89e14 * 0.5)
    cases = [
        (lts.data_cost(1e-7), 1e-7 * 2e12),
        (lts.teacher_cost(H100, params=70e9), 2 * 70e9 * per_flop * 2e12),
        (lts.fine_tuning_cost(H100, tokens=1e9, times=12), 6 * 1e9 * 12 * per_flop * 1e10),
        (lts.fine_tuning_cost(H100, tokens=1e9, flops=4.0), 4 * 1e9 * per_flop * 1e10),
        (lts.api_cost(DEMAND, prompt=0.35, output=0.40), 1e10 * (1000 * 0.35 + 250 * 0.40) / 1e6),
        (lts.api_cost(DEMAND, prompt=1.0, output=2.0, params=1e9, elasticity=1.0), 1e10 * 1500 / 1e6 * 10),
    ]
    for cost, value in cases:
        assert float(cost(1e10, 2e12)) == pytest.approx(value, rel=1e-12)
        assert cost.curvature == lts.Curvature.LOG_CONVEX
    cached = lts.api_cost(lts.Demand(1e10, 1000, 250, cached=0.5), prompt=1.0, output=2.0, cached=0.1)
    assert float(cached(1e10, 2e12)) == pytest.approx(1e10 * (500 + 500 * 0.1 + 500) / 1e6, rel=1e-12)


def test_chips_and_an_api_cross_over_with_demand():
    """Little demand is cheapest bought, much is cheapest served: a choice, so it is made over plans."""
    demand = lts.Demand(jnp.asarray([1e5, 1e13]), 1000, 250)
    standby = lts.Monomial(8 * 2.5 * 24 * 730, 0.0, 0.0, phase="serving", name="standby")
    own = lts.Roofline(H100, demand, "fp8", chips=1) + standby
    bought = lts.api_cost(demand, prompt=0.264, output=0.264, params=70e9)
    best = lts.cheapest(
        {"own": lts.plan(LAW, TRAINING + own, loss=1.95), "API": lts.plan(LAW, TRAINING + bought, loss=1.95)}
    )
    assert [best.names[int(choice)] for choice in best.choice] == ["API", "own"]
