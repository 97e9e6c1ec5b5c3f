"""Sweeps in memory: the numbers of `plan`, however divided; reductions; what outputs and numbers are called."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import COSTS, LAWS

import lifetimescale as lts
from lifetimescale.sweeps.job import make_job
from lifetimescale.sweeps.local import WRITERS, run
from lifetimescale.sweeps.planner import replaced
from lifetimescale.sweeps.program import Program
from lifetimescale.sweeps.store import Memory

LAW = lts.law("chinchilla")
H100 = lts.chip("h100", price=2.5)
DEMAND = lts.Demand(1e10, 1000, 250)
DOLLARS = lts.Training(H100, mfu=0.41) + lts.FixedUtilization(H100, demand=DEMAND, decode=0.2)
GRID = lts.grid({"loss": "1.7:2.3:13", "inference_tokens": "1e9:1e15:37:log"})
BASE = lts.Planner(LAW, lts.Flops(0.0))
ONE = jax.devices()[:1]


class Curved(lts.AbstractLaw):
    """A law that only the general route plans."""

    E: lts.Leaf = eqx.field(converter=lts.inexact)

    def loss(self, params, tokens):
        return self.E + (1e7 / params) ** 0.3 + (1e8 / tokens) ** 0.25


def planned(law=LAW, **options) -> lts.Plan:
    """The plans of GRID, by `plan`."""
    loss, demand = np.linspace(1.7, 2.3, 13)[:, None], np.geomspace(1e9, 1e15, 37)[None]
    return lts.plan(law, lts.Flops(demand), loss=loss, **options)


@functools.cache
def swept() -> lts.Results:
    return lts.sweep(BASE, GRID)


def test_a_sweep_has_the_numbers_of_plan():
    results, plans = swept(), planned()
    assert results.shape == (13, 37)
    assert list(results) == ["params", "tokens", "total", "status"]
    for name in results:
        np.testing.assert_allclose(results[name], getattr(plans, name), rtol=1e-14)


def test_what_fails_is_nan_with_a_status_and_the_rest_goes_on():
    results = lts.sweep(BASE, lts.grid({"loss": [1.5, 2.0, np.nan], "inference_tokens": [1e12, -1.0]}))
    ok, unreachable, invalid = lts.Status.OK, lts.Status.UNREACHABLE, lts.Status.INVALID
    np.testing.assert_array_equal(results["status"], [[unreachable, invalid], [ok, invalid], [invalid, invalid]])
    np.testing.assert_array_equal(np.isfinite(results["total"]), results["status"] == ok)


@pytest.mark.parametrize("chunk", [5, 37, 100, 148, 10**6])
def test_chunks_change_nothing(chunk):
    """But that XLA rounds the ends of its loops, which it does not do in vectors, in another way."""
    results = lts.sweep(BASE, GRID, chunk=chunk)
    for name in results:
        np.testing.assert_allclose(results[name], swept()[name], rtol=1e-14)


@pytest.mark.parametrize("law", [LAW, Curved(1.5)], ids=["exact", "general"])
@pytest.mark.parametrize("count", [3, 8])
def test_devices_change_no_bit(law, count):
    """Where their shares are whole vectors; elsewhere the ends of loops are rounded in another way."""
    planner = lts.Planner(law, lts.Flops(0.0))
    whole = lts.grid({"loss": "1.7:2.3:13", "inference_tokens": "1e9:1e15:192:log"})
    for scenarios, tolerance in ((whole, 0), (GRID, 1e-14)):
        one, many = (lts.sweep(planner, scenarios, devices=jax.devices()[:n]) for n in (1, count))
        for name in one:
            np.testing.assert_allclose(one[name], many[name], rtol=tolerance)


def test_a_sweep_in_float32():
    with jax.enable_x64(False):
        planner = lts.Planner(lts.law("chinchilla"), lts.Flops(0.0))
        results = lts.sweep(planner, GRID)
    assert results["params"].dtype == np.float32
    np.testing.assert_allclose(results["params"], swept()["params"], rtol=1e-4)


def test_columns_are_kept_in_the_type_asked_for():
    results = lts.sweep(BASE, GRID, dtype="float32")
    assert results["params"].dtype == np.float32
    assert results["status"].dtype == np.uint8
    np.testing.assert_array_equal(results["params"], swept()["params"].astype(np.float32))


def test_a_function_of_ones_own():
    def scenario(loss, inference_tokens):
        return {"both": loss * inference_tokens, "loss_alone": 2 * loss, "seven": 7}

    results = lts.sweep(scenario, GRID, outputs=["both", "loss_alone", "seven"], chunk=40)
    loss, demand = np.linspace(1.7, 2.3, 13)[:, None], np.geomspace(1e9, 1e15, 37)[None]
    np.testing.assert_allclose(results["both"], loss * demand, rtol=1e-15)
    np.testing.assert_allclose(results["loss_alone"], np.broadcast_to(2 * loss, (13, 37)), rtol=1e-15)
    assert (results["seven"] == 7).all()


def test_tables_draws_and_grids_together():
    rows = lts.table({"alpha": [0.33, 0.34, 0.35], "beta": [0.28, 0.29, 0.3]})
    drawn = lts.draws({"inference_tokens": "lognormal:2T:3x"}, 50, seed=1)
    results = lts.sweep(BASE, lts.grid({"loss": [2.0, 2.1]}) * rows * drawn, chunk=64)
    assert results.shape == (2, 3, 50)
    along, demand = results.coordinates["inference_tokens"]
    assert along == "draw"
    for row, (alpha, beta) in enumerate([(0.33, 0.28), (0.34, 0.29), (0.35, 0.3)]):
        for place, loss in enumerate((2.0, 2.1)):
            plans = BASE(loss=loss, alpha=alpha, beta=beta, inference_tokens=demand)
            np.testing.assert_allclose(results["params"][place, row], plans.params, rtol=1e-13)


@pytest.mark.parametrize(
    ("law", "cost"), [*((name, "flops") for name in LAWS), *(("chinchilla", name) for name in COSTS if name != "flops")]
)
def test_every_number_has_a_name_of_its_own(law, cost):
    planner = lts.Planner(LAWS[law](), COSTS[cost](), loss=2.0)
    leaves = jax.tree.leaves((planner.law, planner.cost))
    nodes = jax.tree.leaves(planner.law, is_leaf=lambda node: isinstance(node, lts.FittedRange))
    fitted = jax.tree.leaves([node for node in nodes if isinstance(node, lts.FittedRange)])
    assert len(set(planner.names)) == len(planner.names) == len(leaves) - len(fitted)
    for name in planner.names:
        changed = jax.tree.leaves(replaced(planner.law, planner.cost, {name: jnp.zeros(3)}))
        assert [leaf.shape for leaf in changed].count((3,)) == 1, name


def test_a_number_replaced_is_a_number_given():
    planner = lts.Planner(LAW, DOLLARS, loss=2.0)
    swapped = planner(**{"Training.price": 3.0, "FixedUtilization.price": 2.0, "decode": 0.1, "demand.requests": 1e9})
    training = lts.Training(lts.chip("h100", price=3.0), mfu=0.41)
    demand = lts.Demand(1e9, 1000, 250)
    serving = lts.FixedUtilization(lts.chip("h100", price=2.0), demand=demand, decode=0.1)
    assert float(swapped.total) == float(lts.plan(LAW, training + serving, loss=2.0).total)
    assert float(planner(**{"cost.first.price": 3.0}).total) == float(planner(**{"Training.price": 3.0}).total)
    like = lts.Planner(LAW, DOLLARS, like=13e9, max_params=8e9)()
    bounded = lts.plan(LAW, DOLLARS, loss=lts.compute_optimal(LAW, params=13e9).loss, max_params=8e9)
    assert float(like.total) == float(bounded.total)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"price": 2.0}, "'price' is more than one number: write Training.price or FixedUtilization.price"),
        ({"demands": 2.0}, "no number of the law or the cost is named 'demands': there are E, A, B, alpha, beta, "),
        ({"budget": 1e6}, "give exactly one target, loss, budget or like; loss and budget is given"),
    ],
)
def test_what_a_name_may_mean(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        lts.Planner(LAW, DOLLARS, loss=2.0)(**values)
    with pytest.raises(ValueError, match="none is given"):
        lts.Planner(LAW, DOLLARS)()


def test_the_cheapest_of_alternatives_in_every_scenario():
    chips = {name: lts.chip(name, price=price) for name, price in (("h100", 2.5), ("b200", 6.0))}
    costs = {
        name: lts.Training(H100) + lts.FixedUtilization(chip, demand=DEMAND, precision="fp8")
        for name, chip in chips.items()
    }
    scenarios = lts.grid({"requests": "1e8:1e11:5:log", "FixedUtilization.price": [1.0, 4.0, 16.0]})
    results = lts.sweep(lts.Planner(LAW, costs, loss=2.0), scenarios, outputs=["choice", "total"])
    totals = np.stack([lts.sweep(lts.Planner(LAW, cost, loss=2.0), scenarios)["total"] for cost in costs.values()])
    np.testing.assert_array_equal(results["choice"], totals.argmin(0))
    np.testing.assert_allclose(results["total"], totals.min(0), rtol=1e-14)


def test_outputs_of_plans():
    outputs = ["loss_", "baseline.total", "parts.decode", "saving"]
    scenarios = lts.grid({"decode": [0.01, 0.1, 0.4]})
    planner = lts.Planner(LAW, DOLLARS, loss=2.0)
    results = lts.sweep(planner, scenarios, outputs=outputs[1:])
    plans = planner(decode=jnp.asarray([0.01, 0.1, 0.4]))
    np.testing.assert_allclose(results["baseline.total"], plans.baseline.total, rtol=1e-14)
    np.testing.assert_allclose(results["parts.decode"], plans.parts["decode"], rtol=1e-14)
    np.testing.assert_allclose(results["saving"], plans.saving, rtol=1e-12)
    assert results.units["baseline.total"] == "USD"
    with pytest.raises(ValueError, match="no output is named 'loss_': there are params, tokens, loss"):
        lts.sweep(planner, scenarios, outputs=outputs)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"outputs": ["loss"]}, "'loss' is a column of the scenarios, and kept anyway"),
        ({"outputs": ["params"], "reductions": {"a": lts.Summary("total")}}, "give outputs or reductions"),
        ({"chunk": 0}, "chunks of 0 scenarios cannot be: give a whole number from 1 on"),
        ({"chunk": 2.5}, "chunks of 2.5 scenarios cannot be"),
        ({"chunk": np.inf}, "chunks of inf scenarios cannot be"),
        ({"chunk": True}, "chunks of True scenarios cannot be"),
        ({"devices": []}, "there are no devices"),
        ({"workers": 0, "engine": "ray"}, "0 workers do nothing"),
        ({"dtype": "float16"}, "no dtype 'float16'"),
        ({"dtype": "flaot"}, "no dtype 'flaot'"),
        ({"outputs": []}, "there are no outputs: name what is kept"),
        ({"engine": "spark"}, "no engine 'spark'"),
        ({"engine": "ray"}, 'the workers of the engine "ray" meet in a folder: give out='),
        ({"reductions": {"a": lts.Summary("total", ("los",))}}, "a: there is no dimension 'los' to keep apart"),
        ({"reductions": {"../a": lts.Summary("total")}}, "'../a' cannot be the name of a file"),
        ({"reductions": {"a": lts.Summary("totals")}}, "no output is named 'totals'"),
        (
            {"reductions": {"a": lts.Least("total", ("loss",), ("loss",))}},
            "a: 'loss' is a column of the result",
        ),
        (
            {"reductions": {"a": lts.Summary("total", ("inference_tokens",)), "b" * 101: lts.Summary("total")}},
            "be the name of",
        ),
    ],
)
def test_what_is_wrong_is_said(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        lts.sweep(BASE, GRID, **options)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: lts.Quantiles("total", (0.5, 1.5)), r"probabilities \(0.5, 1.5\) are out of range"),
        (lambda: lts.Quantiles("total", ()), "are out of range: give numbers from 0 to 1"),
        (lambda: lts.Quantiles("total", (0.5, 0.5)), "are not all different"),
        (lambda: lts.Summary("total", ("loss", "loss")), "are not different names"),
    ],
)
def test_what_is_wrong_with_a_reduction_is_said(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        (lambda x: {"y": jnp.zeros(7)}, r"the output 'y' has the shape \(7,\), where that of the scenarios is \(3,\)"),
        (lambda x: {"y": jax.lax.complex(x, x)}, "the output 'y' is of type complex128, which is not kept"),
        (lambda x: x, "the scenario gives a .*: let it give a plan, or a dict of arrays"),
    ],
)
def test_what_is_wrong_with_a_function_is_said(scenario, sentence):
    with pytest.raises(ValueError, match=sentence):
        lts.sweep(scenario, lts.grid({"x": [1, 2, 3]}), outputs=["y"])


def test_an_axis_named_like_a_result_is_refused():
    scenarios = lts.grid({"mean": [1, 2, 3], "z": [1, 2]})
    with pytest.raises(ValueError, match="a: 'mean' is a column of the result and kept apart as well"):
        lts.sweep(lambda mean, z: {"v": mean * z}, scenarios, reductions={"a": lts.Summary("v", "mean")})


def test_the_share_of_what_has_no_plan():
    """A status is 8 bits wide; its sums are not."""
    scenarios = lts.grid({"loss": "1.5:2.0:20", "inference_tokens": "1e9:1e15:50:log"})
    statuses = lts.sweep(BASE, scenarios, outputs="status")["status"]
    kept = {"s": lts.Summary("status"), "q": lts.Quantiles("status", 0.5), "l": lts.Least("status", keep="loss")}
    found = lts.sweep(BASE, scenarios, reductions=kept).reductions
    assert 256 < (statuses > 0).sum() < statuses.size
    assert float(found["s"]["mean"]) == pytest.approx(statuses.mean(), rel=1e-14)
    assert float(found["s"]["deviation"]) == pytest.approx(statuses.std(), rel=1e-14)
    assert int(found["l"]["status"]) == 0


def test_reductions_to_the_ends_of_float32():
    scenarios = lts.grid({"x": "1e26:1e34:1001:log"})
    with jax.enable_x64(False):
        kept = {"q": lts.Quantiles("x", (0.5, 0.95)), "s": lts.Summary("y")}
        found = lts.sweep(lambda x: {"y": x * 1e4}, scenarios, reductions=kept).reductions
    values = np.geomspace(1e26, 1e34, 1001)
    assert float(found["q"]["p50"]) == pytest.approx(np.quantile(values, 0.5), rel=0.006)
    assert float(found["q"]["p95"]) == pytest.approx(np.quantile(values, 0.95), rel=0.006)
    assert float(found["s"]["mean"]) == pytest.approx(1e4 * values.mean(), rel=1e-5)
    assert float(found["s"]["deviation"]) == pytest.approx(1e4 * values.std(), rel=1e-5)


def test_the_least_of_what_is_infinite_has_a_plan():
    found = lts.sweep(
        lambda k: {"v": jnp.where(k == 1, jnp.nan, jnp.inf)},
        lts.grid({"k": [1, 2, 3]}),
        reductions={"l": lts.Least("v", keep=["k"])},
    ).reductions["l"]
    assert (float(found["v"]), float(found["k"])) == (np.inf, 2)


def test_too_many_groups_of_quantiles():
    scenarios = GRID * lts.grid({"alpha": f"0.3:0.4:{10**5}"})
    with pytest.raises(ValueError, match="q: 3,700,000 combinations are too many to keep apart: give at most 12,"):
        lts.sweep(BASE, scenarios, reductions={"q": lts.Quantiles("params", by=("alpha", "inference_tokens"))})


BY = [(), ("loss",), ("inference_tokens",), ("inference_tokens", "loss"), ("loss", "inference_tokens")]


@functools.cache
def reduced(count: int) -> lts.Results:
    """All reductions by all dimensions, in chunks that do not divide evenly, on some devices."""
    reductions = {}
    for number, by in enumerate(BY):
        reductions[f"summary{number}"] = lts.Summary("total", by)
        reductions[f"quantiles{number}"] = lts.Quantiles("params", (0.0, 0.1, 0.5, 0.9, 1.0), by)
        reductions[f"least{number}"] = lts.Least(
            "total", by, ("tokens", "inference_tokens") if by == () else ("tokens",)
        )
    scenarios = lts.grid({"loss": "1.66:2.3:13", "inference_tokens": "1e9:1e15:37:log"})
    return lts.sweep(BASE, scenarios, reductions=reductions, chunk=100, devices=jax.devices()[:count])


@pytest.mark.parametrize("number", range(len(BY)))
def test_reductions_are_those_of_all_scenarios(number):
    plans = lts.sweep(BASE, lts.grid({"loss": "1.66:2.3:13", "inference_tokens": "1e9:1e15:37:log"}))
    assert 0 < np.isnan(plans["total"]).sum() < plans["total"].size  # some losses are out of reach
    names = ("loss", "inference_tokens")
    order = [names.index(name) for name in BY[number]]
    order += [axis for axis in range(2) if axis not in order]
    shape = [plans.shape[axis] for axis in order[: len(BY[number])]]
    total, params, tokens = (plans[name].transpose(order).reshape(*shape, -1) for name in ("total", "params", "tokens"))
    found = {kind: reduced(1).reductions[f"{kind}{number}"] for kind in ("summary", "quantiles", "least")}
    some = np.isfinite(total).any(-1)
    summary = found["summary"]
    np.testing.assert_array_equal(summary["count"], np.isfinite(total).sum(-1))
    for name, function in {
        "mean": np.nanmean,
        "deviation": np.nanstd,
        "least": np.nanmin,
        "greatest": np.nanmax,
    }.items():
        np.testing.assert_allclose(summary[name][some], function(total[some], axis=-1), rtol=1e-11)
        assert np.isnan(summary[name][~some]).all()
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        exact = np.nanquantile(params[some], share, axis=-1, method="lower")
        np.testing.assert_allclose(found["quantiles"][f"p{100 * share:g}"][some], exact, rtol=0.00501)
    place = np.argmin(np.where(np.isnan(total), np.inf, total), axis=-1)[..., None]
    for name, values in (("total", total), ("tokens", tokens)):
        expected = np.where(some, np.take_along_axis(values, place, -1)[..., 0], np.nan)
        np.testing.assert_allclose(found["least"][name], expected, rtol=1e-14)


def test_reductions_on_several_devices():
    """Sums are added in another order, which costs rounding; counts and extremes are the same."""
    one, many = reduced(1), reduced(8)
    for name, result in one.reductions.items():
        for column in result:
            tolerance = 1e-12 if column in ("mean", "deviation") else 1e-14
            np.testing.assert_allclose(many.reductions[name][column], result[column], rtol=tolerance)


def test_where_the_least_is():
    least = reduced(1).reductions["least0"]
    loss = np.linspace(1.66, 2.3, 13)[-1]
    assert float(least["inference_tokens"]) == 1e9
    assert float(least["total"]) == pytest.approx(float(BASE(loss=loss, inference_tokens=1e9).total), rel=1e-13)


def test_summaries_in_float32_do_not_overflow():
    with jax.enable_x64(False):
        planner = lts.Planner(lts.law("chinchilla"), lts.Flops(0.0))
        summary = lts.sweep(planner, GRID, reductions={"s": lts.Summary("total", ("loss",))}).reductions["s"]
    plans = swept()["total"][1:]  # all but the loss so near the floor that float32 plans it to 3e-4
    np.testing.assert_allclose(summary["mean"][1:], plans.mean(1), rtol=1e-4)
    np.testing.assert_allclose(summary["deviation"][1:], plans.std(1), rtol=1e-4)


def test_a_dataset_has_coordinates_and_units():
    data = lts.sweep(BASE, GRID).dataset()
    assert dict(data.sizes) == {"loss": 13, "inference_tokens": 37}
    assert data["total"].attrs["units"] == "FLOP"
    assert data["params"].attrs["units"] == "parameters"
    nearest = data.sel(loss=2.0, inference_tokens=2e12, method="nearest")
    best = BASE(loss=float(nearest.loss), inference_tokens=float(nearest.inference_tokens))
    assert float(nearest.params) == pytest.approx(float(best.params), rel=1e-13)
    drawn = lts.grid({"loss": [2.0]}) * lts.draws({"inference_tokens": "lognormal:2T:3x"}, 5)
    assert lts.sweep(BASE, drawn).dataset()["inference_tokens"].dims == ("draw",)
    by_loss = reduced(1).reductions["summary1"].dataset()
    assert by_loss["mean"].dims == ("loss",)
    assert by_loss["mean"].attrs["units"] == "FLOP"


def test_progress_reaches_its_end():
    seen = []
    lts.sweep(BASE, GRID, chunk=40, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == [*range(37, 13 * 37 + 1, 37)]
    assert {total for _, total in seen} == {13 * 37}


def test_one_program_for_all_chunks():
    traced = []

    def scenario(loss, inference_tokens):
        traced.append(loss)
        return {"y": loss * inference_tokens}

    lts.sweep(scenario, GRID, outputs=["y"], chunk=10**6)
    once = len(traced)
    lts.sweep(scenario, GRID, outputs=["y"], chunk=5)  # 104 chunks, the last of each row shorter
    assert len(traced) == 2 * once


def test_no_more_chunks_are_held_than_there_are_writers(monkeypatch):
    """Which is what bounds the memory of a sweep, however many chunks it has."""
    job = make_job(lambda loss, inference_tokens: {"y": loss * inference_tokens}, GRID, ["y"], None, 5, None)
    program, held, most = Program(job), set(), 0
    begin = program.start

    def start(index):
        nonlocal most
        held.add(index)
        most = max(most, len(held))
        return begin(index)

    monkeypatch.setattr(program, "start", start)
    run(program, Memory(job), range(job.boxes.count), held.remove)
    assert not held
    assert job.boxes.count > WRITERS + 1 == most


def test_an_estimate_counts_without_keeping():
    found = lts.estimate(BASE, GRID * lts.grid({"alpha": "0.33:0.34:1000"}), chunk=37_000)
    assert (found.scenarios, found.chunks) == (481_000, 13)
    assert 481_000 * 10 < found.bytes < 481_000 * 60
    assert found.seconds > 0
