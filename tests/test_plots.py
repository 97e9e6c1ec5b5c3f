"""Pictures: what is drawn is what was computed; no setting of matplotlib is changed."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

import lifetimescale as lts
from lifetimescale import plots
from lifetimescale.plots.drawing import short
from lifetimescale.units import format_count

LAW, COST = lts.law("chinchilla"), lts.Flops(2e12)
# PAPER: relative plans at alpha = .336, beta = .283, recomputed from the first-order condition in 50 digits
UNIVERSAL = {
    0.0: (1.0, 1.0, 0.0),
    0.01: (0.984336343, 1.015991659, 0.000078339),
    1.0: (0.557121375, 2.041975697, 0.152625159),
    10.0: (0.305756172, 6.527042989, 0.540614054),
    1e4: (0.125432415, 808.927923682, 0.864434563),
}


@pytest.fixture(scope="module")
def best() -> lts.Plan:
    return lts.plan(LAW, COST, loss=lts.compute_optimal(LAW, params=13e9).loss)


@pytest.fixture(scope="module")
def fitted() -> lts.Fit:
    return lts.fit(lts.Chinchilla, lts.planted_runs(lts.law("besiroglu2024"), 60, key=jax.random.key(0)))


@pytest.fixture(scope="module")
def decision() -> lts.Decision:
    demand = lts.draws({"inference_tokens": "lognormal:2T:3x"}, 200, seed=1).columns()
    return lts.decide(lts.Futures.of(lts.Planner(LAW, COST, loss=2.0), demand))


@pytest.fixture(scope="module")
def swept() -> lts.Results:
    planner = lts.Planner(LAW, COST, loss=2.0)
    return lts.sweep(planner, lts.grid({"inference_tokens": "1e9:1e14:30:log", "alpha": "0.33:0.34:9"}))


@pytest.fixture(scope="module")
def tornado() -> lts.Tornado:
    ranges = {"inference_tokens": ("1T", "4T"), "beta": (0.28, 0.29)}
    return lts.tornado(lts.Planner(LAW, COST, like=13e9), ranges)


@pytest.fixture(scope="module")
def drawings(best, fitted, decision, swept, tornado):
    """Every picture, of something small."""
    many = lts.plan(LAW, lts.Flops(jnp.geomspace(1e9, 1e14, 50)), loss=2.0)
    return {
        "universal_curve": lambda ax: plots.universal_curve(best, ax),
        "iso_loss": lambda ax: plots.iso_loss(best, ax),
        "breakdown": lambda ax: plots.breakdown(best, ax),
        "cloud": lambda ax: plots.cloud(many, ax),
        "losses": lambda ax: plots.losses(fitted, ax, others={"Hoffmann": LAW}),
        "residuals": lambda ax: plots.residuals(fitted, ax),
        "residual_quantiles": lambda ax: plots.residual_quantiles(fitted, ax),
        "tornado": lambda ax: plots.tornado(tornado, ax),
        "sweep": lambda ax: plots.sweep(swept, ax),
        "overpays": lambda ax: plots.overpays(decision, ax),
    }


def lines(ax) -> dict[str, np.ndarray]:
    """The data of the lines that the legend names."""
    return {line.get_label(): data(line) for line in ax.lines if not line.get_label().startswith("_")}


def data(line) -> np.ndarray:
    return np.asarray(line.get_xydata())


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


class TestEveryPicture:
    def test_is_on_the_axes_given_or_on_new_ones_and_changes_no_setting(self, drawings):
        before = dict(matplotlib.rcParams)
        for name, draw in drawings.items():
            ax = Figure().subplots()
            assert draw(ax) is ax, name
            new = draw(None)
            assert new.get_title(), name
            assert new.get_title() == ax.get_title(), name
        assert dict(matplotlib.rcParams) == before

    def test_has_names_on_its_axes(self, drawings):
        for name, draw in drawings.items():
            ax = draw(None)
            assert ax.get_xlabel(), name
            assert ax.get_ylabel() or name in ("breakdown", "tornado"), name

    @pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
    def test_is_the_same_file_every_time(self, drawings, tmp_path, ending):
        for name in ("universal_curve", "iso_loss"):
            files = [tmp_path / f"{name}{copy}.{ending}" for copy in range(2)]
            for file in files:
                plots.write(drawings[name](None), file)
            assert files[0].read_bytes() == files[1].read_bytes()

    def test_no_window_manager_is_started(self):
        code = "import sys, lifetimescale.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_other_files_are_refused(self, best, tmp_path):
        with pytest.raises(ValueError, match=r"plan.bmp is no name of a picture: end it in .svg, .png or .pdf"):
            plots.write(plots.iso_loss(best), tmp_path / "plan.bmp")


class TestUniversalCurve:
    def test_has_the_values_of_an_independent_solution(self):
        found = plots.relative(LAW, np.array([*UNIVERSAL]))
        expected = np.array([*UNIVERSAL.values()]).T
        for ours, theirs in zip((found.params, found.tokens, 1 - found.total), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-9, atol=6e-10)

    @pytest.mark.parametrize("name", ["chinchilla", "besiroglu2024", "busbridge2025_supervised"])
    def test_is_that_of_plans(self, name):
        law = lts.law(name)
        plan = lts.plan(law, lts.Flops(jnp.geomspace(1e6, 1e18, 40)), loss=2.4)
        m, baseline = plan.baseline.spend_ratio, plan.baseline
        found = plots.relative(law, m)
        np.testing.assert_allclose(found.params, plan.params / baseline.params, rtol=1e-11)
        np.testing.assert_allclose(found.tokens, plan.tokens / baseline.tokens, rtol=1e-11)
        np.testing.assert_allclose(found.total, plan.total / baseline.total, rtol=1e-11)

    def test_the_case_lies_on_the_curve_and_is_said(self, best):
        ax = plots.universal_curve(best)
        m = float(best.baseline.spend_ratio)
        drawn = lines(ax)
        for name, ratio in (("params", 0.536045598), ("training tokens", 2.164565054), ("lifetime cost", 0.825532766)):
            curve = drawn[name]
            on_curve = np.exp(np.interp(np.log(m), np.log(curve[:, 0]), np.log(curve[:, 1])))
            assert on_curve == pytest.approx(ratio, rel=1e-4)
        points = [data(line)[0] for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(points, [(m, 0.536045598), (m, 2.164565054), (m, 0.825532766)], rtol=1e-6)
        assert "0.536 of the params" in "".join(text.get_text() for text in ax.texts)

    def test_lines_differ_in_more_than_colour(self, best):
        assert len({line.get_linestyle() for line in plots.universal_curve(best).lines[:6:2]}) == 3

    def test_the_case_and_its_words_are_within_the_picture(self):
        for demand in (1e3, 1e11, 1e12, 1e14, 1e15, 1e17, 1e22):
            plan = lts.plan(LAW, lts.Flops(demand), loss=2.0)
            ax = plots.universal_curve(plan)
            m, (low, high) = float(plan.baseline.spend_ratio), ax.get_xlim()
            assert low < m < high
            ax.figure.draw_without_rendering()
            frame, (words,) = ax.get_window_extent(), [text for text in ax.texts if "of the cost" in text.get_text()]
            box = words.get_window_extent()
            assert frame.x0 <= box.x0 < box.x1 <= frame.x1, demand
            assert frame.y0 <= box.y0 < box.y1 <= frame.y1, demand

    def test_no_demand_is_said(self):
        ax = plots.universal_curve(lts.plan(LAW, lts.Flops(0.0), loss=2.0))
        assert "nothing is served" in "".join(text.get_text() for text in ax.texts)

    def test_plans_that_failed_among_others(self):
        many = lts.plan(LAW, COST, loss=jnp.array([1.0, 2.0, 2.2]))
        drawn = lines(plots.universal_curve(many))
        assert np.isfinite(drawn["params"]).all()
        with pytest.raises(ValueError, match="no plan to mark"):
            plots.universal_curve(lts.plan(LAW, COST, loss=1.0))

    def test_many_laws_have_many_curves(self):
        laws = lts.law_draws("besiroglu2024", 5, key=jax.random.key(0))
        with pytest.raises(ValueError, match=r"draw cloud\(plans\)"):
            plots.universal_curve(lts.plan(laws, COST, loss=2.2))

    def test_no_smaller_than_the_floor(self):
        assert float(plots.relative(LAW, 1e30).params) == pytest.approx((0.283 / 0.619) ** (1 / 0.336), rel=1e-6)

    def test_other_laws_have_none(self):
        plan = lts.plan(lts.law("muennighoff2023"), COST, loss=2.3, design={"unique_tokens": 1e11})
        with pytest.raises(ValueError, match=r"Repeated has no universal curve.*draw iso_loss"):
            plots.universal_curve(plan)


class TestIsoLoss:
    def test_the_curve_has_the_loss_and_the_plan_lies_on_it(self, best):
        drawn = lines(plots.iso_loss(best))
        curve = drawn["equal loss"]
        curve = curve[np.isfinite(curve[:, 1])]
        np.testing.assert_allclose(LAW(curve[:, 0], curve[:, 1]), float(best.loss), rtol=1e-12)
        (plan,) = (points for name, points in drawn.items() if name.startswith("plan"))
        np.testing.assert_allclose(plan, [(float(best.params), float(best.tokens))])

    def test_the_thick_part_costs_at_most_one_percent_more(self, best):
        near = lines(plots.iso_loss(best))["within 1 % of the plan's cost"]
        near = near[np.isfinite(near[:, 1])]
        ends = best.near(0.01)
        assert np.all(COST(near[:, 0], near[:, 1]) <= 1.01 * float(best.total))
        assert near[0, 0] == pytest.approx(float(ends.smallest.params), rel=0.02)
        assert near[-1, 0] == pytest.approx(float(ends.largest.params), rel=0.02)

    def test_contours_have_their_cost_and_none_crosses_the_curve_below_the_plan(self, best):
        ax = plots.iso_loss(best)
        (contours,) = (made for made in ax.collections if isinstance(made, ContourSet))
        for level, segments in zip(contours.levels, contours.allsegs, strict=True):
            for params, tokens in np.concatenate(segments):
                assert float(COST(params, tokens) / best.total) == pytest.approx(level, rel=2e-3)
        for params, tokens in np.concatenate(contours.allsegs[0]):
            assert float(LAW(params, tokens)) > float(best.loss) * (1 - 1e-5)

    def test_the_thick_part_of_a_plan_at_a_bound_is_as_dear_as_it(self):
        plan = lts.plan(LAW, COST, loss=2.0, params=30e9)
        near = lines(plots.iso_loss(plan))["within 1 % of the plan's cost"]
        near = near[np.isfinite(near[:, 1])]
        np.testing.assert_allclose(COST(near[:, 0], near[:, 1]) / plan.total, 1, atol=0.0101)

    def test_any_law_and_cost_has_one(self):
        repeats = lts.law("muennighoff2023")
        plan = lts.plan(repeats, COST, loss=2.3, design={"unique_tokens": 1e11})
        assert "equal loss" in lines(plots.iso_loss(plan))

    def test_of_a_plan_that_exists(self):
        with pytest.raises(ValueError, match="of one plan that exists"):
            plots.iso_loss(lts.plan(LAW, COST, loss=1.0))
        with pytest.raises(ValueError, match="of one plan that exists"):
            plots.iso_loss(lts.plan(LAW, COST, loss=jnp.array([2.0, 2.1])))


class TestBreakdown:
    def test_bars_are_as_long_as_the_totals(self, best):
        ax = plots.breakdown(best)
        totals = [float(best.total), float(best.baseline.total)]
        ends = np.array([bar.get_x() + bar.get_width() for bar in ax.patches]).reshape(-1, 2)
        np.testing.assert_allclose(ends.max(axis=0), totals)
        assert {text.get_text() for text in ax.texts} >= {"8.00e22 FLOP", "9.70e22 FLOP", "65.2 %"}

    def test_of_alternatives(self, best):
        found = lts.cheapest({"one": best, "two": lts.price(LAW, COST, params=8e9, loss=best.loss)})
        assert [tick.get_text() for tick in plots.breakdown(found).get_yticklabels()] == ["one", "two"]

    def test_a_part_has_its_colour_whatever_its_size(self):
        colours = [
            {bars.get_label(): bars.patches[0].get_facecolor() for bars in plots.breakdown(plan).containers}
            for plan in (lts.plan(LAW, lts.Flops(demand), loss=2.0) for demand in (1e10, 1e22))
        ]
        assert colours[0] == colours[1]

    def test_one_unit(self, best):
        chip = lts.chip("h100")
        dollars = lts.plan(LAW, lts.Training(chip, mfu=0.4), loss=2.0)
        with pytest.raises(ValueError, match="count in FLOP and USD: draw two"):
            plots.breakdown({"one": best, "two": dollars})

    def test_of_what_exists(self):
        with pytest.raises(ValueError, match="single plans that exist"):
            plots.breakdown(lts.plan(LAW, COST, loss=1.0))


class TestCloud:
    def test_says_the_middle_and_what_is_left_out(self):
        plans = lts.plan(LAW, COST, loss=jnp.linspace(1.6, 2.4, 101))
        exist = np.asarray(plans.status) == 0
        names = legend(plots.cloud(plans))
        assert names[0] == f"{exist.sum()} plans, {(~exist).sum()} without a plan"
        low, high = np.quantile(np.asarray(plans.params)[exist], [0.1, 0.9])
        assert names[1].splitlines()[1].startswith(f"{format_count(low)} to {format_count(high)} params")

    def test_of_no_plan_at_all(self):
        with pytest.raises(ValueError, match="of 2 plans none exists"):
            plots.cloud(lts.plan(LAW, COST, loss=jnp.array([1.0, 1.1])))


class TestFits:
    def test_all_runs_and_the_law_are_drawn(self, fitted):
        ax = plots.losses(fitted)
        points = np.concatenate([data(line) for line in ax.lines if line.get_marker() != "None"])
        runs = sorted(zip(fitted.runs.tokens_per_param, fitted.runs.loss, strict=True))
        np.testing.assert_allclose(points[np.lexsort(points.T[::-1])], runs)
        curves = [data(line) for line in ax.lines if line.get_marker() == "None"]
        assert len(curves) == 6
        assert all(np.all(np.diff(curve[:, 1]) < 0) for curve in curves)

    def test_residuals_are_the_fit_s(self, fitted):
        ax = plots.residuals(fitted)
        points = np.concatenate([data(line) for line in ax.lines if line.get_marker() != "None"])
        np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(np.expm1(fitted.residuals)))
        np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(fitted.runs.compute))

    def test_quantiles_of_normal_errors_are_a_line(self, fitted):
        ax = plots.residual_quantiles(fitted)
        found, normal = (data(line)[:, 1] for line in ax.lines)
        assert np.all(np.diff(found) >= 0)
        assert np.median(np.abs(found)) == pytest.approx(np.median(np.abs(normal)), rel=0.1)

    def test_few_sizes_are_groups_of_their_own(self):
        sizes = np.repeat([1e8, 1e9], 8)
        tokens = np.tile(np.geomspace(1e9, 1e11, 8), 2)
        runs = lts.Runs(sizes, tokens, np.asarray(LAW(sizes, tokens)))
        names = legend(plots.losses(lts.fit(lts.Chinchilla, runs)))
        assert names == ["100M", "1B"]


class TestTornado:
    def test_bars_reach_to_the_ends(self, tornado):
        ax = plots.tornado(tornado)
        reached = [bar.get_x() + bar.get_width() for bar in ax.patches]
        lows, highs = zip(*tornado.ends.values(), strict=True)
        np.testing.assert_allclose(reached, [*lows, *highs])
        assert {text.get_text() for text in ax.texts} == {"1.00T", "4.00T", "0.28", "0.29"}

    def test_no_bar_hides_another_and_no_end_is_silent(self):
        found = lts.tornado(lts.Planner(LAW, COST, loss=2.0), {"inference_tokens": ("3T", "5T"), "E": (1.6, 2.2)})
        ax = plots.tornado(found)
        rows = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in ax.patches]
        assert all(a[1] <= b[0] + 1e-9 or b[1] <= a[0] + 1e-9 for i, a in enumerate(rows) for b in rows[:i])
        assert "no plan at 2.2" in {text.get_text() for text in ax.texts}


class TestSweep:
    def test_lines_are_the_columns(self, swept):
        ax = plots.sweep(swept, output="tokens")
        drawn = [data(line) for line in ax.lines]
        assert len(drawn) == 5
        np.testing.assert_array_equal(
            drawn[0], np.column_stack([swept.coordinates["inference_tokens"][1], swept["tokens"][:, 0]])
        )
        np.testing.assert_array_equal(drawn[-1][:, 1], swept["tokens"][:, -1])
        assert len({line.get_linestyle() for line in ax.lines[:4]}) == 4

    def test_along_any_column(self, swept):
        ax = plots.sweep(swept, along="alpha")
        np.testing.assert_array_equal(data(ax.lines[0])[:, 1], swept["params"][0])

    def test_draws_are_points(self):
        planner = lts.Planner(LAW, COST, loss=2.0)
        results = lts.sweep(planner, lts.draws({"inference_tokens": "lognormal:2T:3x"}, 50, seed=0))
        (line,) = plots.sweep(results).lines
        assert (line.get_linestyle(), line.get_marker()) == ("None", ".")

    def test_what_there_is_is_said(self, swept):
        with pytest.raises(ValueError, match="no column 'wrong': there are params"):
            plots.sweep(swept, output="wrong")
        with pytest.raises(ValueError, match="no column 'wrong': there are inference_tokens, alpha"):
            plots.sweep(swept, along="wrong")


class TestOverpays:
    def test_is_the_distribution(self, decision):
        ax = plots.overpays(decision)
        overpay, below = ax.lines[0].get_xydata().T
        np.testing.assert_allclose(overpay, np.sort(decision.overpays))
        assert below[-1] == pytest.approx(1)
        assert np.all(np.diff(below) > 0)

    def test_misses_without_a_price_are_said(self, decision):
        missed = lts.judge(decision.futures, params=1e8, tokens=1e9)
        names = legend(plots.overpays(missed))
        assert names == ["worst 0 %, and misses without a price in 100.0 % of the draws"]

    def test_of_a_single_model(self, decision):
        with pytest.raises(ValueError, match="of a single model"):
            plots.overpays(lts.judge(decision.futures, params=jnp.array([1e9, 2e9]), tokens=1e12))


class TestRatioMap:
    def test_without_a_level_that_is_reached(self):
        demand = np.array([3e9, 6e9])
        plans = lts.plan(LAW, lts.Flops(demand), loss=np.array([[1.9], [1.91]]))
        for levels in (None, [2.0], []):
            drawn = plots.ratio_map(plans, demand=demand, levels=levels).collections
            assert all(made.filled for made in drawn if isinstance(made, ContourSet))
        nowhere = lts.plan(LAW, lts.Flops(demand), loss=np.array([[1.0], [1.1]]))
        assert plots.ratio_contours(nowhere, demand=demand) == []
        plots.ratio_map(nowhere, demand=demand)


def test_counts_are_short():
    shown = {1.25e12: "1.25T", 1e15: "1Q", 1e16: "10Q", 7e9: "7B", 100e6: "100M", 1e18: "1e+18", 0.1: "0.1", 20.0: "20"}
    assert {value: short(value) for value in shown} == shown


def test_in_single_precision():
    """A session as the library finds it: no setting is changed, and warnings are errors."""
    code = """
import jax.numpy as jnp, lifetimescale as lts
from lifetimescale import plots
law = lts.law("chinchilla")
best = lts.plan(law, lts.Flops(2e12), loss=2.0)
for draw in (plots.universal_curve, plots.iso_loss, plots.breakdown):
    draw(best).figure.draw_without_rendering()
    draw(lts.plan(law, lts.Flops(2e12), loss=2.0, max_params=5e9))
plots.cloud(lts.plan(law, lts.Flops(jnp.geomspace(1e9, 1e14, 50)), loss=2.0)).figure.draw_without_rendering()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
