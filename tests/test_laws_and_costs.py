"""One dict of laws and one of costs, times the properties that every one of them has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, LAWS

import lifetimescale as lts

PARAMS, TOKENS = 10 ** jnp.linspace(7, 12, 24), 10 ** jnp.linspace(9, 14, 24)


@pytest.fixture(params=LAWS)
def law(request):
    return LAWS[request.param]()


@pytest.fixture(params=COSTS)
def cost(request):
    return COSTS[request.param]()


def test_law_falls_in_params_and_in_tokens(law):
    assert (np.diff(law(PARAMS, 1e11)) < 0).all()
    assert (np.diff(law(1e9, TOKENS)) < 0).all()


def test_level_sets_of_a_law_are_convex_in_logs(law):
    """On the line between two models of equal loss, no model is worse."""
    curve = lts.price(law, lts.Flops(0.0), params=10 ** jnp.linspace(9.5, 11, 8), loss=law(1e10, 2e11))
    logs = np.log(np.stack([curve.params, curve.tokens]))[:, np.isfinite(curve.tokens)]
    middle = (logs[:, :, None] + logs[:, None, :]) / 2
    assert (np.asarray(law(*jnp.exp(jnp.asarray(middle)))) <= float(law(1e10, 2e11)) * (1 + 1e-12)).all()


def test_gradient_of_a_law_is_its_finite_difference(law):
    for argument in (0, 1):
        point = [1e10, 2e11]
        slope = float(jax.grad(law, argument)(*point))
        step = point[argument] * 1e-4
        low, high = (float(law(*[x + sign * step * (i == argument) for i, x in enumerate(point)])) for sign in (-1, 1))
        assert slope == pytest.approx((high - low) / (2 * step), rel=1e-6)


def test_inverses_of_a_law(law):
    loss = law(1e10, 2e11)
    by_params = lts.price(law, lts.Flops(0.0), params=1e10, loss=loss)
    by_tokens = lts.price(law, lts.Flops(0.0), tokens=2e11, loss=loss)
    assert float(by_params.tokens) == pytest.approx(2e11, rel=1e-11)
    assert float(by_tokens.params) == pytest.approx(1e10, rel=1e-11)


def test_compute_optimal_is_the_least_compute_of_its_loss(law):
    for given in ({"params": 1e10}, {"tokens": 2e11}, {"compute": 1e22}):
        best = lts.compute_optimal(law, **given)
        around = lts.price(law, lts.Flops(0.0), params=best.params * jnp.asarray([0.99, 1.01]), loss=best.loss)
        assert (around.total > best.total).all()
        again = lts.compute_optimal(law, loss=best.loss)
        assert float(again.params) == pytest.approx(float(best.params), rel=1e-7)
    assert float(lts.compute_optimal(law, params=1e10).params) == 1e10


def test_kaplan_is_its_coupled_form():
    law = LAWS["kaplan"]()
    assert np.allclose(law(PARAMS, TOKENS), law.coupled()(PARAMS, TOKENS), rtol=1e-13, atol=0)
    direct = ((8.8e13 / 1.5e9) ** (0.076 / 0.095) + 5.4e13 / 2.3e10) ** 0.095
    assert float(law(1.5e9, 2.3e10)) == pytest.approx(direct, rel=1e-13)


def test_coupled_plans_are_those_of_the_separable_law_at_the_relabelled_loss():
    law = LAWS["coupled"]().coupled()
    separable = lts.Chinchilla(0.0, law.A, law.B, law.alpha, law.beta)
    best = lts.plan(law, lts.Flops(2e12), loss=2.2)
    same = lts.plan(separable, lts.Flops(2e12), loss=(2.2 - law.E) ** (1 / law.gamma))
    assert float(best.params) == pytest.approx(float(same.params), rel=1e-12)


def test_cost_is_positive_and_grows_in_tokens(cost):
    assert (cost(PARAMS, TOKENS) > 0).all()
    assert (np.diff(cost(1e9, TOKENS)) > 0).all()


def test_cost_is_training_and_serving(cost):
    priced = lts.price(lts.law("chinchilla"), cost, params=1e10, tokens=2e11)
    assert float(priced.training + priced.serving) == pytest.approx(float(cost(1e10, 2e11)), rel=1e-14)
    assert float(priced.spend_ratio) == float(priced.serving / priced.training)


def test_cost_of_one_size_is_the_cost(cost):
    total = cost.of_size(jnp.asarray(1e10)).total(jnp.asarray(1e10), jnp.asarray(2e11))
    assert float(total) == pytest.approx(float(cost(1e10, 2e11)), rel=1e-14)


def test_cost_is_log_convex(cost):
    a, b = (jnp.asarray([1e9, 1e12]), jnp.asarray([5e11, 2e10]))
    ends = jnp.log(cost(*a)), jnp.log(cost(*b))
    middle = jnp.log(cost(*jnp.sqrt(a * b)))
    assert float(middle) <= float(ends[0] + ends[1]) / 2 + 1e-12


def test_linear_costs_are_what_their_rates_say(cost):
    if not cost.is_linear:
        with pytest.raises(ValueError, match="not of the form"):
            cost.rates()
        return
    rates = cost.rates()
    assert float(cost(1e10, 2e11)) == pytest.approx(float(1e10 * (rates.training * 2e11 + rates.serving)), rel=1e-14)


def test_scaling_all_prices_scales_the_total_and_leaves_the_model(cost):
    law = lts.law("chinchilla")
    one, ten = (lts.plan(law, factor * cost, loss=2.0) for factor in (1.0, 10.0))
    assert float(ten.params) == pytest.approx(float(one.params), rel=1e-12)
    assert float(ten.tokens) == pytest.approx(float(one.tokens), rel=1e-12)
    assert float(ten.total) == pytest.approx(10 * float(one.total), rel=1e-12)


def test_the_same_m_gives_the_same_relative_plan():
    """alpha, beta and m alone decide; E, A, B, the loss and the unit of the cost only set the scale."""
    one, other = lts.Chinchilla(1.69, 406.4, 410.7, 0.3, 0.4), lts.Chinchilla(0.5, 33.0, 5.0, 0.3, 0.4)
    ratios = []
    for law, loss in ((one, 2.0), (other, 0.9)):
        optimum = lts.compute_optimal(law, loss=loss)
        best = lts.plan(law, lts.Flops(3 * 2.5 * optimum.tokens), loss=loss)
        ratios.append([float(best.params / optimum.params), float(best.tokens / optimum.tokens), float(best.saving)])
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-11)


def test_more_demand_means_a_smaller_model_for_longer():
    best = lts.plan(lts.law("chinchilla"), lts.Flops(jnp.logspace(8, 16, 100)), loss=2.0)
    assert (np.diff(best.params) < 0).all()
    assert (np.diff(best.tokens) > 0).all()
    assert (np.diff(best.saving) > 0).all()


def test_costs_of_different_units_do_not_add():
    with pytest.raises(ValueError, match="FLOP and one in USD do not add"):
        lts.Flops(1e12) + lts.Monomial(1e-7, 0.0, 1.0)


def test_doors_refuse_what_is_no_phase_and_no_precision():
    with pytest.raises(ValueError, match="no phase"):
        lts.Monomial(1.0, 1.0, 1.0, phase="research")
    with pytest.raises(ValueError, match="choose one of bf16, fp8, int8, fp4"):
        lts.Training(lts.chip("h100"), precision="fp16")


def test_demand_of_tokens():
    demand = lts.Demand.of_tokens(2e12, prompt=70, output=215)
    assert float(demand.tokens) == pytest.approx(2e12)
    assert float(demand.requests) == pytest.approx(2e12 / 285)
