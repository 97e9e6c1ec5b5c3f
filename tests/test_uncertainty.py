"""How sure a fit is, how well it predicts, and what each run does to the plan."""

import functools
import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale.fitting.bootstrap import refits

TRUTH = lts.law("besiroglu2024")
KEY = jax.random.key(7)


@pytest.fixture(scope="module")
def fitted() -> lts.Fit:
    return lts.fit(lts.Chinchilla, lts.planted_runs(TRUTH, 60, key=KEY, noise=0.005))


@pytest.fixture(scope="module")
def besiroglu(shared) -> lts.Fit:
    path = shared / "data" / "besiroglu2024_chinchilla.csv"
    return lts.fit(lts.Chinchilla, lts.read_runs(path, where="outlier_dropped=False"))


def refitted(fit: lts.Fit, loss: np.ndarray) -> lts.Fit:
    """The fit to the same runs with other losses."""
    return lts.fit(lts.Chinchilla, lts.Runs(fit.runs.params, fit.runs.tokens, loss), starts=fit.law)


@pytest.mark.needs_data
def test_the_bootstrap_has_the_published_standard_errors(besiroglu):
    laws = lts.bootstrap(besiroglu, draws=4000, key=KEY)
    errors = {name: float(error) for name, error in lts.standard_errors(laws).items()}
    for name, error in {"E": 0.02566, "alpha": 0.0154, "beta": 0.0206}.items():
        assert errors[name] == pytest.approx(error, rel=0.05), name
    # the standard deviation of 4000 draws of a skew coefficient is itself uncertain by 2 (A) and 4 % (B)
    assert errors["A"] == pytest.approx(124.5, rel=0.06)
    assert errors["B"] == pytest.approx(1293.0, rel=0.12)


@pytest.mark.needs_data
def test_the_refits_are_those_of_the_published_draws(besiroglu):
    """Besiroglu et al.'s own 4000 resamples, whose converged refits are known."""
    random = np.random.RandomState(42)
    counts = [np.bincount(random.choice(np.arange(240), 240, replace=True), minlength=240) for _ in range(4000)]
    drawn = eqx.tree_at(lambda p: p.weight, besiroglu.problem, jnp.asarray(counts, float).T)
    positions = jax.jit(functools.partial(refits, lanes=4000))(drawn, besiroglu.position)
    laws = jax.vmap(besiroglu.problem.coordinates)(positions)
    ends = {name: [float(end) for end in interval] for name, interval in lts.intervals(laws).items()}
    assert ends["A"] == pytest.approx([286.0854636, 743.6098454], rel=1e-6)
    assert ends["B"] == pytest.approx([1042.3660730, 5810.3589435], rel=1e-6)
    assert ends["E"] == pytest.approx([1.76935046, 1.87122804], rel=1e-6)
    assert float(lts.standard_errors(laws)["A"]) == pytest.approx(124.494, rel=1e-3)
    assert not bool(jnp.isnan(laws.E).any())


def test_a_bootstrap_is_one_law_that_plan_takes_as_it_is(fitted):
    laws = lts.bootstrap(fitted, draws=500, key=KEY)
    cloud = lts.plan(laws, lts.Flops(2e12), loss=2.2)
    best = lts.plan(fitted.law, lts.Flops(2e12), loss=2.2)
    assert {value.shape for value in lts.coefficients(laws).values()} == {(500,)}
    low, high = np.quantile(np.asarray(cloud.params), [0.025, 0.975])
    assert low < float(best.params) < high < 1.5 * low
    assert not bool(jnp.any(cloud.status))


def floored(params, tokens, E, s):
    return E + (s / params) ** 0.3 + (s / tokens) ** 0.3


