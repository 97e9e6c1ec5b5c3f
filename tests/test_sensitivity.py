"""Sensitivity: elasticities are derivatives and keep the laws of units; tornados are plans; Sobol indices are known."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, DEMAND, LAWS, a100

import lifetimescale as lts
from lifetimescale import Elasticities, elasticities, sobol, tornado
from lifetimescale.sensitivity.sobol import HALF_CELL

LAW = lts.law("chinchilla")
BASE = lts.Planner(LAW, lts.Flops(2e12), like=13e9)
OUTPUTS = ("params", "tokens", "total", "saving")

# law, cost and what is given; plans are exact or general, at a loss or of a budget, free or at bounds
CASES = {
    "exact": ("chinchilla", "dollars", {"like": 13e9}),
    "coupled, at a bound": ("coupled", "flops", {"like": 1e9, "max_params": 5e8, "min_tokens": 1e9}),
    "kaplan, of a budget": ("kaplan", "scaled", {"budget": 1e6}),
    "general, of a budget": ("gemstones", "with data", {"budget": 1e6}),
    "roofline": ("chinchilla", "roofline", {"loss": 2.0}),
}
WITH_SAVING = ("exact", "roofline")  # by the exact equation, and by two plans
STEP = 1e-3


@functools.cache
def planner(case: str) -> lts.Planner:
    law, cost, given = CASES[case]
    return lts.Planner(LAWS[law](), COSTS[cost](), **given)


def outputs(case: str) -> tuple[str, ...]:
    return OUTPUTS if case in WITH_SAVING else OUTPUTS[:3]


@functools.cache
def found(case: str) -> Elasticities:
    return elasticities(planner(case), outputs=outputs(case))


def scalars(result: Elasticities, output: str) -> dict[str, float]:
    return {name: float(value) for name, value in result.values[output].items()}


def differences(planner: lts.Planner, names: list[str], outputs: tuple[str, ...]) -> dict[str, np.ndarray]:
    """d log|y|/d log x by plans at four factors of each number: Richardson's, with an error of STEP^4."""
    factors = jnp.tile(jnp.exp(STEP * jnp.asarray([-2.0, -1.0, 1.0, 2.0])), len(names))
    places = jnp.arange(factors.size) // 4
    values = {name: planner.value(name) * jnp.where(places == place, factors, 1.0) for place, name in enumerate(names)}
    plans = jax.jit(lambda planner, values: [getattr(planner(**values), name) for name in outputs])(planner, values)
    logs = {name: np.log(np.abs(value)).reshape(-1, 4) for name, value in zip(outputs, plans, strict=True)}
    return {name: (y @ np.array([1.0, -8.0, 8.0, -1.0])) / (12 * STEP) for name, y in logs.items()}


@pytest.mark.parametrize("case", CASES)
def test_elasticities_are_the_slopes_of_plans(case):
    result, names = found(case), [*planner(case).names, *planner(case).given]
    assert [*result.values] == [*outputs(case)]
    slopes = differences(planner(case), names, outputs(case))
    for output in outputs(case):
        values = scalars(result, output)
        assert list(values) == names
        np.testing.assert_allclose([*values.values()], slopes[output], rtol=1e-6, atol=1e-8, err_msg=output)


def test_elasticities_of_any_output_of_a_plan():
    result = elasticities(BASE, outputs=["baseline.total", "parts.serving", "loss", "spend_ratio"])
    assert scalars(result, "baseline.total")["inference_tokens"] == pytest.approx(
        float(BASE().baseline.serving / BASE().baseline.total), rel=1e-12
    )
    assert scalars(result, "loss")["inference_tokens"] == 0
    parts = {name: 1 + value for name, value in scalars(elasticities(BASE), "params").items()}
    assert scalars(result, "parts.serving")["inference_tokens"] == pytest.approx(parts["inference_tokens"], rel=1e-12)
    with pytest.raises(ValueError, match="'status' moves in steps and has no elasticity: ask for numbers like params"):
        elasticities(BASE, outputs="status")
    with pytest.raises(ValueError, match="no output is named 'totals': there are params, tokens"):
        elasticities(BASE, outputs=["totals"])
    with pytest.raises(ValueError, match="there are no outputs"):
        elasticities(BASE, outputs=[])
    with pytest.raises(ValueError, match="none is given"):
        elasticities(lts.Planner(LAW, lts.Flops(2e12)))


