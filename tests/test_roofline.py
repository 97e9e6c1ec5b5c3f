"""Serving costs and the plans they make: brute force, limits kept exactly, derivatives, statuses, effects."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale import Status, Warnings
from lifetimescale.batch import elementwise

HOUR, DAY = 3600, 86400

# One scenario: every number of the law, of training, of traffic and of serving.
EVERYDAY = {
    **{"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.336, "beta": 0.283, "loss": 1.95},
    **{"price": 2.5, "peak": 989e12, "memory": 80e9, "bandwidth": 3.35e12},
    **{"runs": 1.5, "mfu": 0.4, "recomputation": 0.3, "goodput": 0.9},
    **{"start": 5e9, "growth": 0.5, "years": 2.0, "discount": 0.1, "prompt": 1000.0, "output": 250.0, "cached": 0.2},
    **{"depth": 0.14, "cache": 2048.0, "stored": 1.3},
    **{"compute": 0.4, "read": 0.9, "launch": 60e-6, "links": 0.2, "filled": 0.9},
}
LATENCIES = ("time_per_token", "time_to_first_token")
NUMBER_OF_CHIPS = ("batch", "chips", "most_chips")
KINDS = {  # what is given besides
    "free": {"most_chips": 64.0},
    "hurried": {"most_chips": 64.0, "time_per_token": 1e6, "time_to_first_token": 1e6},
    "given": {"batch": 32.0, "chips": 2.0, "train_chips": 1e4, "days": 200.0},
}


def serving(x) -> lts.Roofline:
    chip = lts.Chip(x["price"], bf16=x["peak"], memory=x["memory"], bandwidth=x["bandwidth"])
    shape = lts.Ladder(x["depth"], x["cache"], x["stored"])
    stack = lts.Stack(x["compute"], x["read"], x["launch"], x["links"], x["filled"])
    demand = lts.Demand(requests(x), x["prompt"], x["output"], x["cached"])
    given = {name: x[name] for name in (*LATENCIES, *NUMBER_OF_CHIPS) if name in x}
    return lts.Roofline(chip, demand, shape=shape, stack=stack, **given)


def traffic(x) -> lts.ExponentialTraffic:
    return lts.ExponentialTraffic(x["start"], x["growth"], x["years"])


def requests(x):
    return traffic(x).requests if "start" in x else x["requests"]


def training(x) -> lts.AbstractCost:
    chip = lts.Chip(x["price"], bf16=x["peak"])
    deadline = {"chips": x.get("train_chips"), "days": x.get("days")}
    one = lts.Training(chip, x["mfu"], recomputation=x["recomputation"], goodput=x["goodput"], **deadline)
    return x["runs"] * one


def lifetime(x) -> lts.AbstractCost:
    """Training, and what serving a growing traffic is worth today."""
    return training(x) + traffic(x).present_value(discount=x["discount"]) * serving(x)


def law(x) -> lts.Chinchilla:
    return lts.Chinchilla(*(x[name] for name in ("E", "A", "B", "alpha", "beta")))


def table(scenarios: list[dict]) -> dict[str, jax.Array]:
    return {name: jnp.asarray([scenario[name] for scenario in scenarios], float) for name in scenarios[0]}


# --- the cost of a given model


class Served(NamedTuple):
    total: np.ndarray
    parts: dict[str, np.ndarray]
    deployment: dict[str, np.ndarray]
    capacity: np.ndarray


SIZE = 400
OF_SERVING = {
    *("price", "peak", "memory", "bandwidth", "requests", "prompt", "output", "cached", "depth", "cache", "stored"),
    *("compute", "read", "launch", "links", "filled", *LATENCIES, *NUMBER_OF_CHIPS),
}


@jax.jit
def _served(x, params) -> Served:
    def of_one(cost, params):
        return (
            cost.serving(params, params),
            cost.parts(params, params),
            cost.deployment(params),
            cost.limits(params, params).capacity,
        )

    return Served(*elementwise(of_one, serving(x), params))


def served(x, params) -> Served:
    """Scenarios up to `SIZE`, by one program for each kind."""
    x = x | {"requests": np.asarray(requests(x))}
    arguments = {name: x[name] for name in OF_SERVING & set(x)}, jnp.asarray(params, float)
    size, pad = len(params), functools.partial(jnp.pad, pad_width=(0, SIZE - len(params)), mode="edge")
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:size], _served(*jax.tree.map(pad, arguments)))


def by_hand(x, params) -> dict[str, np.ndarray]:
    """The symbols of the docstring of `Roofline`, in seconds of one chip and in bytes, of bf16."""
    x = {name: np.asarray(value)[:, None] for name, value in x.items()}
    params = np.asarray(params)[:, None]
    layers = x["depth"] * params**0.25
    width, cached = np.sqrt(params / (12 * layers)), layers * x["cache"] * 2
    flops, read = x["peak"] * x["compute"], x["bandwidth"] * x["read"]
    attended = 2 * params + 2 * layers * width * x["prompt"]
    return x | {
        "rate": x["requests"] * x["price"] / HOUR,
        "prefill": x["prompt"] * (1 - x["cached"]) * attended / flops,
        "decode": 2 * params / flops,
        "weights": 2 * x["stored"] * params / read,
        "reads": cached * (x["prompt"] + x["output"] / 2) / read,
        "launched": x["launch"] * layers,
        "held": 2 * x["stored"] * params,
        "most_cached": cached * (x["prompt"] + x["output"]),
    }


def used(s, batch, chips) -> np.ndarray:
    """How much of the tightest limit b sequences on G chips use."""
    step = (s["weights"] + batch * (s["reads"] + s["decode"])) / chips + s["launched"] * chips ** s["links"]
    most = (s["held"] + batch * s["most_cached"]) / (s["filled"] * s["memory"] * chips)
    if "time_per_token" in s:
        most = np.maximum(most, step / s["time_per_token"])
        most = np.maximum(most, (s["prefill"] / chips + step) / s["time_to_first_token"])
    return most


def most_sequences(s, chips) -> np.ndarray:
    batch = (s["filled"] * s["memory"] * chips - s["held"]) / s["most_cached"]
    if "time_per_token" in s:
        waits = (s["time_per_token"], 0), (s["time_to_first_token"], s["prefill"])
        for seconds, before in waits:
            room = (seconds - s["launched"] * chips ** s["links"]) * chips - s["weights"] - before
            batch = np.minimum(batch, room / (s["reads"] + s["decode"]))
    return batch


def spent(s, batch, chips) -> np.ndarray:
    launches = s["launched"] * chips ** (1 + s["links"])
    return s["rate"] * (s["prefill"] + s["output"] * (s["decode"] + s["reads"] + (s["weights"] + launches) / batch))


def extremes(size: int, seed: int = 0) -> tuple[dict[str, jax.Array], jax.Array]:
    """Params from 1e6 to 1e13, requests of 1 to 1e6 tokens, chips a hundredth to a hundred times an H100."""
    rng = np.random.default_rng(seed)

    def log_uniform(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), size))

    around = {name: EVERYDAY[name] * log_uniform(0.01, 100) for name in ("price", "peak", "memory", "bandwidth")}
    x = around | {
        "requests": log_uniform(1, 1e12),
        "prompt": log_uniform(1, 1e6),
        "output": log_uniform(1, 1e6),
        "cached": rng.choice([0, 0.5, 0.99], size),
        "depth": log_uniform(0.05, 0.5),
        "cache": log_uniform(100, 1e5),
        "stored": log_uniform(1, 30),
        "compute": rng.uniform(0.1, 1, size),
        "read": rng.uniform(0.1, 1, size),
        "launch": rng.choice([0, 1, 1], size) * log_uniform(1e-7, 1e-3),
        "links": rng.choice([0, 1, 1], size) * rng.uniform(0, 1, size),
        "filled": rng.uniform(0.5, 1, size),
    }
    return {name: jnp.asarray(value) for name, value in x.items()}, jnp.asarray(log_uniform(1e6, 1e13))


def given(kind: str) -> dict[str, jax.Array]:
    rng = np.random.default_rng([1, *kind.encode()])
    most = np.where(rng.uniform(size=SIZE) < 0.1, 1, 10 ** rng.uniform(0, 5, SIZE))
    numbers = {
        "free": {"most_chips": most},
        "hurried": {
            "most_chips": most,
            "time_per_token": 10 ** rng.uniform(-3, 4, SIZE),
            "time_to_first_token": 10 ** rng.uniform(-1, 6, SIZE),
        },
        "batch given": {"most_chips": most, "batch": 10 ** rng.uniform(0, 4, SIZE)},
        "chips given": {"chips": 10 ** rng.uniform(0, 3, SIZE)},
        "both given": {"chips": 10 ** rng.uniform(0, 3, SIZE), "batch": 10 ** rng.uniform(0, 4, SIZE)},
    }
    return {name: jnp.asarray(value) for name, value in numbers[kind].items()}


def scenario(x, params, index) -> str:
    return str({name: float(value[index]) for name, value in x.items()} | {"params": float(params[index])})


@pytest.mark.parametrize("kind", ["free", "hurried", "batch given", "chips given", "both given"])
def test_serving_is_brute_force(kind):
    """No number of chips on a fine grid, with all the sequences it holds, is cheaper; where none fits, it costs inf."""
    x, params = extremes(SIZE)
    x |= given(kind)
    found, s = served(x, params), by_hand(x, params)
    unknown = np.isnan(found.total) | np.isnan(found.capacity)
    assert not unknown.any(), f"{unknown.sum()} of {SIZE} are NaN, one is {scenario(x, params, np.argmax(unknown))}"
    fits = np.isfinite(found.total)
    grid = s["chips"] if "chips" in x else np.exp(np.linspace(0, 1, 2001) * np.log(s["most_chips"]))
    sequences = s.get("batch", np.maximum(1, most_sequences(s, grid)))
    allowed = used(s, sequences, grid) <= 1 + 1e-12
    if kind == "both given":  # then nothing is searched for, and it is plans that keep the limits
        allowed |= True
    wrong = (fits != allowed.any(axis=1)) & (np.abs(found.capacity) > 0.01)
    assert not wrong.any(), scenario(x, params, np.argmax(wrong))
    assert 0.4 < np.mean(fits) <= 1
    least = np.where(allowed, spent(s, sequences, grid), np.inf).min(axis=1)
    both = fits & np.isfinite(least)
    excess = found.total[both] / least[both] - 1
    worst = np.argmax(excess)
    assert excess[worst] < 1e-6, f"{excess[worst]} above the grid at {scenario(x, params, np.flatnonzero(both)[worst])}"
    batch, chips = (found.deployment[name][:, None] for name in ("batch", "chips"))
    np.testing.assert_allclose(spent(s, batch, chips)[fits, 0], found.total[fits], rtol=1e-12)


@pytest.mark.parametrize("kind", ["free", "hurried", "chips given"])
def test_deployments_keep_the_limits_exactly_and_use_one_up(kind):
    x, params = extremes(SIZE)
    x |= given(kind)
    found, s = served(x, params), by_hand(x, params)
    fits = np.isfinite(found.total)
    batch, chips = (found.deployment[name][:, None] for name in ("batch", "chips"))
    use = used(s, batch, chips)[:, 0]
    most = {"limits": use, "one chip": 1 / chips[:, 0], "one sequence": 1 / batch[:, 0]}
    if "most_chips" in x:
        most["most chips"] = (chips / s["most_chips"])[:, 0]
    for name, share in most.items():
        worst = np.argmax(np.where(fits, share, 0))
        assert share[worst] <= 1 + 1e-6, f"{share[worst]} of the {name} at {scenario(x, params, worst)}"
        assert np.quantile(share[fits], 0.8) <= 1 + 1e-13
    assert (use >= 1 - 1e-12)[fits].all()
    facts = {name: value[fits] for name, value in found.deployment.items()}
    of_limits = [facts["memory used"]]
    for name, fact in zip(LATENCIES, ("seconds per token", "seconds to first token"), strict=True):
        if name in x:
            of_limits.append(facts[fact] / x[name][fits])
    np.testing.assert_allclose(np.max(of_limits, axis=0), use[fits], rtol=1e-12)
    chip_hours = x["requests"] * x["output"] / found.deployment["tokens per second and chip"] / HOUR
    np.testing.assert_allclose((chip_hours * x["price"])[fits], found.total[fits], rtol=1e-12)


@pytest.mark.parametrize("kind", ["free", "hurried", "batch given", "chips given", "both given"])
def test_parts_add_up_to_the_cost_and_prices_are_of_degree_one(kind):
    x, params = extremes(SIZE)
    x |= given(kind)
    found, doubled = served(x, params), served(x | {"price": 2 * x["price"]}, params)
    fits = np.isfinite(found.total)
    assert set(found.parts) == {"prefill", "decode", "weight reads", "cache reads", "launches"}
    np.testing.assert_allclose(np.sum([*found.parts.values()], axis=0)[fits], found.total[fits], rtol=1e-12)
    np.testing.assert_allclose(doubled.total, 2 * found.total, rtol=1e-14)
    assert np.min([part[fits] for part in found.parts.values()]) >= 0


def test_with_a_huge_batch_and_no_cache_it_is_fixed_utilisation():
    chip = lts.Chip(2.5, bf16=989e12, memory=80e9, bandwidth=3.35e12)
    demand = lts.Demand(1e10, jnp.asarray([1.0, 1e3, 1e6]), 250.0, 0.3)
    stack, shape = lts.Stack(compute=0.35, launch=0.0), lts.Shape(0.0, 0.0, 0.0)
    roofline = lts.Roofline(chip, demand, batch=1e30, chips=1.0, stack=stack, shape=shape)
    fixed = lts.FixedUtilization(chip, demand=demand, prefill=0.35, decode=0.35)
    params = 10 ** jnp.linspace(6, 13, 8)[:, None]
    np.testing.assert_allclose(roofline(params, 1e12), fixed(params, 1e12), rtol=1e-9)


def test_one_chip_at_most_is_one_chip():
    x, params = extremes(SIZE, seed=5)
    most, one = served(x | {"most_chips": jnp.ones(SIZE)}, params), served(x | {"chips": jnp.ones(SIZE)}, params)
    clear = np.abs(one.capacity) > 1e-4
    np.testing.assert_allclose(most.total[clear], one.total[clear], rtol=1e-5)


# --- plans: values and derivatives of one kind in one program

ROWS = 640
NUMBERS = ("params", "tokens", "total")


class Planned(NamedTuple):
    """Logarithms of params, tokens and total, their derivatives, and what else is known; a column per scenario."""

    logs: np.ndarray
    slopes: np.ndarray
    status: np.ndarray
    warnings: np.ndarray


@jax.jit
def _planned(x, direction):
    def numbers(x):
        best = lts.plan(law(x), lifetime(x), loss=x["loss"])
        logs = jnp.log(jnp.stack([getattr(best, name) for name in NUMBERS]))
        return logs, (best.status, best.warnings)

    logs, slopes, rest = jax.jvp(numbers, (x,), (direction,), has_aux=True)
    return logs, slopes, *rest


def planned(x, direction=None) -> Planned:
    """The plans of a table; unless a direction is given, derivatives are those by the logarithms of all numbers."""
    size = len(x["loss"])
    pad = functools.partial(jnp.pad, pad_width=(0, ROWS - size), mode="edge")
    found = _planned(*jax.tree.map(pad, (x, x if direction is None else direction)))
    return Planned(*jax.tree.map(lambda leaf: np.asarray(leaf)[..., :size], found))


SCENARIOS = {
    "free": {
        "unlimited": {},
        "all chips used": {"most_chips": 3.0},
        "at capacity": {"memory": 10e9, "most_chips": 1.5, "start": 1e6},
        "long prompts": {"prompt": 1e5},
        "little demand": {"start": 1e5, "launch": 1e-3},
    },
    "hurried": {
        "unlimited": {},
        "time per token": {"time_per_token": 0.02},
        "time to first token": {"time_to_first_token": 0.05},
        "both": {"time_per_token": 0.01, "time_to_first_token": 0.0135},
        "all chips used": {"time_per_token": 0.008, "most_chips": 8.0},
        "at capacity": {"time_per_token": 0.004, "most_chips": 8.0, "start": 1e6},
    },
    "given": {
        "unlimited": {},
        "at the deadline": {"days": 1.6},
        "at capacity": {"chips": 1.0, "memory": 40e9},
    },
}
ACTIVE = {  # the limits of a cost that have no effect unless they are active
    ("free", "all chips used"): {"most_chips", "memory", "filled"},
    ("free", "at capacity"): {"most_chips", "memory", "filled"},
    ("free", "unlimited"): {"memory", "filled"},
    ("free", "long prompts"): {"memory", "filled"},
    ("free", "little demand"): {"memory", "filled"},
    ("hurried", "unlimited"): {"memory", "filled"},
    ("hurried", "time per token"): {"time_per_token"},
    ("hurried", "time to first token"): {"time_to_first_token"},
    ("hurried", "both"): {"time_per_token", "time_to_first_token"},
    ("hurried", "all chips used"): {"time_per_token", "most_chips"},
    ("hurried", "at capacity"): {"time_per_token"},
    ("given", "unlimited"): set(),
    ("given", "at the deadline"): {"days", "train_chips"},
    ("given", "at capacity"): {"memory", "filled", "chips", "batch"},
}
OF_LIMITS = {"most_chips", "memory", "filled", *LATENCIES, "days", "train_chips"}
STEP = 3e-6


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_every_number_are_finite_differences(kind):
    """In logarithms; where a limit is not active, nor is its derivative."""
    scenarios = [EVERYDAY | KINDS[kind] | change for change in SCENARIOS[kind].values()]
    names = list(scenarios[0])
    base, directions = [], []
    for numbers in scenarios:
        for name in names:
            for factor in (1, np.exp(STEP), np.exp(-STEP)):
                base.append(numbers | {name: numbers[name] * factor})
                directions.append(dict.fromkeys(names, 0.0) | {name: numbers[name]})
    found = planned(table(base), table(directions))
    assert (found.status == Status.OK).all()
    shape = (len(NUMBERS), len(scenarios), len(names), 3)
    logs, slopes = found.logs.reshape(shape), found.slopes.reshape(shape)[..., 0]
    differences = (logs[..., 1] - logs[..., 2]) / (2 * STEP)
    error = np.abs(slopes - differences) / (1 + np.abs(slopes))
    number, tag, name = np.unravel_index(np.argmax(error), error.shape)
    assert error.max() < 1e-6, f"{error.max()} of {NUMBERS[number]} by {names[name]}, {list(SCENARIOS[kind])[tag]}"
    said = Warnings.AT_DEADLINE | Warnings.AT_CAPACITY
    for index, tag in enumerate(SCENARIOS[kind]):
        flag = {"at capacity": Warnings.AT_CAPACITY, "at the deadline": Warnings.AT_DEADLINE}.get(tag, 0)
        assert (found.warnings.reshape(shape[1:])[index, 0] & said == flag).all(), tag
        effect = {name for j, name in enumerate(names) if np.abs(slopes[:, index, j]).max() > 1e-12}
        assert effect & OF_LIMITS == ACTIVE[kind, tag] & OF_LIMITS, tag


@pytest.mark.parametrize("kind", KINDS)
def test_plans_are_brute_force(kind):
    """On a grid of sizes around each, all of the same loss, no model that can be served and trained is cheaper."""
    scenarios = [EVERYDAY | KINDS[kind] | change for change in SCENARIOS[kind].values()]
    best = planned(table(scenarios))
    for index, numbers in enumerate(scenarios):
        params = np.exp(best.logs[0, index] + np.linspace(-0.3, 0.3, SIZE))
        share = numbers["loss"] - numbers["E"] - numbers["A"] / params ** numbers["alpha"]
        reached = share > 0
        tokens = np.where(reached, (numbers["B"] / np.where(reached, share, 1)) ** (1 / numbers["beta"]), np.inf)
        seconds = 6 * params * tokens * (1 + numbers["recomputation"] / 3)
        seconds /= numbers["peak"] * numbers["mfu"] * numbers["goodput"]
        x = table([numbers] * SIZE)
        found = served(x, jnp.asarray(params))
        worth = np.asarray(traffic(x).present_value(discount=x["discount"]))
        totals = numbers["runs"] * seconds * numbers["price"] / HOUR + worth * found.total
        kept = found.capacity <= 0
        if "days" in numbers:
            kept &= seconds <= numbers["train_chips"] * numbers["days"] * DAY
        least = np.where(kept, totals, np.inf).min()
        assert np.exp(best.logs[2, index]) <= least * (1 + 1e-12), list(SCENARIOS[kind])[index]
        assert np.exp(best.logs[2, index]) == pytest.approx(least, rel=1e-2), list(SCENARIOS[kind])[index]


@pytest.mark.parametrize("kind", ["free", "given"])
def test_envelope_theorem(kind):
    """By demand, prices and all the rest, the least total changes as the total of the same model does."""
    tags = [tag for tag in SCENARIOS[kind] if tag not in ("at capacity", "at the deadline")]
    scenarios = [EVERYDAY | KINDS[kind] | SCENARIOS[kind][tag] for tag in tags]
    best = planned(table(scenarios))
    params, tokens, total = np.exp(best.logs)
    names = [name for name in scenarios[0] if name not in ("E", "A", "B", "alpha", "beta", "loss")]

    @jax.jit
    @jax.vmap
    def partial(x, params, tokens):
        cost = lambda x: jnp.log(lifetime(x).total(params, tokens))
        return jax.grad(cost)(x), lifetime(x).serving(params, tokens)

    slopes, serving_total = partial(table(scenarios), jnp.asarray(params), jnp.asarray(tokens))
    for name in names:
        direction = dict.fromkeys(scenarios[0], 0.0)
        changed = planned(table(scenarios), table([direction | {name: numbers[name]} for numbers in scenarios]))
        expected = slopes[name] * np.array([numbers[name] for numbers in scenarios])
        np.testing.assert_allclose(changed.slopes[2], expected, rtol=1e-9, atol=1e-11, err_msg=name)
        if name == "start":
            np.testing.assert_allclose(changed.slopes[2], serving_total / total, rtol=1e-9)
        if name == "price":
            np.testing.assert_allclose(changed.slopes[2], 1, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_doubling_all_prices_leaves_the_model(kind):
    scenarios = [EVERYDAY | KINDS[kind] | change for change in SCENARIOS[kind].values()]
    once, twice = planned(table(scenarios)), planned(table([x | {"price": 2 * x["price"]} for x in scenarios]))
    np.testing.assert_allclose(twice.logs[:2], once.logs[:2], atol=1e-10)
    np.testing.assert_allclose(twice.logs[2], once.logs[2] + np.log(2), atol=1e-12)


def test_a_reversed_gradient_is_the_forward_one():
    scenario = EVERYDAY | KINDS["given"] | SCENARIOS["given"]["at capacity"]
    x = {name: jnp.asarray(value) for name, value in scenario.items() if name not in ("train_chips", "days")}
    log_params = lambda x: jnp.log(lts.plan(law(x), lifetime(x), loss=x["loss"]).params)
    gradient = jax.jit(jax.grad(log_params))(x)
    forward = planned(table([scenario])).slopes[0, 0]
    assert float(sum(gradient[name] * x[name] for name in x)) == pytest.approx(forward, rel=1e-9)


OUTCOMES = {
    "free": {
        "ok": ({}, Status.OK),
        "a context longer than the memory": ({"prompt": 1e9}, Status.UNREACHABLE),
        "no allowed number of chips fits": ({"most_chips": 1.0, "memory": 1e9}, Status.UNREACHABLE),
        "a loss below the floor": ({"loss": 1.6}, Status.UNREACHABLE),
        "a negative price": ({"price": -1.0}, Status.INVALID),
        "a bandwidth that is no number": ({"bandwidth": np.nan}, Status.INVALID),
        "no memory": ({"memory": 0.0}, Status.INVALID),
        "an endless peak": ({"peak": np.inf}, Status.INVALID),
        "negative demand": ({"start": -1.0}, Status.INVALID),
        "all of the prompt cached": ({"cached": 1.0}, Status.INVALID),
        "no share of the peak": ({"compute": 0.0}, Status.INVALID),
        "no chips": ({"most_chips": 0.0}, Status.INVALID),
        "serving alone": ({"runs": 0.0}, Status.NO_OPTIMUM),
    },
    "hurried": {
        "ok": ({}, Status.OK),
        "launches alone take longer": ({"time_per_token": 1e-6}, Status.UNREACHABLE),
        "prefill takes longer": ({"time_to_first_token": 1e-5}, Status.UNREACHABLE),
        "no time": ({"time_per_token": 0.0}, Status.INVALID),
        "a time that is no number": ({"time_to_first_token": np.nan}, Status.INVALID),
    },
    "given": {
        "ok": ({}, Status.OK),
        "days too few": ({"days": 1.2}, Status.UNREACHABLE),
        "chips too few": ({"chips": 1.0, "memory": 5e9}, Status.UNREACHABLE),
        "neither can be served and trained": ({"chips": 1.0, "memory": 40e9, "days": 1.6}, Status.UNREACHABLE),
        "zero batch": ({"batch": 0.0}, Status.INVALID),
        "no days": ({"days": 0.0}, Status.INVALID),
        "no goodput": ({"goodput": 0.0}, Status.INVALID),
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_in_one_batch(kind):
    found = planned(table([EVERYDAY | KINDS[kind] | change for change, _ in OUTCOMES[kind].values()]))
    statuses = dict(zip(OUTCOMES[kind], found.status.tolist(), strict=True))
    assert statuses == {name: status for name, (_, status) in OUTCOMES[kind].items()}
    failed = found.status != Status.OK
    assert (np.isnan(found.logs) == failed).all()
    assert (np.isnan(found.slopes) == failed).all()
    assert not found.warnings[failed].any()


def test_effects_of_the_cache_and_of_experts():
    """Fewer idle experts, a smaller cache and cached prompts make serving cheaper; what is cheap to serve is larger."""
    changes = {"stored": [6.0, 2.0, 1.0], "cache": [16384.0, 2048.0, 576.0], "cached": [0.0, 0.5, 0.95]}
    scenarios = [EVERYDAY | KINDS["free"] | {name: value} for name, values in changes.items() for value in values]
    found = planned(table(scenarios))
    logs = found.logs.reshape(3, 3, 3)
    assert (np.diff(logs[2]) < 0).all()
    assert (np.diff(logs[0][[0, 2]]) > 0).all()
    same = served(table(scenarios), np.full(9, 1e10))
    assert (np.diff(same.total.reshape(3, 3)) < 0).all()
    assert (np.diff(same.capacity.reshape(3, 3)[:2]) < 0).all()
    assert (np.diff(same.deployment["batch"][3:6]) > 0).all()
    assert same.parts["cache reads"][3] / same.parts["cache reads"][5] == pytest.approx(16384 / 576)
    assert same.parts["prefill"][8] / same.parts["prefill"][6] == pytest.approx(0.05)


def test_a_cache_of_every_head_is_as_wide_as_the_model():
    chip, demand, params = lts.chip("h100", price=2.5), lts.Demand(1e10, 1000.0, 250.0), 10 ** jnp.linspace(8, 12, 5)
    shapes = lts.Ladder(cache=None), lts.Ladder()
    every, grouped = (lts.Roofline(chip, demand, batch=32.0, chips=2.0, shape=shape) for shape in shapes)
    reads = elementwise(
        lambda one, other, n: one.parts(n, n)["cache reads"] / other.parts(n, n)["cache reads"], every, grouped, params
    )
    np.testing.assert_allclose(reads, 2 * np.sqrt(params / (12 * 0.14 * params**0.25)) / 2048, rtol=1e-12)
    assert (every(params, 1.0) > grouped(params, 1.0))[2:].all()


# --- deadlines, capacity and budgets, with batch and chips given


def given_batch(*changes: dict) -> dict[str, jax.Array]:
    return table([EVERYDAY | KINDS["given"] | change for change in changes])


LIMITED = [{}, {"days": 1.6}, {"days": 1.45, "mfu": 0.5}, {"chips": 1.0, "memory": 40e9}, {"start": 1e11, "days": 1.6}]
FLAGS = [0, *2 * [Warnings.AT_DEADLINE], Warnings.AT_CAPACITY, Warnings.AT_DEADLINE]


@pytest.fixture(scope="module")
def limited() -> lts.Plan:
    x = given_batch(*LIMITED)
    return lts.plan(law(x), lifetime(x), loss=x["loss"])


def test_the_deadline_is_honoured_exactly(limited):
    x = given_batch(*LIMITED)
    flops = 6 * limited.params * limited.tokens * (1 + x["recomputation"] / 3)
    there_are = x["train_chips"] * x["peak"] * x["mfu"] * x["goodput"] * x["days"] * DAY
    at_deadline = np.array(FLAGS) == Warnings.AT_DEADLINE
    np.testing.assert_allclose((flops / there_are)[at_deadline], 1, rtol=1e-12)
    assert (flops / there_are < 1 + 1e-12).all()
    np.testing.assert_allclose(law(x)(limited.params, limited.tokens), x["loss"], rtol=1e-12)
    np.testing.assert_allclose(limited.total, lifetime(x)(limited.params, limited.tokens), rtol=1e-12)


def test_attention_counts_towards_the_deadline():
    chip, shape = lts.chip("h100", price=2.5), lts.Ladder()
    demand, context = lts.Demand(1e10, 1000.0, 250.0), jnp.asarray([2048.0, 8192.0, 32768.0])
    days = jnp.asarray([1.7, 1.9, 2.8])
    training = lts.Training(chip, 0.4, context=context, recomputation=1.0, goodput=0.9, chips=1e4, days=days)
    cost = training + lts.FixedUtilization(chip, demand=demand, prefill=0.4, decode=0.2)
    best = lts.plan(lts.law("chinchilla"), cost, loss=1.95)
    assert best.status.tolist() == 3 * [Status.OK]
    layers = shape.depth * best.params**0.25
    attention = 12 * layers * jnp.sqrt(best.params / (12 * layers)) * context
    flops = (6 * best.params + attention) * best.tokens * (1 + 1 / 3)
    assert [int(bits) & Warnings.AT_DEADLINE for bits in best.warnings] == 3 * [Warnings.AT_DEADLINE]
    np.testing.assert_allclose(flops, 1e4 * 989e12 * 0.4 * 0.9 * days * DAY, rtol=1e-12)


def test_what_limits_a_plan_is_said(limited):
    said = Warnings.AT_DEADLINE | Warnings.AT_CAPACITY
    assert [int(bits) & said for bits in limited.warnings] == FLAGS
    sentences = [jax.tree.map(lambda leaf, i=i: leaf[i] if leaf.ndim else leaf, limited).messages() for i in (0, 1, 3)]
    assert not sentences[0]
    assert "all the days that there are" in sentences[1][-1]
    assert "the most that can be served" in sentences[2][-1]


def test_batches_are_loops_and_maps(limited):
    x = given_batch(*LIMITED)
    mapped = planned(x)
    for name, logs in zip(NUMBERS, mapped.logs, strict=True):
        np.testing.assert_allclose(np.exp(logs), getattr(limited, name), rtol=1e-12)
    of_one = jax.jit(lambda x: lts.plan(law(x), lifetime(x), loss=x["loss"]))
    for index in range(len(LIMITED)):
        one = of_one({name: value[index] for name, value in x.items()})
        for name in NUMBERS:
            assert float(getattr(one, name)) == pytest.approx(float(getattr(limited, name)[index]), rel=1e-12)


def test_new_numbers_compile_nothing(limited, caplog):
    assert limited.status.shape == (len(LIMITED),)
    x = given_batch(*reversed(LIMITED)) | {"loss": jnp.linspace(1.93, 1.97, len(LIMITED))}
    arguments = law(x), lifetime(x)
    with jax.log_compiles():
        again = lts.plan(*arguments, loss=x["loss"])
    assert not [record for record in caplog.records if "ompil" in record.getMessage()]
    assert again.status.shape == limited.status.shape


SMALL = {"chips": 1.0, "memory": 40e9}
BUDGETS = {  # change, budget, whether the days, the memory and the money are used up
    "money": ({}, 4e6, (False, False, True)),
    "money and days": ({"days": 1.6}, 4.2e6, (True, False, True)),
    "days": ({"days": 1.6}, 1e8, (True, False, False)),
    "money and memory": (SMALL, 5e6, (False, True, True)),
    "days and memory": (SMALL | {"days": 1.8}, 1e8, (True, True, False)),
    "days and memory, and nearly the money": (SMALL | {"days": 3.0}, 5e6, (True, True, False)),
    "days, at a bound": ({"days": 1.6, "most_params": 15e9}, 1e8, (True, False, False)),
    "money, for hardly any demand": ({"start": 1e6}, 1e6, (False, False, True)),
}


def budget_table() -> tuple[dict[str, jax.Array], jax.Array]:
    changes, budgets, _ = zip(*BUDGETS.values(), strict=True)
    return given_batch(*({"most_params": 1e15} | change for change in changes)), jnp.asarray(budgets)


def budget_plan(x, budget) -> lts.Plan:
    return lts.plan(law(x), lifetime(x), budget=budget, max_params=x["most_params"])


@pytest.fixture(scope="module")
def budgets() -> lts.Plan:
    return budget_plan(*budget_table())


def test_the_best_of_a_budget_and_a_deadline_is_brute_force(budgets):
    """On a fine grid of sizes, each trained for as long as money and days allow, no model is better."""
    assert budgets.status.tolist() == len(BUDGETS) * [Status.OK]
    x, budget = budget_table()
    worth = np.asarray(traffic(x).present_value(discount=x["discount"]))[:, None]
    params = np.exp(np.log(budgets.params)[:, None] + np.linspace(-3, 3, 20_001))
    of_each = {name: np.repeat(np.asarray(value), params.shape[1]) for name, value in x.items()}
    of_each["requests"] = np.repeat(np.asarray(requests(x)), params.shape[1])
    s = by_hand(of_each, params.ravel())
    serving_total = worth * spent(s, s["batch"], s["chips"]).reshape(params.shape)
    x = {name: np.asarray(value)[:, None] for name, value in x.items()}
    flops_per_token = 6 * params * (1 + x["recomputation"] / 3)
    chip_seconds = np.maximum(0, np.asarray(budget)[:, None] - serving_total) / (x["runs"] * x["price"]) * HOUR
    chip_seconds = np.minimum(chip_seconds, x["train_chips"] * x["days"] * DAY)
    tokens = chip_seconds * x["peak"] * x["mfu"] * x["goodput"] / flops_per_token
    allowed = (tokens > 0) & (params <= x["most_params"])
    allowed &= used(s, s["batch"], s["chips"]).reshape(params.shape) <= 1
    by_tokens = x["B"] / np.where(allowed, tokens, 1) ** x["beta"]
    least = np.where(allowed, x["E"] + x["A"] / params ** x["alpha"] + by_tokens, np.inf).min(axis=1)
    assert (budgets.loss <= least * (1 + 1e-12)).all()
    np.testing.assert_allclose(budgets.loss, least, rtol=2e-5)
    said = [np.asarray(budgets.warnings) & flag > 0 for flag in (Warnings.AT_DEADLINE, Warnings.AT_CAPACITY)]
    used_up = np.stack([*said, np.abs(budgets.total / budget - 1) < 1e-12], axis=1).tolist()
    assert dict(zip(BUDGETS, map(tuple, used_up), strict=True)) == {name: row[-1] for name, row in BUDGETS.items()}


def test_derivatives_of_the_best_of_a_budget_and_a_deadline():
    """Forward and in reverse, by the logarithm of every number, whichever of the two runs out first, or both."""
    x = given_batch({}, {"days": 1.6}, {"days": 1.6}) | {"budget": jnp.asarray([4e6, 4.2e6, 1e8])}
    direction = dict(zip(x, np.random.default_rng(1).normal(size=len(x)), strict=True))

    def logs(step):
        changed = {name: value * jnp.exp(step * direction[name]) for name, value in x.items()}
        chip = lts.Chip(changed["price"], bf16=changed["peak"])
        demand = lts.Demand(requests(changed), changed["prompt"], changed["output"])
        cost = training(changed) + lts.FixedUtilization(chip, demand=demand, prefill=0.4, decode=0.1)
        best = lts.plan(law(changed), cost, budget=changed["budget"])
        return jnp.log(jnp.stack([best.params, best.tokens, best.loss])), best.warnings

    @jax.jit
    def derivatives(step):
        values, forward, warnings = jax.linearize(logs, step, has_aux=True)
        (reverse,) = jax.linear_transpose(forward, step)(jnp.ones_like(values))
        return values, forward(jnp.ones_like(step)), reverse, warnings

    steps = np.multiply.outer([STEP, -STEP, 0], np.ones(3))
    (above, *_), (below, *_), (_, forward, reverse, bits) = map(derivatives, jnp.asarray(steps))
    assert [bool(one & Warnings.AT_DEADLINE) for one in bits.tolist()] == [False, True, True]
    np.testing.assert_allclose(forward, (above - below) / (2 * STEP), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(reverse, forward.sum(axis=0), rtol=1e-9)


def test_the_two_directions_are_inverse_under_limits(limited):
    x = given_batch(*({"most_params": 1e15} | LIMITED[i % len(LIMITED)] for i in range(len(BUDGETS))))
    back = budget_plan(x, limited.total[jnp.arange(len(BUDGETS)) % len(LIMITED)])
    assert back.status.tolist() == len(BUDGETS) * [Status.OK]
    np.testing.assert_allclose(back.loss, EVERYDAY["loss"], rtol=1e-12)
    np.testing.assert_allclose(back.params[: len(LIMITED)], limited.params, rtol=1e-6)


def test_float32_plans_are_float64_plans():
    """Of inputs rounded to float32 first."""
    rng = np.random.default_rng(8)
    scenarios = [
        EVERYDAY | KINDS["free"] | {"loss": loss, "start": start, "prompt": prompt, "most_chips": most}
        for loss, start, prompt, most in zip(
            rng.uniform(1.9, 2.2, 200),
            10 ** rng.uniform(6, 11, 200),
            10 ** rng.uniform(1, 5, 200),
            rng.choice([1.5, 8, 64], 200),
            strict=True,
        )
    ]
    single = {name: value.astype(jnp.float32) for name, value in table(scenarios).items()}
    double = planned({name: value.astype(float) for name, value in single.items()})
    best = lts.plan(law(single), lifetime(single), loss=single["loss"])
    assert best.params.dtype == jnp.float32
    assert (double.status == Status.OK).all()
    assert (best.status == double.status).all(), np.flatnonzero(best.status)
    for name, logs, most in zip(NUMBERS, double.logs, (1e-3, 1e-3, 1e-4), strict=True):
        error = np.abs(np.log(getattr(best, name)) - logs)
        assert error.max() < most, f"{name}: {error.max()} at {scenarios[int(np.argmax(error))]}"
