"""docs/uncertainty.md: the page runs, and says what it computes."""

import types

import numpy as np
import pytest
from pages import DOCS, executed

import lifetimescale as lts

PAGE = DOCS / "uncertainty.md"


@pytest.fixture(scope="module")
def page():
    return types.SimpleNamespace(**executed(PAGE))


def test_what_moves_the_plan(page):
    name, value = page.found.ranked("params")[0]
    assert (name, round(value, 2)) == ("beta", -5.43)
    low, high = page.shares.total_interval["params"]["inference_tokens"]
    share = page.shares.total["params"]["inference_tokens"]
    assert [round(x, 2) for x in (share, low, high)] == [0.57, 0.51, 0.62]


def test_what_is_not_known(page):
    assert np.round(np.quantile(page.best.params, [0.1, 0.9]) / 1e9).tolist() == [56, 95]
    assert np.round(np.quantile(page.cloud.params, [0.1, 0.9]) / 1e9, 1).tolist() == [4.4, 8.7]
    assert np.round(np.quantile(page.cloud.total, [0.1, 0.9]) / 1e22, 1).tolist() == [3.0, 11.5]


def test_what_to_train(page):
    assert str(page.choice).startswith("5.40B params, 732B tokens: 7.32e22 FLOP on average, 7.34e21 FLOP of it regret")
    assert "with a probability of 16.7 %" in str(page.choice)
    assert round(float(page.cautious.params) / 1e9, 1) == 4.1
    assert round(float(page.fair.params) / 1e9, 1) == 5.1
    kept = lts.decide(page.unpriced, quality=0.9)
    assert (round(float(kept.params) / 1e9, 1), round(float(kept.tokens) / 1e12, 2)) == (5.7, 1.17)
    assert round(float(page.known.value) / 1e20) == 46
    beta = lts.value_of_knowing(page.futures, page.futures.law.beta, groups=8)
    assert round(float(beta.value) / 1e20) == 7


def test_the_table(page):
    rows = [
        (page.choice, 5.40, 0.732, 7.32, 12),
        (page.centre, 6.08, 0.730, 7.53, 13),
        (page.theirs, 6.97, 1.25, 10.3, 66),
        (page.twin, 13.0, 0.256, 11.8, 56),
    ]
    for model, params, tokens, cost, regret in rows:
        judged = lts.judge(page.futures, params=model.params, tokens=model.tokens)
        assert float(model.params) / 1e9 == pytest.approx(params, rel=5e-3)
        assert float(model.tokens) / 1e12 == pytest.approx(tokens, rel=5e-3)
        assert float(judged.expected_cost) / 1e22 == pytest.approx(cost, rel=5e-3)
        assert round(100 * float(judged.expected_overpay)) == regret


def test_the_mean_of_a_lognormal_demand():
    assert np.exp(np.log(3) ** 2 / 2) == pytest.approx(1.8, abs=0.05)


def test_the_next_run(page):
    assert 0 < float(page.run.remaining) < float(page.run.regret)
    assert float(page.run.compute) <= 1e21 * (1 + 1e-9)