def test_one_factor_on_all_prices_moves_the_total_alone():
    """Homogeneous of degree 1 in prices: Euler's sums are 0 for the model and 1 for what it costs."""
    prices = {"exact": ("Training.price", "FixedUtilization.price"), "roofline": ("Training.price", "Roofline.price")}
    for case, names in prices.items():
        sums = [sum(scalars(found(case), output)[name] for name in names) for output in OUTPUTS]
        np.testing.assert_allclose(sums, [0, 0, 1, 0], atol=1e-9)


def test_prices_in_another_unit_are_a_budget_in_another_unit():
    values = {output: scalars(found("general, of a budget"), output) for output in OUTPUTS[:3]}
    prices = ("Training.price", "FixedUtilization.price", "coefficient", "budget")
    sums = [sum(one[name] for name in prices) for one in values.values()]
    np.testing.assert_allclose(sums, [0, 0, 1], atol=1e-9)


def test_tokens_and_params_in_other_units():
    """Tokens in units c times smaller: B c^beta and c D_inf give c D; params likewise, of A c^alpha and the size."""
    values = {output: scalars(elasticities(lts.Planner(LAW, lts.Flops(2e12), loss=2.0)), output) for output in OUTPUTS}
    tokens = [float(LAW.beta) * one["B"] + one["inference_tokens"] for one in values.values()]
    params = [float(LAW.alpha) * one["A"] for one in values.values()]
    np.testing.assert_allclose(tokens, [0, 1, 1, 0], atol=1e-10)
    np.testing.assert_allclose(params, [1, 0, 1, 0], atol=1e-10)


def test_demand_is_one_number_however_it_comes():
    """Twice the requests are twice the tokens of each, twice the price of serving them, and half its utilisations."""
    for output in OUTPUTS:
        one = scalars(found("exact"), output)
        assert one["prompt"] + one["output"] == pytest.approx(one["requests"], abs=1e-10)
        assert one["FixedUtilization.price"] == pytest.approx(one["requests"], abs=1e-10)
        assert one["FixedUtilization.peak"] == pytest.approx(-one["requests"], abs=1e-10)
        assert one["prefill"] + one["decode"] == pytest.approx(-one["requests"], abs=1e-10)


def test_the_envelope_theorem():
    """At a loss, a number of the cost alone moves the total by its share of it, as if the model stayed."""
    shares = {name: float(part / BASE().total) for name, part in BASE().parts.items()}
    assert scalars(elasticities(BASE), "total")["inference_tokens"] == pytest.approx(shares["serving"], rel=1e-12)


LOSSES, DEMANDS = jnp.asarray([[1.9], [2.0], [1.5]]), jnp.asarray([[0.0, 1e12, 1e14, -1.0]])


@functools.cache
def batch() -> Elasticities:
    return elasticities(lts.Planner(LAW, lts.Flops(DEMANDS), loss=LOSSES))


def test_a_batch_is_its_scenarios_one_by_one():
    for i, j in np.ndindex(3, 4):
        alone = elasticities(lts.Planner(LAW, lts.Flops(float(DEMANDS[0, j])), loss=float(LOSSES[i, 0])))
        for output in OUTPUTS:
            for name, value in batch().values[output].items():
                assert value.shape == (3, 4)
                np.testing.assert_allclose(value[i, j], alone.values[output][name], rtol=1e-11, atol=1e-13)


def test_what_has_no_plan_has_no_elasticity_and_the_rest_goes_on():
    """Nor has a saving of 0, where nothing is served."""
    ok = np.outer([True, True, False], [True, True, True, False])
    for output, values in batch().values.items():
        for value in values.values():
            expected = ok & (np.asarray(DEMANDS) > 0) if output == "saving" else ok
            np.testing.assert_array_equal(np.isfinite(value), expected)
    for output in OUTPUTS[:3]:
        np.testing.assert_array_equal(batch().values[output]["inference_tokens"][:2, 0], 0)