@pytest.mark.parametrize(
    ("family", "truth", "starts"),
    [
        (lts.Kaplan, lts.law("kaplan2020_joint_text"), "hoffmann"),
        (floored, lts.FunctionLaw(floored, {"E": 1.5, "s": 1e8}), {"E": [1.0, 2.0], "s": [1e7, 1e9]}),
    ],
    ids=["kaplan", "function"],
)
def test_coefficients_that_stay_logarithms_are_refitted_too(family, truth, starts):
    runs = lts.planted_runs(truth, 60, key=KEY, noise=0.002)
    fitted = lts.fit(family, runs, starts=starts)
    laws = lts.bootstrap(fitted, draws=50, key=KEY)
    for name, value in lts.coefficients(fitted.law).items():
        assert float(jnp.median(lts.coefficients(laws)[name])) == pytest.approx(float(value), rel=0.3), name
    left_out, errors = lts.leave_one_size_out(fitted), np.abs(np.asarray(fitted.residuals))
    assert float(left_out.worst) < 3 * errors.max()


def test_the_same_key_gives_the_same_draws(fitted):
    first, again, other = (lts.bootstrap(fitted, draws=50, key=key) for key in (KEY, KEY, jax.random.key(8)))
    assert bool(jnp.all(first.alpha == again.alpha))
    assert not bool(jnp.any(first.alpha == other.alpha))


def test_draws_in_parts_are_all_done(fitted, monkeypatch):
    monkeypatch.setattr(importlib.import_module("lifetimescale.fitting.bootstrap"), "CHUNK", 60 * 20)
    done: list[int] = []
    laws = lts.bootstrap(fitted, draws=50, key=KEY, progress=done.append)
    assert done == [17, 34, 50]
    assert laws.alpha.shape == (50,)
    assert len(np.unique(laws.alpha)) == 50


@pytest.mark.parametrize("method", ["pairs", "residual"])
def test_where_errors_are_alike_the_covariance_and_both_bootstraps_agree(method):
    runs = lts.planted_runs(TRUTH, 400, key=KEY, noise=0.005)
    fitted = lts.fit(lts.Chinchilla, runs, delta=0.01)
    drawn = lts.standard_errors(lts.bootstrap(fitted, draws=1000, key=KEY, method=method))
    for name, error in fitted.standard_errors().items():
        assert float(error) == pytest.approx(float(drawn[name]), rel=0.2), name


