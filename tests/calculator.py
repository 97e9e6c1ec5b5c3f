"""Scenarios of the calculator page, and what the library says to them."""

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import py_mini_racer

import lifetimescale as lts
from lifetimescale.batch import elementwise
from lifetimescale.page.assembling import SCRIPTS, part
from lifetimescale.page.facts import facts

COEFFICIENTS = ("E", "A", "B", "alpha", "beta", "gamma")
ROUNDING = 1e-12
"""Relative; measured: 6e-14, in savings too, which are compared to themselves however small they are."""
NEAR = {1e18: 1e-11, 1e100: 4e-10}
"""Relative, of the ends of the near-optimal range, which move much more than the cost that defines them, by the
greatest demand; measured: 2e-12 up to 1e18 tokens and 8e-11 up to 1e100, where training costs next to nothing."""
NUMBERS = ("params", "tokens", "training", "serving", "total")


def golden_laws() -> list[dict[str, float]]:
    """The coefficients of the laws of the page."""
    return [{name: law[name] for name in COEFFICIENTS} for law in facts()["laws"].values()]


@functools.cache
def golden(least: float = 1.0, most: float = 1e18):
    """Scenarios of every law, in FLOPs and dollars, at any demand and loss, and the numbers of their plans."""
    rng = np.random.default_rng(20240131)
    laws = golden_laws() * 36
    size = len(laws)
    columns = {name: np.array([law[name] for law in laws]) for name in COEFFICIENTS}
    excess = np.exp(rng.uniform(np.log(1e-6), np.log(4), size))  # from just above E to far
    losses = columns["E"] + excess
    tokens = np.where(rng.random(size) < 0.05, 0.0, np.exp(rng.uniform(np.log(least), np.log(most), size)))
    lives = _lives(rng, tokens)
    law = lts.Coupled(**{name: jnp.asarray(values) for name, values in columns.items()})
    plans = [lts.plan(law, cost, loss=losses) for cost in (lts.Flops(tokens), _dollars(lives))]
    rates = [jax.jit(lambda cost: elementwise(lambda one: one.rates(), cost))(plan.cost) for plan in plans]
    scenarios = [
        {"law": one, "loss": float(loss), "rates": {"training": float(k_t), "serving": float(k_i)}}
        for rate in rates
        for one, loss, k_t, k_i in zip(laws, losses, rate.training, rate.serving, strict=True)
    ]
    return scenarios, [one for plan in plans for one in _numbers(plan)]


def _lives(rng, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Chips, prices, utilisations and requests."""
    size = len(tokens)
    prompt, output = rng.integers(1, 4000, size).astype(float), rng.integers(1, 1000, size).astype(float)
    spans = {"peak": (1e14, 1e16), "price": (0.1, 10), "use": (0.005, 1)}
    names = {"train_peak": "peak", "train_price": "price", "mfu": "use", "serve_peak": "peak", "serve_price": "price",
             "prefill": "use", "decode": "use"}  # fmt: skip
    drawn = {name: np.exp(rng.uniform(*np.log(spans[span]), size)) for name, span in names.items()}
    return drawn | {"requests": tokens / (prompt + output), "prompt": prompt, "output": output}


def _dollars(lives: dict[str, np.ndarray]) -> lts.AbstractCost:
    train, serve = (lts.Chip(lives[f"{side}_price"], bf16=lives[f"{side}_peak"]) for side in ("train", "serve"))
    demand = lts.Demand(lives["requests"], lives["prompt"], lives["output"])
    serving = lts.FixedUtilization(
        serve, precision="bf16", demand=demand, prefill=lives["prefill"], decode=lives["decode"]
    )
    return lts.Training(train, mfu=lives["mfu"]) + serving


def _numbers(plan: lts.Plan) -> list[dict]:
    """The numbers of a batch of plans, one dict each, as the kernel has them."""
    near = plan.near(0.01)
    models = {"twin": plan.baseline, "smallest": near.smallest, "largest": near.largest}
    ends = {f"{side}_{name}": getattr(models[side], name)
            for side in ("smallest", "largest") for name in ("params", "tokens")}  # fmt: skip
    twin = {f"twin_{name}": getattr(models["twin"], name) for name in NUMBERS}
    columns = {**{name: getattr(plan, name) for name in NUMBERS}, **twin, **ends, "saving": plan.saving}
    assert not np.asarray(plan.status).any()
    rows = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def flat(plan: dict) -> dict[str, float]:
    """A plan of the kernel, by the names of `golden`."""
    near = {f"{side}_{name}": end[name] for side, end in plan["near"].items() for name in ("params", "tokens")}
    twin = {f"twin_{name}": plan["twin"][name] for name in NUMBERS}
    return {**{name: plan[name] for name in NUMBERS}, **twin, **near, "saving": plan["saving"]}


def relative_error(plans: list[dict], expected: list[dict], most: float = 1e18) -> dict[str, float]:
    """The greatest relative error of each number that is off by more than rounding."""
    worst: dict[str, float] = {}
    for ours, theirs in zip(map(flat, plans), expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            error = abs(ours[name] - value) / abs(value) if value else abs(ours[name])
            bound = NEAR[most] if "est_" in name else ROUNDING
            if not error <= bound:
                worst[name] = max(worst.get(name, 0.0), error)
    return worst


class Engine:
    """V8 with the part of the page that knows nothing of a page."""

    def __init__(self):
        self.racer = py_mini_racer.MiniRacer()
        self.racer.eval("".join(part(name) for name in SCRIPTS[:5]))
        self.racer.eval(f"const data = {json.dumps(facts())}; {ASKING}")

    def __call__(self, script: str, *arguments: Any) -> Any:
        """What an expression, or a function of JSON arguments, comes to."""
        call = f"({script})({', '.join(map(json.dumps, arguments))})" if arguments else f"({script})"
        return json.loads(self.racer.eval(f"JSON.stringify({call} ?? null)"))

    def answer(self, hash: str) -> dict[str, Any]:
        """All that the page says to an address."""
        return self("answer", hash)


ASKING = """
    const attempt = (act) => { try { return { value: act() }; } catch (error) {
        if (!(error instanceof Numbers.Refusal)) throw error;
        return { refused: error.message }; } };
    const solve = (hash) => {
        const { fields } = Model.fromAddress(hash, data);
        return { fields, solved: Model.solve(fields, data) }; };
    const answer = (hash) => {
        const { fields, solved } = solve(hash);
        if (!solved.plan) return solved;
        return { ...solved, sentence: Words.sentence(solved), table: Words.table(solved),
            lines: [Words.nearLine(solved), Words.spendLine(solved)], warnings: Words.warnings(solved),
            command: Commands.command(fields, solved), python: Commands.python(fields, solved) }; };
"""