def test_a_bound_at_infinity_is_no_bound():
    bounded = lts.Planner(LAW, lts.Flops(2e12), like=13e9, max_params=jnp.asarray([5e9, jnp.inf]))
    result = elasticities(bounded, outputs="params").values["params"]
    np.testing.assert_allclose(result["max_params"], [1, 0], atol=1e-12)
    np.testing.assert_allclose(result["alpha"][1], elasticities(BASE).values["params"]["alpha"], rtol=1e-11)


def test_alternatives_have_the_elasticities_of_the_best():
    """Also where their prices differ: each has its own multiplied."""
    costs = {
        name: lts.Training(a100()) + lts.FixedUtilization(a100(price), demand=DEMAND)
        for name, price in (("dear", 3.0), ("cheap", 1.0))
    }
    result = elasticities(lts.Planner(LAW, costs, loss=2.0))
    assert list(result.values) == list(OUTPUTS[:3])
    best = elasticities(lts.Planner(LAW, costs["cheap"], loss=2.0), outputs=OUTPUTS[:3])
    for output, values in best.values.items():
        for name, value in values.items():
            np.testing.assert_allclose(result.values[output][name], value, rtol=1e-12, atol=1e-14, err_msg=name)
    several = lts.Planner(LAW, costs, loss=2.0)
    assert float(several.value("decode")) == 0.01
    with pytest.raises(ValueError, match="is not the same number in dear, cheap: take a planner"):
        several.value("FixedUtilization.price")
    ends = tornado(several, {"FixedUtilization.price": (1, 3)}).ends["FixedUtilization.price"]
    np.testing.assert_allclose(ends, [several().plans[name].total for name in ("cheap", "dear")], rtol=1e-13)


def test_elasticities_in_a_session_of_float32():
    with jax.enable_x64(False):
        single = elasticities(lts.Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9), outputs="saving")
    values = single.values["saving"]
    assert values["alpha"].dtype == jnp.float32
    np.testing.assert_allclose([*values.values()], [*elasticities(BASE).values["saving"].values()], 1e-4, 1e-5)


def test_elasticities_within_a_program():
    def scenario(demand):
        return elasticities(lts.Planner(LAW, lts.Flops(demand), like=13e9), outputs="params")

    value = jax.jit(jax.vmap(scenario))(jnp.asarray([1e12, 2e12])).values["params"]["inference_tokens"][1]
    np.testing.assert_allclose(value, elasticities(BASE).values["params"]["inference_tokens"], rtol=1e-12)


def test_elasticities_in_words():
    result = elasticities(BASE)
    lines = str(result).splitlines()
    assert lines[0].split() == ["1", "%", "more", "of", *OUTPUTS]
    assert [line.split()[0] for line in lines[1:]] == [name for name, _ in result.ranked("params")]
    assert lines[1].split() == ["alpha", "6.644", "14.017", "15.779", "-21.747"]
    sizes = [abs(value) for _, value in result.ranked("tokens")]
    assert sizes == sorted(sizes, reverse=True)
    assert str(batch()) == "elasticities of params, tokens, total, saving by 7 numbers, of shape (3, 4)"
    with pytest.raises(ValueError, match=r"elasticities of shape \(3, 4\) have no one order: take those of a single"):
        batch().ranked("params")
    with pytest.raises(ValueError, match="no elasticities of 'loss': there are those of params, tokens, total, saving"):
        result.ranked("loss")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("price", "'price' is more than one number: write Training.price or FixedUtilization.price"),
        ("prices", "no number of the law or the cost is named 'prices': there are E, A, B"),
        ("budget", "budget is not given: there is like, so give it to the planner first"),
    ],
)
def test_the_value_of_a_name(name, sentence):
    one = planner("exact")
    assert [float(one.value(name)) for name in ("like", "Training.price", "alpha")] == [13e9, 1.5, 0.336]
    for ask in (one.value, lambda name: tornado(one, {name: (1, 2)})):
        with pytest.raises(ValueError, match=sentence):
            ask(name)


RANGES = {
    "inference_tokens": ("1T", 4e12),
    "alpha": (0.335, 0.337),
    "like": ("12B", "14B"),
    "E": ("160%", 1.7),
    "beta": (0.283, 0.283),
}


@functools.cache
def ends():
    return tornado(BASE, RANGES, output="params")


