"""Fits of laws with design variables: planted and published ones, their errors, predictions and gradients."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale.fitting.gauss_newton import gauss_newton

KEY = jax.random.key(5)
REPEATED = lts.DataConstrained(E=1.87, A=521.0, B=1488.0, alpha=0.353, beta=0.36, R_D=15.4, R_N=5.3)
GRAINED = lts.FineGrainedExperts(a=18.1, alpha=0.115, b=30.8, beta=0.147, g=2.1, gamma=0.58, c=0.47)
ALONE = lts.Coupled(E=1.22, A=3355.0, B=18186.0, alpha=0.408, beta=0.431, gamma=0.452)
_STUDENT = {"alpha": 0.321, "beta": 0.637, "gamma": 0.764, "c1": 1.0, "f1": 0.1, "d1": 1.315, "supervised": ALONE}
STUDENT = lts.Distilled(A=2243.0, B=24181.0, c0=2.549, **_STUDENT)


def between(least: float, most: float, size: int, seed: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).uniform(np.log(least), np.log(most), size))


def around(law: lts.AbstractLaw, *names: str) -> dict[str, list[float]]:
    """Starts at 0.7 and 1.2 times the coefficients."""
    values = lts.coefficients(law)
    return {name: [0.7 * float(values[name]), 1.2 * float(values[name])] for name in names or values}


PLANTED = {
    "repeated": (REPEATED, {"unique_tokens": between(1e8, 1e11, 80, 0)}, {}),
    "grained": (GRAINED, {"granularity": np.resize([1.0, 2.0, 4.0, 16.0], 80)}, {"starts": around(GRAINED)}),
    "distilled": (
        STUDENT,
        {"teacher_loss": between(1.6, 3.0, 80, 1)},
        {"starts": around(STUDENT, "A", "B", "c0"), "fixed": _STUDENT},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_law_is_recovered_from_runs_of_many_designs(name):
    truth, design, options = PLANTED[name]
    runs = lts.planted_runs(truth, 80, key=KEY, noise=0.0, design=design)
    fitted = lts.fit(type(truth), runs, **options)
    known = lts.coefficients(truth)
    for coefficient, value in lts.coefficients(fitted.law).items():
        assert float(value) == pytest.approx(float(known[coefficient]), rel=1e-6), coefficient
    for variable, column in design.items():
        assert [float(end) for end in fitted.law.fitted.design[variable]] == [column.min(), column.max()]
        free = variable == "unique_tokens"  # those of the runs are not those of a plan, which must be told
        assert float(fitted.law.variables[variable].most) == (np.inf if free else column.max())


@pytest.fixture(scope="module")
def reference(shared) -> dict:
    return json.loads((shared / "facts" / "reference_fits.json").read_text())["muennighoff2023_data_constrained_law"]


@pytest.fixture(scope="module")
def repeats(shared) -> lts.Runs:
    """The runs of the published fit, most of which repeat their tokens."""
    path = shared / "data" / "muennighoff2023_data_constrained.csv"
    return lts.read_runs(path, where="in_published_fit=True", design={"unique_tokens": "n_tokens_unique"})


@pytest.fixture(scope="module")
def held(reference) -> dict[str, float]:
    """The published coefficients that do not say what repeats are worth."""
    a, b, e, alpha, beta = reference["fixed_abe_alpha_beta"]
    return {"E": np.exp(e), "A": np.exp(a), "B": np.exp(b), "alpha": alpha, "beta": beta}


GRID = {"R_D": np.geomspace(0.1, 1000, 9), "R_N": np.geomspace(0.1, 1000, 9)}


@pytest.mark.needs_data
class TestPublishedRuns:
    """Muennighoff et al. 2023 (arXiv:2305.16264), section 5: two minima, of which the published one is the higher."""

    def test_the_published_fit_is_a_minimum(self, repeats, held, reference):
        published = {"R_D": [reference["published"]["R_D_star"]], "R_N": [reference["published"]["R_N_star"]]}
        fitted = lts.fit(lts.DataConstrained, repeats, fixed=held, starts=published, optimizer=gauss_newton())
        found = reference["local_optimum_from_published"]
        assert len(repeats) == reference["n_obs"]
        assert float(fitted.objective) == pytest.approx(found["fun"], rel=1e-12)
        assert float(fitted.objective) < reference["objective_at_published"]
        assert float(fitted.law.R_D) == pytest.approx(found["R_D_star"], rel=1e-6)
        assert float(fitted.law.R_N) == pytest.approx(found["R_N_star"], rel=1e-6)
        assert bool(jnp.all(fitted.eigenvalues > 0))

    def test_it_is_not_the_lowest(self, repeats, held, reference):
        fitted = lts.fit(lts.DataConstrained, repeats, fixed=held, starts=GRID)
        lowest = reference["lowest_found"]
        assert float(fitted.objective) == pytest.approx(lowest["fun"], rel=1e-12)
        assert float(fitted.law.R_D) == pytest.approx(lowest["R_D_star"], rel=1e-6)
        assert float(fitted.law.R_N) == pytest.approx(lowest["R_N_star"], rel=1e-6)
        assert float(fitted.converged_share) > 0.5
        assert fitted.messages() == []

    def test_the_profile_over_what_more_params_are_worth(self, repeats, held, reference):
        profile = [row for row in reference["profile_over_R_N_star"] if 1 <= row["R_N_star"] <= 100]
        assert len(profile) == 5
        for row in profile:
            fixed = held | {"R_N": row["R_N_star"]}
            fitted = lts.fit(lts.DataConstrained, repeats, fixed=fixed, starts={"R_D": GRID["R_D"]})
            assert float(fitted.objective) == pytest.approx(row["fun"], rel=1e-12)
            assert float(fitted.law.R_D) == pytest.approx(row["R_D_star"], rel=1e-6)

    def test_with_all_coefficients_free_params_are_worth_as_much_as_ever(self, repeats, held, reference):
        published = lts.DataConstrained(**held, R_D=15.387756, R_N=5.309743)
        fitted = lts.fit(lts.DataConstrained, repeats, starts=published)
        assert float(fitted.objective) == pytest.approx(0.0065658955713518, rel=1e-9)
        assert float(fitted.objective) < 0.42 * reference["objective_at_published"]
        assert float(fitted.law.R_D) == pytest.approx(25.168, rel=1e-4)
        assert fitted.unidentified == ("R_N",)
        assert [float(end) for end in fitted.law.fitted.design["unique_tokens"]] == [1e8, 1.78e11]


def mine(N, D, samples, E, s, gain):
    """The design variable stands between coefficients, as it may."""
    return E + (s / N) ** 0.3 + (s / D) ** 0.3 + gain / samples**0.5


STARTS = {"E": [1.0, 2.0], "s": [1e7, 1e8, 1e9], "gain": [0.1, 1.0]}


def sampled(noise: float = 0.005, seed: int = 0) -> lts.Runs:
    """Runs of `mine` with E = 1.5, s = 1e8 and gain = 0.4, of four sizes."""
    params, tokens, samples = (
        x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 4), [2e9, 3e10, 4e11], [1, 8, 64])
    )
    loss = mine(params, tokens, samples, 1.5, 1e8, 0.4)
    errors = np.random.default_rng(seed).normal(size=loss.shape)
    return lts.Runs(params, tokens, loss * np.exp(noise * errors), design={"samples": samples, "unused": 0.0})


fit_mine = functools.partial(lts.fit, mine, starts=STARTS, delta=np.inf)


@pytest.fixture(scope="module")
def fitted() -> lts.Fit:
    return fit_mine(sampled())


class TestFunction:
    def test_its_arguments_that_are_columns_are_design_variables(self, fitted):
        assert fitted.names == ("E", "s", "gain")
        assert numbers(fitted.law) == pytest.approx({"E": 1.5, "s": 1e8, "gain": 0.4}, rel=0.1)
        samples = fitted.law.variables["samples"]
        assert (list(fitted.law.variables), float(samples.least), float(samples.most)) == (["samples"], 1.0, 64.0)
        assert list(fitted.law.fitted.design) == ["samples"]
        expected = mine(1e9, 1e10, 4.0, **numbers(fitted.law))
        assert float(fitted.law(1e9, 1e10, {"samples": 4})) == pytest.approx(expected, rel=1e-12)
        assert lts.coefficients(fit_mine(sampled(0.0)).law)["gain"] == pytest.approx(0.4, rel=1e-9)

    def test_it_is_compiled_once(self):
        traced = []

        def counted(N, D, samples, E, s, gain):
            traced.append(1)
            return mine(N, D, samples, E, s, gain)

        lts.fit(counted, sampled(), starts=STARTS, delta=np.inf)
        first = len(traced)
        lts.fit(counted, sampled(seed=1), starts=STARTS, delta=np.inf)
        assert len(traced) == first > 0

    def test_a_session_in_float32_has_the_same_optimum(self, fitted):
        with jax.enable_x64(False):
            single = fit_mine(sampled())
        assert single.objective.dtype == jnp.float32
        assert float(single.objective) == pytest.approx(float(fitted.objective), rel=1e-6)

    def test_gradients_in_loss_and_design_are_finite_differences(self, fitted):
        runs = fitted.runs

        def gain(loss, samples):
            changed = lts.Runs(runs.params, runs.tokens, loss, design={"samples": samples, "unused": 0.0})
            return fit_mine(changed).law.coefficients["gain"]

        columns = [jnp.asarray(runs.loss), jnp.asarray(runs.design["samples"])]
        gradients = jax.grad(gain, argnums=(0, 1))(*columns)
        for index, step in ((0, 1e-4), (1, 1e-3)):
            moved = [jnp.zeros(36), jnp.zeros(36)]
            moved[index] = moved[index].at[4].set(step)
            low, high = (float(gain(*(x + h * move for x, move in zip(columns, moved, strict=True)))) for h in (-1, 1))
            assert float(gradients[index][4]) == pytest.approx((high - low) / (2 * step), rel=1e-4)

    def test_the_bootstrap_agrees_with_the_covariance(self, fitted):
        laws = lts.bootstrap(fitted, draws=400, key=KEY, method="residual")
        drawn = lts.standard_errors(laws)
        for name, error in fitted.standard_errors().items():
            assert float(drawn[name]) == pytest.approx(float(error), rel=0.25), name
        assert (laws.coefficients["E"].shape, laws.variables["samples"].most.shape) == ((400,), ())
        assert laws(1e9, 1e10, {"samples": 8.0}).shape == (400,)

    def test_a_size_left_out_is_that_of_a_fit_without_it(self, fitted):
        runs = fitted.runs
        of_size = runs.params == runs.params.max()
        weight = np.where(of_size, 0.0, 1.0)
        without = fit_mine(lts.Runs(runs.params, runs.tokens, runs.loss, weight, design=runs.design))
        expected = np.asarray(lts.predict(without.law, runs).errors)[of_size]
        assert lts.leave_one_size_out(fitted).errors[of_size] == pytest.approx(expected, rel=1e-6)

    def test_runs_that_were_not_seen_are_predicted_at_their_own_design(self, fitted):
        unseen = sampled(seed=2).where(np.arange(36) % 2 == 0)
        prediction = lts.compare({"mine": fit_mine}, fitted.runs, unseen)["mine"]
        expected = np.log(mine(unseen.params, unseen.tokens, unseen.design["samples"], **numbers(fitted.law)))
        assert prediction.errors == pytest.approx(expected - np.log(unseen.loss), abs=1e-12)

    def test_runs_are_split_by_a_design_variable(self):
        few, many = lts.split(sampled(), by="samples", share=1 / 3)
        assert (few.design["samples"].max(), many.design["samples"].min()) == (8, 64)
        with pytest.raises(ValueError, match="hold out by compute, tokens_per_param, params, tokens, samples, unused"):
            lts.split(sampled(), by="depth")


def numbers(law: lts.AbstractLaw) -> dict[str, float]:
    return {name: float(value) for name, value in lts.coefficients(law).items()}


def test_a_law_without_design_variables_does_not_see_the_columns():
    runs, held = sampled(), {"E": 1.5, "alpha": 0.3, "beta": 0.3}
    plain = lts.fit(lts.Chinchilla, lts.Runs(runs.params, runs.tokens, runs.loss), fixed=held)
    fitted = lts.fit(lts.Chinchilla, runs, fixed=held)
    assert numbers(fitted.law) == numbers(plain.law)
    assert fitted.law.fitted.design == {}
    assert fitted.problem.residual is plain.problem.residual


PLAIN = lts.Runs([1e8, 1e9, 1e10], [1e10, 1e11, 1e11], [3.0, 2.5, 2.2])
OTHER = lts.Runs(PLAIN.params, PLAIN.tokens, PLAIN.loss, design={"epochs": [1, 2, 3]})
WRONG = lts.Runs(PLAIN.params, PLAIN.tokens, PLAIN.loss, design={"samples": [1, np.inf, 3]})
ADVICE = r"lts.Runs\(..., design={'unique_tokens': \[...\]}\) or lts.read_runs\(path, design=\['unique_tokens'\]\)"
REFUSED = [
    (lambda: lts.fit(lts.DataConstrained, PLAIN), "3 runs cannot fix 7 coefficients"),
    (lambda: fit_repeats(PLAIN), "DataConstrained needs a design column unique_tokens of the runs, they have none"),
    (lambda: fit_repeats(OTHER), "they have epochs: give " + ADVICE),
    (lambda: lts.predict(REPEATED, PLAIN), ADVICE),
    (lambda: lts.planted_runs(REPEATED, 9, key=KEY), ADVICE),
    (lambda: lts.planted_runs(REPEATED, 9, key=KEY, design={"unique_tokens": np.ones(2)}), r"has shape \(2,\)"),
    (lambda: fit_mine(PLAIN), "no starts for samples of mine: .*, or a column of runs.design for each that is no coef"),
    (lambda: fit_mine(WRONG), r"samples\[1\] is inf: every samples must be finite"),
    (lambda: lts.fit(mine, sampled(), starts=STARTS | {"samples": [1.0]}), "starts: mine has no coefficient samples"),
]


def fit_repeats(runs: lts.Runs) -> lts.Fit:
    fixed = {name: value for name, value in numbers(REPEATED).items() if name not in ("R_D", "R_N")}
    return lts.fit(lts.DataConstrained, runs, fixed=fixed)


@pytest.mark.parametrize(("call", "advice"), REFUSED)
def test_what_is_missing_is_said_with_what_to_do(call, advice):
    with pytest.raises(ValueError, match=advice):
        call()
