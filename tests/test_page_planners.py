"""docs/planners.md: what the page says it found, against brute force and against the numbers that its code computes."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pages import DOCS, executed

import lifetimescale as lts

PAGE = DOCS / "planners.md"


@pytest.fixture(scope="module")
def page():
    return types.SimpleNamespace(**executed(PAGE))


def total(page, params, tokens):
    """The lives of fleets of shape (..., 4) in NumPy, with no part of the library but its numbers."""
    A, B, alpha, beta = (float(getattr(page.law, name)) for name in ("A", "B", "alpha", "beta"))
    params, tokens, flop = np.asarray(params), np.asarray(tokens), 2.5 / 3600
    prompt, output = np.array([500, 1000, 8000, 20000]), np.array([20, 300, 1000, 8000])
    served = 2 * np.asarray(page.COUNT) * flop / 1.979e15 * (prompt / 0.4 + output / 0.1)
    trained = 6 * params * tokens * flop / (9.89e14 * 0.41)
    shortfall = np.asarray(page.WORTH) * (A / params**alpha + B / tokens**beta)
    return trained, (trained + served * params + shortfall).sum(-1)


@pytest.mark.parametrize(
    ("losses", "prices"),
    [
        (np.exp(np.linspace(-0.05, 0.05, 101)), np.exp(np.linspace(-0.05, 0.05, 101))),
        (np.exp(np.linspace(-3, 3, 301)), np.exp(np.linspace(-6, 6, 301))),
    ],
    ids=["around", "far"],
)
def test_no_other_offer_earns_more(page, losses, prices):
    loss = page.law.E + (page.loss - page.law.E) * jnp.asarray(losses)[:, None]
    profits = np.asarray(page.profit(loss, page.price * jnp.asarray(prices)[None]))
    assert np.isfinite(profits).all()
    middle = np.unravel_index(np.argmax(profits), profits.shape)
    assert middle == (len(losses) // 2, len(prices) // 2)
    assert profits.max() == pytest.approx(float(page.gain), rel=1e-12)


def test_the_price_is_the_marginal_cost_marked_up(page):
    cost = lambda requests: float(lts.plan(page.law, page.life(requests), loss=page.loss).total)
    step = 1e-4 * float(page.requests)
    marginal = (cost(page.requests + step) - cost(page.requests - step)) / (2 * step)  # the model moves with demand
    assert float(page.price) * 1250 / 1e6 == pytest.approx(1.5 / 0.5 * marginal, rel=1e-6)


def test_two_steps_are_a_best_price_and_end_at_the_best_of_their_loss(page):
    prices = jnp.exp(jnp.linspace(jnp.log(0.05), jnp.log(1.0), 20_001))
    fixed = lts.plan(page.law, page.life(1e10), loss=2.0)
    bill = lts.price(page.law, page.life(page.asked(2.0, prices)), params=fixed.params, loss=2.0).total
    assert float((page.revenue(2.0, prices) - bill).max()) == pytest.approx(float(page.once), rel=1e-6)
    assert float(page.profit(2.0, prices).max()) == pytest.approx(float(page.repeated), rel=1e-6)
    assert page.once < page.repeated < page.gain


@pytest.mark.parametrize("spread", [1e-3, 1e-2, 0.1, 0.5, 1.5])
def test_no_other_fleet_within_the_budget_costs_less(page, spread):
    rng = np.random.default_rng(1)
    params = np.asarray(page.best.params) * np.exp(spread * rng.normal(size=(50_000, 4)))
    tokens = np.asarray(page.best.tokens) * np.exp(spread * rng.normal(size=(50_000, 4)))
    trained = total(page, params, tokens)[0].sum(-1, keepdims=True)
    most = total(page, params, tokens * 1e6 / trained)[1]  # all of the budget
    less = total(page, params, tokens * 1e6 / trained * rng.uniform(size=(50_000, 1)))[1]  # part of it
    least = total(page, page.best.params, page.best.tokens)[1]
    assert least == pytest.approx(float(page.least), rel=1e-12)
    assert min(most.min(), less.min()) > least


def test_the_budgets_are_kept_and_the_marginals_equal(page):
    for models in (page.best, page.even, page.blind):
        trained = total(page, models.params, models.tokens)[0]
        assert trained.sum() == pytest.approx(1e6, rel=1e-9)
    np.testing.assert_allclose(total(page, page.even.params, page.even.tokens)[0], 2.5e5, rtol=1e-9)
    params, tokens = np.asarray(page.best.params), np.asarray(page.best.tokens)
    for change in np.concatenate([np.eye(8), -np.eye(8)]).reshape(-1, 2, 4) * 1e-4:
        up = total(page, params * np.exp(change[0]), tokens * np.exp(change[1]))
        down = total(page, params * np.exp(-change[0]), tokens * np.exp(-change[1]))
        spent = (up[0] - down[0]).sum()
        assert 1 - (up[1] - down[1]) / spent == pytest.approx(1 + float(page.shadow), rel=1e-5)


def test_no_other_losses_of_blind_plans_cost_less(page):
    """Along the budget, where the four losses have three directions."""
    rng = np.random.default_rng(2)
    gaps = np.asarray(page.blind.loss - page.law.E) * np.exp(0.1 * rng.normal(size=(20_000, 4)))
    scale = np.ones((20_000, 1))
    for _ in range(60):  # training falls in the scale: a fixed point by its elasticity of about -6
        models = lts.plan(page.law, page.training + page.served, loss=page.law.E + jnp.asarray(gaps * scale))
        trained, cost = total(page, models.params, models.tokens)
        scale *= (trained.sum(-1, keepdims=True) / 1e6) ** (1 / 8)
    np.testing.assert_allclose(trained.sum(-1), 1e6, rtol=1e-6)
    assert cost.min() > float(page.spent(page.blind.params, page.blind.tokens)) * (1 - 1e-9)


@pytest.fixture(scope="module")
def scheduled(page):
    """The totals of one to three models at all times of a grid, by the models and by the growth per month."""
    inner = jnp.linspace(0.01, 3.99, 200)
    first, second = (axis.reshape(-1) for axis in jnp.meshgrid(inner, inner, indexing="ij"))
    kept = first < second
    ends = lambda *times: jnp.stack([jnp.zeros_like(times[0]), *times, jnp.full_like(times[0], 4.0)], axis=1)
    times = {1: jnp.array([[0.0, 4.0]]), 2: ends(inner), 3: ends(first[kept], second[kept])}
    priced = {
        models: jax.jit(jax.vmap(lambda times, growth: jnp.sum(page.releases(times, growth).total), (0, None)))
        for models in times
    }
    return lambda models, share: float(priced[models](times[models], page.monthly(float(share))).min())


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_no_other_release_times_cost_less(page, scheduled, share):
    for models in (1, 2, 3):
        if models == 3 and share < 0.1:
            continue  # a third model is released as late as can be
        found, grid = float(jnp.exp(page.schedule(models, page.monthly(share))[1])), scheduled(models, share)
        assert found * (1 - 1e-12) <= grid <= found * 1.001


def test_one_more_model_pays_from_the_thresholds_on(page, scheduled):
    for models, threshold in ((1, page.first), (2, page.second)):
        least = [scheduled(models, threshold), scheduled(models + 1, threshold)]
        assert least[1] == pytest.approx(least[0], rel=3e-4)
        below, above = float(threshold) - 0.003, float(threshold) + 0.003
        assert scheduled(models + 1, below) > scheduled(models, below)
        assert scheduled(models + 1, above) < scheduled(models, above)


def test_the_page_says_what_it_computes(page):
    text = " ".join(PAGE.read_text().split())
    million = lambda dollars: f"${float(dollars) / 1e6:.2f}M"
    billions = lambda params: [f"{params / 1e9:.1f}B" for params in np.asarray(params)]
    one, two, three, four = (f"{100 * share:.1f}" for share in np.asarray(page.shares))
    losses = [f"{loss:.3f}" for loss in np.asarray(page.best.loss)]
    blind, best = billions(page.blind.params), billions(page.best.params)
    more = lambda models: million(page.spent(models.params, models.tokens) - page.least)
    going = page.profit(jnp.array(2.0), jnp.array(0.5))
    fixed = lts.plan(page.law, page.life(1e10), loss=2.0).params
    growth = 12 * np.log(1.05)
    early, later = np.diff(np.exp(growth * np.asarray(page.times)))
    for sentence in (
        f"offers loss {page.loss:.3f} at ${page.price:.3f} per million tokens",
        f"meets {page.requests:.2e} requests".replace("e+", "e"),
        f"with {page.model.params / 1e9:.1f}B params on {page.model.tokens / 1e12:.1f}T tokens",
        f"earns {million(page.gain)}, where the going offer earns {million(going)}",
        f"three times the marginal cost of ${page.marginal / 1250 * 1e6:.4f}",
        f"earns {million(page.once)}, {100 * (1 - page.once / page.gain):.1f} % less",
        f"{fixed / 1e9:.1f}B params are too many for the {page.came:.2e} requests".replace("e+", "e"),
        f"end at {million(page.repeated)}",
        f"is the last {100 * (1 - page.repeated / page.gain):.1f} %",
        f"by {one}, {two}, {three} and {four} %, for losses of {', '.join(losses[:3])} and {losses[3]}",
        f"save ${1 + page.shadow:.2f}",
        f"all lives cost {million(page.least)}",
        f"for each costs {more(page.even)} more",
        f"give way, cost {more(page.blind)} more",
        f"({blind[0]} to {blind[3]}, instead of {best[0]} to {best[3]})",
        f"more than {100 * page.first:.1f} % a month, a second one above {100 * page.second:.1f} %",
        f"after {page.times[1]:.2f} years, with {100 * later / (early + later):.0f} % of the requests still to come, "
        f"when a model of {page.new / 1e9:.2f}B params takes over from one of {page.old / 1e9:.1f}B",
        f"saves {100 * page.saving[0.05]:.1f} % of the total",
        f"At 10 % a month it saves {100 * page.saving[0.1]:.1f} %",
    ):
        assert sentence in text, sentence