def test_a_tornado_is_plans_at_the_ends_of_ranges():
    found = ends()
    assert found.value == float(BASE().params)
    assert found.ranges["inference_tokens"] == (1e12, 4e12)
    assert found.ranges["beta"] == (0.283, 0.283)
    for name, pair in found.ends.items():
        plans = BASE(**{name: jnp.asarray(found.ranges[name])})
        np.testing.assert_allclose(pair, plans.params, rtol=1e-13)
    assert found.ends["beta"] == pytest.approx((found.value, found.value), rel=1e-13)


def test_a_tornado_is_ranked_by_swing_and_drawn():
    found = ends()
    swings = [*found.swings.values()]
    assert swings == sorted(swings, reverse=True)
    lines = str(found).splitlines()
    assert lines[0] == "params: 6.97B as it is"
    assert [line.split()[0] for line in lines[2:]] == list(found.ends)
    assert "=" in lines[2]
    assert "|" in lines[2]


def test_an_end_without_a_plan_is_said():
    found = tornado(lts.Planner(LAW, lts.Flops(2e12), loss=2.0), {"E": (1.6, 2.5), "loss": (1.95, 2.05)})
    assert [*found.ends] == ["loss", "E"]
    assert np.isnan(found.ends["E"][1])
    assert "no plan" in str(found)


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ({}, "there are no ranges: give at least one"),
        ({"alpha": (0.3,)}, r"alpha: \(0.3,\) is no range: give a low and a high end"),
        ({"alpha": ("x", "y")}, "is no range: .*'x' is not a number"),
        ({"alpha": (0.4, 0.3)}, "alpha: 0.4 is above 0.3: give the low end first"),
        ({"alpha": (0.4, np.inf)}, "has an end that is not finite"),
    ],
)
def test_what_is_no_range_is_said(ranges, sentence):
    with pytest.raises(ValueError, match=sentence):
        tornado(BASE, ranges)
    with pytest.raises(ValueError, match="a tornado is of one scenario"):
        tornado(lts.Planner(LAW, lts.Flops(2e12), loss=LOSSES), {"alpha": (0.3, 0.4)})


ANGLE = lts.Uniform(-np.pi, np.pi)
ANGLES = {"x1": ANGLE, "x2": ANGLE, "x3": ANGLE}


def ishigami(x1, x2, x3):
    return {"y": jnp.sin(x1) + 7 * jnp.sin(x2) ** 2 + 0.1 * x3**4 * jnp.sin(x1), "flat": 0 * x1 + 3.0}


@functools.cache
def of_ishigami():
    return sobol(ishigami, ANGLES, 2**13, outputs=("y", "flat"), seed=1)


def known(result, output, first, total, tolerance):
    """The indices are the known ones, within a tolerance and within (a little more than) their intervals."""
    for values, intervals, exact in (
        (result.first, result.first_interval, first),
        (result.total, result.total_interval, total),
    ):
        np.testing.assert_allclose([*values[output].values()], exact, atol=tolerance)
        for (low, high), value in zip(intervals[output].values(), exact, strict=True):
            assert low - tolerance / 2 <= value <= high + tolerance / 2


def test_the_indices_of_ishigami():
    """Ishigami and Homma 1990: V1 = (1 + b pi^4/5)^2/2, V2 = a^2/8, V13 = 8 b^2 pi^8/225."""
    a, b = 7, 0.1
    v1, v2, v13 = (1 + b * np.pi**4 / 5) ** 2 / 2, a**2 / 8, 8 * b**2 * np.pi**8 / 225
    variance = v1 + v2 + v13
    first, total = np.asarray([v1, v2, 0]) / variance, np.asarray([v1 + v13, v2, v13]) / variance
    known(of_ishigami(), "y", first, total, 0.01)
    assert of_ishigami().scenarios == 5 * 2**13


def test_what_does_not_vary_has_no_shares():
    assert np.isnan([*of_ishigami().first["flat"].values(), *of_ishigami().total_interval["flat"]["x1"]]).all()
    assert "-" in str(of_ishigami())


