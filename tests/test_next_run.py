"""Which run to train next: the linearised answer against refits by brute force."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale.fitting.bootstrap import refits
from lifetimescale.uncertainty.laws import moved

TRUTH = lts.law("besiroglu2024")
COST = lts.Flops(2e12)
NOISE = 0.002


@pytest.fixture(scope="module")
def fitted() -> lts.Fit:
    """Least squares, whose posterior is normal where the law is straight enough."""
    runs = lts.planted_runs(TRUTH, 120, key=jax.random.key(0), noise=NOISE)
    return lts.fit(lts.Chinchilla, runs, delta=jnp.inf)


def asymptotic(fitted: lts.Fit) -> jax.Array:
    """tau^2 H^-1, of errors that are alike, as those planted are."""
    fisher = jax.hessian(fitted.problem.value)(fitted.position)
    plane = fitted.problem.coordinates

    def reported(position):
        values = plane.coefficients(position)
        return jnp.stack(
            [
                jnp.log(values[name]) if positive else values[name]
                for name, positive in zip(plane.names, plane.positive, strict=True)
            ]
        )

    slopes = jax.jacfwd(reported)(fitted.position)
    return fitted.noise_variance * slopes @ jnp.linalg.inv(fisher) @ slopes.T


def test_the_noise_of_least_squares_is_that_of_the_residuals(fitted):
    residuals = np.asarray(fitted.residuals)
    assert float(fitted.noise_variance) == pytest.approx(np.sum(residuals**2) / (len(residuals) - 5), rel=1e-9)
    assert float(fitted.noise_variance) ** 0.5 == pytest.approx(NOISE, rel=0.15)


def with_run(fitted: lts.Fit, params: float, tokens: float, log_losses: jax.Array) -> tuple:
    """The problem of a fit with one more run, whose log loss differs from lane to lane."""
    lanes = log_losses.shape[0]
    columns = [
        jnp.concatenate([jnp.broadcast_to(column[:, None], (len(column), lanes)), jnp.full((1, lanes), value)])
        for column, value in zip(fitted.problem.observations[:2], (params, tokens), strict=True)
    ]
    old = jnp.broadcast_to(fitted.problem.observations[2][:, None], (len(fitted.runs), lanes))
    observations = (*columns, jnp.concatenate([old, log_losses[None]]))
    weight = jnp.ones((len(fitted.runs) + 1, lanes))
    return eqx.tree_at(lambda p: (p.observations, p.weight), fitted.problem, (observations, weight))


@jax.jit
def refitting(problem, position):
    return refits(problem, position, problem.weight.shape[1])


@pytest.mark.parametrize(("params", "tokens"), [(3e8, 3e10), (5e9, 3e10), (3e9, 3e11)])
def test_regret_by_brute_force(fitted, params, tokens):
    """Draw a truth; plan by the fit, and by the fit to the runs and what the new one would have shown; compare costs.

    The truths are drawn about the fit, which is what is known of them, and every law is refitted in full.
    """
    covariance = asymptotic(fitted)
    run = lts.value_of_runs(fitted, COST, params=params, tokens=tokens, like=13e9, covariance=covariance)
    draws = 1000
    keys = jax.random.split(jax.random.key(1))
    moves = jax.random.multivariate_normal(keys[0], jnp.zeros(5), covariance, (draws,))
    truths = jax.vmap(functools.partial(moved, fitted))(moves)
    noise = float(fitted.noise_variance) ** 0.5
    shown = jnp.log(truths(params, tokens)) + noise * jax.random.normal(keys[1], (draws,))
    positions = refitting(with_run(fitted, params, tokens, shown), fitted.position)
    refitted = jax.vmap(fitted.problem.coordinates)(positions)

    def regret(law: lts.AbstractLaw) -> float:
        """Of the size that a law plans, trained until the loss is reached, on average over the truths."""
        planned = lts.plan(law, COST, loss=lts.compute_optimal(law, params=13e9).loss)
        losses = lts.compute_optimal(truths, params=13e9).loss
        return float(jnp.mean(lts.price(truths, COST, params=planned.params, loss=losses).overpay))

    assert float(run.regret) == pytest.approx(regret(fitted.law), rel=0.15)
    assert float(run.remaining) == pytest.approx(regret(refitted), rel=0.15)


def test_a_refit_moves_as_the_posterior_does(fitted):
    """The implicit derivative of a fit in the loss of one more run is the gain S s/(t^2 + s' S s)."""
    params, tokens = 3e9, 3e11
    law, covariance = fitted.law, asymptotic(fitted)

    def alpha(log_loss):
        runs = fitted.runs
        more = lts.Runs(
            jnp.append(runs.params, params), jnp.append(runs.tokens, tokens), jnp.append(runs.loss, jnp.exp(log_loss))
        )
        return lts.fit(lts.Chinchilla, more, delta=jnp.inf, starts=law).law.alpha

    start = jnp.log(law(params, tokens))
    slope = float(jax.grad(alpha)(start))

    slopes = jax.jacfwd(lambda move: jnp.log(moved(fitted, move)(params, tokens)))(jnp.zeros(5))
    gain = covariance @ slopes / (fitted.noise_variance + slopes @ covariance @ slopes)
    place = fitted.names.index("alpha")
    scale = float(law.alpha) if fitted.problem.coordinates.positive[place] else 1.0
    assert slope == pytest.approx(scale * float(gain[place]), rel=1e-6)


class TestNextRun:
    def test_it_is_not_beaten_within_the_budget(self, fitted):
        best = lts.next_run(fitted, COST, like=13e9, compute=1e21)
        params, ratio = np.meshgrid(np.geomspace(5.1e7, 6e9, 200), np.geomspace(5.1, 490, 200))
        others = lts.value_of_runs(fitted, COST, params=params, tokens=params * ratio, like=13e9)
        within = np.asarray(others.compute) <= 1e21
        assert float(best.remaining) <= np.asarray(others.remaining)[within].min() * (1 + 1e-4)
        assert float(best.compute) <= 1e21 * (1 + 1e-9)
        assert float(best.remaining) < 0.97 * float(best.regret)

    def test_no_run_hurts_and_money_helps(self, fitted):
        params = jnp.logspace(7.8, 10, 40)[:, None]
        every = lts.value_of_runs(
            fitted, COST, params=params, tokens=params * jnp.logspace(1, 2.6, 30)[None, :], loss=2.1
        )
        assert float(every.gain.min()) >= 0
        gains = [float(lts.next_run(fitted, COST, loss=2.1, compute=compute).gain) for compute in (1e20, 1e21, 1e22)]
        assert gains == sorted(gains)

    def test_a_run_without_error_teaches_more(self, fitted):
        sure, unsure = (
            lts.value_of_runs(fitted, COST, params=3e9, tokens=6e10, like=13e9, noise=noise) for noise in (1e-4, 1e-2)
        )
        assert float(sure.gain) > 2 * float(unsure.gain)
        assert float(sure.value) == pytest.approx(float(sure.gain * sure.planned.total))

    def test_of_the_published_runs_its_size_error_is_that_of_the_bootstrap(self, shared):
        path = shared / "data" / "besiroglu2024_chinchilla.csv"
        if not path.exists():
            pytest.skip("the real observations of ../shared are not here")
        real = lts.fit(lts.Chinchilla, lts.read_runs(path, where="outlier_dropped=False"))
        laws = lts.bootstrap(real, draws=1000, key=jax.random.key(2))
        sizes = lts.plan(laws, COST, loss=lts.compute_optimal(laws, params=13e9).loss).params
        drawn = lts.coefficients(laws)
        positive = dict(zip(real.names, real.problem.coordinates.positive, strict=True))
        columns = [jnp.log(drawn[name]) if positive[name] else drawn[name] for name in real.names]
        spread = jnp.cov(jnp.stack(columns))
        best = lts.next_run(real, COST, like=13e9, compute=1e22, covariance=spread)
        assert float(best.size_error) == pytest.approx(float(jnp.std(jnp.log(sizes))), rel=0.15)
        assert 0 < float(best.remaining) < float(best.regret)

    def test_words(self, fitted):
        best = lts.next_run(fitted, COST, like=13e9, compute=1e21)
        assert str(best).startswith("The plan, 6.")
        assert " leaves " in str(best)
        assert "2 runs that could be made" in str(
            lts.value_of_runs(fitted, COST, params=jnp.array([1e9, 2e9]), tokens=1e11, like=13e9)
        )

    def test_what_is_refused(self, fitted):
        with pytest.raises(ValueError, match="exactly one target"):
            lts.next_run(fitted, COST, compute=1e21)
        with pytest.raises(ValueError, match="exactly one target"):
            lts.value_of_runs(fitted, COST, params=1e9, tokens=1e11, loss=2.0, like=13e9)
        with pytest.raises(ValueError, match="no run is within"):
            lts.next_run(fitted, COST, like=13e9, compute=1e15)
        wrong = {"params": (0, 1e9), "tokens_per_param": (100, 20)}
        for name, ends in wrong.items():
            with pytest.raises(ValueError, match=f"{name} from .* out of range"):
                lts.next_run(fitted, COST, like=13e9, compute=1e21, **{name: ends})
        for compute in (-1e21, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="compute"):
                lts.next_run(fitted, COST, like=13e9, compute=compute)
        with pytest.raises(ValueError, match="no plan to learn for"):
            lts.next_run(fitted, COST, loss=1.5, compute=1e21)