def test_each_draw_is_the_refit_from_many_starts(fitted):
    count = 60
    chosen = np.random.default_rng(0).integers(0, count, (count, 8))
    counts = np.stack([np.bincount(column, minlength=count) for column in chosen.T], 1).astype(float)
    drawn = eqx.tree_at(lambda p: p.weight, fitted.problem, jnp.asarray(counts))
    positions = jax.jit(functools.partial(refits, lanes=8))(drawn, fitted.position)
    for lane in range(8):
        runs = lts.Runs(fitted.runs.params, fitted.runs.tokens, fitted.runs.loss, counts[:, lane])
        one = lts.fit(lts.Chinchilla, runs)
        value = eqx.tree_at(lambda p: p.weight, fitted.problem, jnp.asarray(counts[:, lane])).value(positions[lane])
        assert float(value) == pytest.approx(float(one.objective), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda fit: lts.bootstrap(fit, draws=9, key=KEY, method="wild"), "no method 'wild'"),
        (lambda fit: lts.bootstrap(fit, draws=0, key=KEY), "draw at least 1"),
        (lambda fit: lts.intervals(fit.law, level=95.0), "level=95.0 is out of range"),
        (lambda fit: lts.split(fit.runs, by="loss"), "no order 'loss'"),
        (lambda fit: lts.split(fit.runs, share=1.0), "a share of 1 of 60 runs cannot be held out"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(call, words, fitted):
    with pytest.raises(ValueError, match=words):
        call(fitted)


def test_the_expensive_runs_are_held_out():
    runs = lts.planted_runs(TRUTH, 50, key=KEY)
    for by in ("compute", "tokens_per_param", "params", "tokens"):
        cheap, expensive = lts.split(runs, by=by, share=0.2)
        assert (len(cheap), len(expensive)) == (40, 10)
        assert getattr(cheap, by).max() <= getattr(expensive, by).min()


def test_laws_are_compared_on_the_same_split():
    truth = lts.Coupled(E=1.8, A=300.0, B=900.0, alpha=0.3, beta=0.32, gamma=0.5)
    cheap, expensive = lts.split(lts.planted_runs(truth, 80, key=KEY, noise=1e-4), by="compute", share=0.25)
    families = {"coupled": lts.Coupled, "tied": lts.Chinchilla}
    tied = {"coupled": {}, "tied": {"beta": "alpha"}}
    fits = {name: functools.partial(lts.fit, law, tied=tied[name]) for name, law in families.items()}
    errors = {name: float(p.mean_absolute) for name, p in lts.compare(fits, cheap, expensive).items()}
    assert errors["coupled"] < 5e-4 < errors["tied"]


def test_one_size_left_out_is_the_refit_without_it():
    sizes = np.repeat([1e8, 3e8, 1e9, 3e9, 1e10], 8)
    tokens = sizes * np.tile(np.geomspace(5, 500, 8), 5)
    noise = np.exp(0.003 * np.random.default_rng(3).normal(size=40))
    fitted = lts.fit(lts.Chinchilla, lts.Runs(sizes, tokens, np.asarray(TRUTH(sizes, tokens)) * noise))
    prediction = lts.leave_one_size_out(fitted)
    for size in np.unique(sizes):
        without = lts.fit(lts.Chinchilla, fitted.runs.where(sizes != size), starts=fitted.law)
        expected = lts.predict(without.law, fitted.runs.where(sizes == size)).errors
        assert np.asarray(prediction.errors)[sizes == size] == pytest.approx(np.asarray(expected), abs=1e-7)


def test_a_prediction_is_read_in_words():
    runs = lts.Runs([1e9, 1e10], [2e10, 2e11], [float(TRUTH(1e9, 2e10)) / 1.01, float(TRUTH(1e10, 2e11)) * 1.03])
    prediction = lts.predict(TRUTH, runs)
    assert float(prediction.bias) == pytest.approx((np.log(1.01) - np.log(1.03)) / 2, rel=1e-9)
    assert str(prediction).startswith("2 runs: mean |error| of the loss 2.0 %")


def plan_size(runs: lts.Runs) -> jax.Array:
    """The logarithm of the planned params, from the raw runs."""
    return jnp.log(lts.plan(lts.fit(lts.Chinchilla, runs, starts=TRUTH).law, lts.Flops(2e12), loss=2.2).params)


def test_the_gradient_of_a_plan_says_which_runs_hold_it_up(fitted):
    """Reverse and forward mode against refits with one run changed."""
    runs = fitted.runs

    def of(loss):
        return plan_size(lts.Runs(jnp.asarray(runs.params), jnp.asarray(runs.tokens), loss))

    loss = jnp.asarray(runs.loss)
    reverse = np.asarray(jax.grad(of)(loss))
    direction = jnp.asarray(np.random.default_rng(0).normal(size=len(runs)))
    forward = float(jax.jvp(of, (loss,), (direction,))[1])
    assert forward == pytest.approx(float(reverse @ np.asarray(direction)), rel=1e-9)
    beyond = np.abs(np.asarray(fitted.residuals)) > 1.2e-3
    inside = np.abs(np.asarray(fitted.residuals)) < 0.8e-3
    assert np.all(reverse[beyond] == 0)
    assert np.any(reverse[inside] != 0)
    for run in np.flatnonzero(inside)[:3]:
        step = 1e-6 * np.eye(len(runs))[run]
        central = (float(of(loss + step)) - float(of(loss - step))) / 2e-6
        assert reverse[run] == pytest.approx(central, rel=1e-4)


def test_the_law_is_differentiable_in_every_column_and_in_what_is_held():
    runs = lts.planted_runs(TRUTH, 60, key=KEY, noise=0.005)
    columns = [jnp.asarray(column) for column in runs.columns()]

    def alpha(columns, E):
        return lts.fit(lts.Chinchilla, lts.Runs(*columns), starts=TRUTH, delta=0.05, fixed={"E": E}).law.alpha

    gradients, held = jax.grad(alpha, argnums=(0, 1))(columns, TRUTH.E)
    for index, column in enumerate(columns):
        step = np.zeros(60)
        step[5] = 1e-3 * float(column[5])
        up, down = ([c + s * step if i == index else c for i, c in enumerate(columns)] for s in (1, -1))
        central = float(alpha(up, TRUTH.E) - alpha(down, TRUTH.E)) / (2 * step[5])
        assert float(gradients[index][5]) == pytest.approx(central, rel=1e-4)
    central = float(alpha(columns, TRUTH.E + 1e-6) - alpha(columns, TRUTH.E - 1e-6)) / 2e-6
    assert float(held) == pytest.approx(central, rel=1e-5)


def test_a_coefficient_at_its_bound_does_not_move():
    runs = lts.planted_runs(TRUTH, 60, key=KEY, noise=0.005)

    def floor(loss):
        moved = lts.Runs(jnp.asarray(runs.params), jnp.asarray(runs.tokens), loss)
        return lts.fit(lts.Chinchilla, moved, starts=TRUTH, bounds={"E": (0.5, 1.5)}).law.E

    value, gradient = jax.value_and_grad(floor)(jnp.asarray(runs.loss))
    assert float(value) == pytest.approx(1.5)
    assert not bool(jnp.any(gradient))


@pytest.mark.needs_data
def test_a_fit_to_real_runs_says_which_of_them_it_rests_on(besiroglu):
    influence = jax.grad(plan_size, allow_int=True)(besiroglu.runs).loss
    assert 30 <= int(np.sum(np.asarray(influence) != 0)) <= 45


MAPS = {
    "exponential error": lts.ExponentialScore(worst=0.76, gain=-1.3, rate=0.9),
    "exponential accuracy": lts.ExponentialScore(worst=0.25, gain=3.0, rate=1.1),
    "sigmoid accuracy": lts.SigmoidScore(worst=0.25, best=0.9, rate=3.0, middle=2.6),
    "sigmoid error": lts.SigmoidScore(worst=0.8, best=0.1, rate=2.0, middle=2.9),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_score_map_is_recovered_and_inverted(name):
    truth, losses = MAPS[name], np.linspace(1.8, 4.5, 30)
    fitted = lts.fit_score(type(truth), losses, np.asarray(truth(losses)))
    for field, value in lts.coefficients(fitted.score).items():
        assert float(value) == pytest.approx(float(getattr(truth, field)), rel=1e-6), field
    assert np.asarray(truth.loss_for(truth(losses))) == pytest.approx(losses, rel=1e-9)


@pytest.mark.parametrize("name", MAPS)
def test_a_score_out_of_reach_is_not_a_number_and_neither_is_its_derivative(name):
    score_map = MAPS[name]
    beyond = float(score_map.worst) - 0.1 * np.sign(float(score_map(2.0) - score_map.worst))
    assert np.isnan(jax.value_and_grad(score_map.loss_for)(beyond)).all()


@pytest.mark.needs_data
def test_the_errors_of_gadre_are_mapped_as_published(shared):
    """The average error over 46 tasks follows epsilon - k exp(-gamma L) within half a point."""
    path = shared / "data" / "gadre2024_overtraining.csv"
    losses, errors = lts.read_scores(path, score="downstream_err_avg46", where="train_dataset=rpj")
    fitted = lts.fit_score(lts.ExponentialScore, losses, errors)
    published = lts.ExponentialScore(worst=0.7608, gain=-1.3229, rate=0.8907)
    assert float(jnp.std(fitted.residuals)) < 0.005
    assert np.asarray(fitted.score(losses)) == pytest.approx(np.asarray(published(losses)), abs=0.015)


def test_a_plan_can_be_asked_for_by_a_score():
    score_map = MAPS["sigmoid accuracy"]
    by_score = lts.plan(TRUTH, lts.Flops(2e12), loss=score_map.loss_for(0.8))
    assert float(score_map(by_score.loss)) == pytest.approx(0.8, rel=1e-12)
    slope = jax.grad(lambda score: lts.plan(TRUTH, lts.Flops(2e12), loss=score_map.loss_for(score)).total)(0.8)
    assert float(slope) > 0


@pytest.mark.parametrize(
    ("losses", "scores", "words"),
    [([2.0, 3.0], [0.1, 0.2, 0.3], "2 losses and 3 scores"), ([2.0, 3.0, np.nan], [0.1, 0.2, 0.3], "is not finite")],
)
def test_scores_that_cannot_be_mapped_are_refused(losses, scores, words):
    with pytest.raises(ValueError, match=words):
        lts.fit_score(lts.ExponentialScore, np.array(losses), np.array(scores))
