"""Exact = general = brute force, over 1e5 seeded scenarios of every tag; float32; 50 digits for the hardest."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from problems import COSTS, RANGES, Plain, Problems, problems

import lifetimescale as lts

SIZE = 12_500  # times eight tags are 1e5


def relative(a, b) -> np.ndarray:
    return np.abs(np.asarray(a, float) / np.asarray(b, float) - 1)


def worst(error: np.ndarray, batch: Problems) -> str:
    """The problem with the largest error, for the message of a failure."""
    index = int(np.argmax(error))
    scenario = jax.tree.map(lambda x: float(x[index] if x.ndim else x), (batch.law, batch.demand, batch.loss))
    return f"{error[index]:.3g} at {scenario}"


@pytest.mark.parametrize("tag", RANGES)
def test_the_table_is_what_its_tags_say(tag):
    batch = problems(tag, SIZE)
    best = lts.plan(batch.law, batch.cost, loss=batch.loss)
    assert (best.status == lts.Status.OK).all()
    optimum = lts.compute_optimal(batch.law, loss=batch.loss)
    assert (np.log10(optimum.params) > 6.9).all()
    assert (np.log10(optimum.params) < 12.1).all()
    assert bool((batch.demand == 0).all()) == (tag == "no demand")


@pytest.mark.parametrize("tag", RANGES)
def test_exact_is_general(tag):
    batch = problems(tag, SIZE)
    exact, general = (
        lts.plan(batch.law, batch.cost, loss=batch.loss, method=method) for method in ("exact", "general")
    )
    assert (general.status == lts.Status.OK).all()
    for name in ("params", "tokens", "total"):
        error = relative(getattr(general, name), getattr(exact, name))
        assert error.max() < 1e-10, f"{name}: {worst(error, batch)}"


@pytest.mark.parametrize("tag", RANGES)
def test_exact_is_general_at_a_budget_and_the_two_directions_are_inverse(tag):
    batch = problems(tag, 1_000)
    best = lts.plan(batch.law, batch.cost, loss=batch.loss)
    for method in ("exact", "general"):
        back = lts.plan(batch.law, batch.cost, budget=best.total, method=method)
        assert (back.status == lts.Status.OK).all()
        # a relative change of the budget by 1e-14 changes the loss, near its floor, by less than 1e-12 of it
        assert relative(back.loss, batch.loss).max() < 1e-12
        error = relative(back.params, best.params)
        assert error.max() < 1e-9, worst(error, batch)


@pytest.mark.parametrize("tag", RANGES)
def test_general_is_brute_force(tag):
    """Golden-section search of the cost along the curve of equal loss, which knows no derivative."""
    batch = problems(tag, SIZE)
    names = ("E", "A", "B", "alpha", "beta")
    E, A, B, alpha, beta = (np.asarray(getattr(batch.law, name)) for name in names)
    excess, demand = np.asarray(batch.loss) - E, np.asarray(batch.demand)

    @np.errstate(over="ignore")
    def log_cost(z):
        log_params = (np.log(A / excess) + np.logaddexp(0, -z)) / alpha
        log_tokens = (np.log(B / excess) + np.logaddexp(0, z)) / beta
        return log_params + np.log(6 * np.exp(log_tokens) + 2 * demand)

    low, high, golden = np.full(SIZE, -60.0), np.full(SIZE, 60.0), (np.sqrt(5) - 1) / 2
    for _ in range(80):
        left, right = high - golden * (high - low), low + golden * (high - low)
        go_left = log_cost(left) < log_cost(right)
        low, high = np.where(go_left, low, left), np.where(go_left, right, high)
    best = lts.plan(batch.law, batch.cost, loss=batch.loss)
    least = log_cost((low + high) / 2)
    error = np.log(np.asarray(best.total)) - least
    assert error.max() < 1e-12, worst(error, batch)
    assert np.abs(error).max() < 1e-11, worst(np.abs(error), batch)


@pytest.mark.parametrize("tag", RANGES)
def test_optimality_and_loss_hold_to_rounding(tag):
    """alpha A/N^alpha = beta B/D^beta (1 + K/D) and L = loss, in units of the rounding of log N and log D."""
    batch = problems(tag, SIZE)
    best = lts.plan(batch.law, batch.cost, loss=batch.loss)
    law = batch.law
    by_params = law.A * best.params**-law.alpha
    by_tokens = law.B * best.tokens**-law.beta
    units = np.finfo(float).eps * (4 + law.alpha * np.log(best.params) + law.beta * np.log(best.tokens))
    balance = law.alpha * by_params / (law.beta * by_tokens * (1 + batch.demand / 3 / best.tokens)) - 1
    assert (np.abs(balance) / units).max() < 8
    excess = batch.loss - law.E
    assert (np.abs((by_params + by_tokens) / excess - 1) / units).max() < 8


@pytest.mark.parametrize("tag", RANGES)
def test_float32_agrees_with_float64(tag):
    """Inputs rounded to float32 first; what is left is float32's rounding of logarithms, over the exponents."""
    single = problems(tag, SIZE).cast(jnp.float32)
    double = single.cast(jnp.float64)
    ours, reference = (lts.plan(batch.law, batch.cost, loss=batch.loss) for batch in (single, double))
    assert ours.params.dtype == jnp.float32
    law = double.law
    representable = np.asarray((law.A < 1e36) & (law.B < 1e36) & (reference.status == lts.Status.OK))
    alive = representable & np.asarray(ours.status == lts.Status.OK)
    assert alive.sum() > 0.99 * representable.sum() > 0.5 * SIZE
    logs = 1 + np.abs(np.log(law.A)) + np.abs(np.log(law.B)) + np.abs(np.log(double.loss - law.E))
    bound = 16 * np.finfo(np.float32).eps * np.asarray(logs / jnp.minimum(law.alpha, law.beta) + 25)
    bound += 16 * np.finfo(np.float32).eps * np.asarray(double.loss / (double.loss - law.E) / law.beta)
    for name in ("params", "tokens"):
        error = relative(getattr(ours, name), getattr(reference, name))
        assert (error / bound)[alive].max() < 1, name