def test_the_indices_of_a_sum_and_of_a_product():
    """y = x1 + 2 x2: 1/5 and 4/5. y = x1 x2 of mean m and variance v: (v m^2, v^2)/(2 v m^2 + v^2). Logs add up."""

    def both(x1, x2):
        return {"sum": x1 + 2 * x2, "product": x1 * x2}

    result = sobol(both, {"x1": "uniform:0:1", "x2": "uniform:0%:100%"}, 2**12, outputs=["sum", "product"])
    known(result, "sum", [0.2, 0.8], [0.2, 0.8], 0.01)
    known(result, "product", [3 / 7, 3 / 7], [4 / 7, 4 / 7], 0.01)
    given = {"x1": lts.LogNormal(5.0, 2.0), "x2": "lognormal:1:8x"}
    logs = sobol(lambda x1, x2: {"log": jnp.log(x1 * x2)}, given, 2**12, outputs="log")
    known(logs, "log", [0.1, 0.9], [0.1, 0.9], 0.02)


def test_the_indices_are_salibs_of_a_loop():
    from SALib.analyze.sobol import analyze
    from SALib.sample.sobol import sample

    given = {"inference_tokens": "lognormal:2T:3x", "alpha": lts.Uniform(0.33, 0.342), "like": "loguniform:1e9:1e11"}
    result = sobol(BASE, given, 32, outputs=["params", "saving"], seed=7, level=0.9)
    problem = {"num_vars": 3, "names": [*given], "bounds": [[0, 1]] * 3}
    shares = sample(problem, 32, calc_second_order=False, seed=7) + HALF_CELL
    normal, log_range = lts.LogNormal(2e12, 3.0), lts.LogUniform(1e9, 1e11)
    plans = [
        BASE(inference_tokens=normal.quantile(u), alpha=0.33 + 0.012 * v, like=log_range.quantile(w))
        for u, v, w in jnp.asarray(shares)
    ]
    for output in ("params", "saving"):
        values = np.asarray([float(getattr(plan, output)) for plan in plans])
        generator = np.random.default_rng(7)
        alone = analyze(problem, values, calc_second_order=False, conf_level=0.9, seed=generator)
        np.testing.assert_allclose([*result.first[output].values()], alone["S1"], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose([*result.total[output].values()], alone["ST"], rtol=1e-9, atol=1e-11)
        halves = [(high - low) / 2 for low, high in result.total_interval[output].values()]
        np.testing.assert_allclose(halves, alone["ST_conf"], rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 5])
def test_the_same_seed_gives_the_same_numbers(seed):
    first, again, other = (sobol(ishigami, ANGLES, 64, outputs=["y"], seed=one) for one in (seed, seed, seed + 1))
    assert first == again
    assert first != other


def test_indices_in_words():
    lines = str(of_ishigami()).splitlines()
    assert lines[0] == "shares of the variance, from 40,960 scenarios, with intervals of 95 %"
    assert lines[1].split() == ["y", "alone", "in", "all"]
    assert [line.split()[0] for line in lines[2:5]] == ["x1", "x2", "x3"]


@pytest.mark.parametrize(
    ("distributions", "options", "sentence"),
    [
        ({}, {}, "there are no distributions"),
        ({"loss": "normal:1:2"}, {}, "loss: 'normal:1:2' is no distribution: write it like"),
        ({"loss": 3.0}, {}, "loss: 3.0 is no distribution"),
        ({"losses": "uniform:1:2"}, {}, "no number of the law or the cost is named 'losses'"),
        ({"like": "uniform:1e9:2e9"}, {"outputs": ["totals"]}, "no output is named 'totals'"),
        ({"like": "uniform:1e9:2e9"}, {"size": 1000}, "a size of 1000 is out of range: give a power of two"),
        ({"like": "uniform:1e9:2e9"}, {"size": 0}, "a size of 0 is out of range"),
        ({"like": "uniform:1e9:2e9"}, {"seed": -1}, "seed -1 is out of range"),
        ({"like": "uniform:1e9:2e9"}, {"level": 95.0}, "a level of 95.0 is out of range"),
        ({"alpha": "uniform:-1:1"}, {"size": 64}, "of 192 scenarios have no plan, and the shares are of all of them"),
    ],
)
def test_what_cannot_be_shared_out_is_said(distributions, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sobol(BASE, distributions, **options)


def test_without_salib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.analyze.sobol", None)
    with pytest.raises(ImportError, match=r'Sobol indices need SALib: pip install "lifetimescale\[sensitivity\]"'):
        sobol(BASE, {"like": "uniform:1e9:2e9"})