def test_fifty_digits_for_the_hardest():
    """The hundred problems with the most extreme spend ratios and exponents, against mpmath at the same doubles."""
    for tag in ("huge demand", "steep in tokens", "steep in params", "flat", "near the floor"):
        batch = problems(tag, 20, seed=7)
        best = lts.plan(batch.law, batch.cost, loss=batch.loss)
        for index in range(20):
            scenario = jax.tree.map(
                lambda x, i=index: float(x[i] if x.ndim else x), (batch.law, batch.demand, batch.loss)
            )
            params, tokens, units = fifty_digits(*scenario)
            assert abs(float(mpmath.mpf(float(best.params[index])) / params - 1)) < units, scenario
            assert abs(float(mpmath.mpf(float(best.tokens[index])) / tokens - 1)) < units, scenario


def fifty_digits(law, demand, loss):
    """N, D, and the error that rounding of the logarithms of the inputs leaves in them."""
    with mpmath.workdps(50):
        A, B, alpha, beta, demand = (mpmath.mpf(x) for x in (law.A, law.B, law.alpha, law.beta, demand))
        excess = mpmath.mpf(loss) - mpmath.mpf(law.E)

        def balance(z):
            log_tokens = (mpmath.log(B / excess) + mpmath.log1p(mpmath.exp(z))) / beta
            return z - mpmath.log(beta / alpha) - mpmath.log1p(demand / 3 * mpmath.exp(-log_tokens))

        start = mpmath.log(beta / alpha)
        z = mpmath.findroot(balance, (start, start - balance(start)), solver="anderson", tol=1e-45)
        params = (A / excess * (1 + mpmath.exp(-z))) ** (1 / alpha)
        tokens = (B / excess * (1 + mpmath.exp(z))) ** (1 / beta)
        logs = 4 + abs(mpmath.log(A)) + abs(mpmath.log(B)) + abs(mpmath.log(excess))
        return params, tokens, float(4 * np.finfo(float).eps * logs / min(alpha, beta))


def test_a_plain_law_agrees_with_its_exact_form():
    """1e-10, or 100 rounding errors over the share of the smaller term, whichever is larger."""
    demand = jnp.logspace(8, 18, 200)
    exact = lts.plan(lts.law("chinchilla"), lts.Flops(demand), loss=2.0)
    plain = lts.plan(Plain(), lts.Flops(demand), loss=2.0)
    assert (plain.status == lts.Status.OK).all()
    share = np.asarray(410.7 / exact.tokens**0.283) / 0.31
    bound = np.maximum(1e-10, 100 * np.finfo(float).eps / share)
    assert (relative(plain.params, exact.params) < bound).all()
    assert (relative(plain.tokens, exact.tokens) < bound).all()
    by_budget = lts.plan(Plain(), lts.Flops(demand), budget=exact.total)
    assert relative(by_budget.params, exact.params).max() < 1e-8


@pytest.mark.parametrize("cost", ["with data", "with cache"])
def test_general_costs_are_brute_force(cost):
    """A grid of sizes, refined twice, knows neither the root nor the derivative."""
    law, cost = lts.law("chinchilla"), COSTS[cost]()
    best = lts.plan(law, cost, loss=2.0)
    low, high = np.log(float(best.params)) - 1.5, np.log(float(best.params)) + 3
    for _ in range(3):
        sizes = np.linspace(low, high, 4001)
        totals = np.asarray(lts.price(law, cost, params=jnp.exp(jnp.asarray(sizes)), loss=2.0).total)
        centre, width = sizes[np.nanargmin(totals)], (high - low) / 100
        low, high = centre - width, centre + width
    assert float(best.total) <= np.nanmin(totals) * (1 + 1e-13)
    assert np.log(float(best.params)) == pytest.approx(centre, abs=1e-4)


def test_methods_that_do_not_exist_or_apply_are_refused():
    law = lts.law("chinchilla")
    with pytest.raises(ValueError, match="no method"):
        lts.plan(law, lts.Flops(1e12), loss=2.0, method="newton")
    with pytest.raises(ValueError, match="Monomial is not of the form"):
        lts.plan(law, COSTS["with data"](), loss=2.0, method="exact")
    with pytest.raises(ValueError, match="no coupled form"):
        lts.plan(Plain(), lts.Flops(1e12), loss=2.0, method="exact")
