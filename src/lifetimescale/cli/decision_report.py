"""What `lifetimescale plan` says of a decision under uncertainty, beside the plan that ignores it."""

import functools
import math
from collections.abc import Callable
from typing import Any

from lifetimescale.cli.render import print_lines, print_table
from lifetimescale.units import format_cost, format_count, format_percent

SHARES = {"10%": 0.1, "50%": 0.5, "90%": 0.9}
TAIL = "cvar:0.9"
SIZES = ("params", "tokens")
READINGS = ("expected_cost", "expected_regret", "expected_overpay", "worst_regret", "reached", "expected_miss")
GROUPS = 8  # of draws, within one of which the demand would be known to lie


def report_of(
    choice: Any, ignoring: Any, demand: Any | None, asked: dict[str, Any], warnings: list[str]
) -> dict[str, Any]:
    """A decision as `--json` has it.

    Args:
        choice: the decision.
        ignoring: the plan in the middle.
        demand: one of every draw, where it is uncertain.
        asked: what was asked for.
        warnings: what to know of the draws.
    """
    import lifetimescale as lts

    futures = choice.futures
    readings, costs, plans, missing, seen = _reader()(choice, ignoring)
    chosen, other = ({name: float(readings[name][place]) for name in (*READINGS, "cvar")} for place in (0, 1))
    if missing:
        warnings = [*warnings, f"In {int(missing)} of {asked['draws']} draws no model reaches the loss."]
    report, ignored = ({name: float(getattr(one, name)) for name in SIZES} for one in (choice, ignoring))
    report |= {"tokens_per_param": report["tokens"] / report["params"], "unit": choice.unit, **asked, "status": "ok"}
    return report | {
        **chosen,
        "cost_quantiles": _by_share(costs),
        "plan_quantiles": {name: _by_share(values) for name, values in plans.items()},
        "shortfall": _shortfall(futures),
        "ignoring": ignored | other,
        "ignoring_costs": other["expected_cost"] - chosen["expected_cost"],
        "knowing_demand": _knowing(futures, demand) if demand is not None and asked["quality"] is None else None,
        "warnings": warnings + (seen.messages() if seen.status == lts.Status.OK else []),
    }


@functools.cache
def _reader():
    """One compiled program for all that is said of a decision but what it would be worth to know."""
    import jax
    import jax.numpy as jnp

    import lifetimescale as lts

    @jax.jit
    def read(choice, ignoring):
        futures, shares = choice.futures, jnp.asarray([*SHARES.values()])
        pair = {name: jnp.stack([getattr(choice, name), getattr(ignoring, name)]) for name in SIZES}
        models = lts.judge(futures, **pair)
        readings = {name: getattr(models, name) for name in READINGS} | {"cvar": models.risk(TAIL)}
        known = lts.plan(futures.law, futures.cost, loss=futures.loss)
        plans = {name: jnp.nanquantile(getattr(known, name), shares) for name in pair}
        missing = jnp.sum(known.status != lts.Status.OK)
        seen = lts.price(ignoring.law, ignoring.cost, params=choice.params, tokens=choice.tokens)
        return readings, choice.quantiles(shares), plans, missing, seen

    return read


def _by_share(values: Any) -> dict[str, float]:
    return {share: float(value) for share, value in zip(SHARES, values, strict=True)}


def _shortfall(futures: Any) -> dict[str, float | None] | None:
    priced = futures.shortfall
    if priced is None:
        return None
    return {"price": float(priced.price), "overhead": None if priced.overhead is None else float(priced.overhead)}


def _knowing(futures: Any, demand: Any) -> float | None:
    """What it would be worth to know the demand; by as many of the draws as divide, None where they are too few."""
    import jax

    import lifetimescale as lts

    most = len(demand) - len(demand) % GROUPS
    if most < 2 * GROUPS:
        return None
    if most < len(demand):
        futures = jax.tree.map(lambda leaf: leaf[:most] if leaf.ndim else leaf, futures)
    return float(lts.value_of_knowing(futures, demand[:most], groups=GROUPS).value)


def print_decision(report: dict[str, Any]) -> None:
    """One decision beside the plan that ignores the uncertainty, what it rests on, and what knowledge is worth."""
    print_lines([_sentence(report), ""])
    pair, cost = (report, report["ignoring"]), functools.partial(format_cost, unit=report["unit"])
    rows = [
        ("params", "params", format_count),
        ("training tokens", "tokens", format_count),
        ("expected cost", "expected_cost", cost),
        ("worst tenth (cvar 0.9)", "cvar", cost),
        ("expected regret", "expected_regret", cost),
        ("worst regret", "worst_regret", format_percent),
        ("reached", "reached", format_percent),
    ]
    table = [[title, *(_shown(one[name], words) for one in pair)] for title, name, words in rows]
    title = f"law: {report['law']}; {report['draws']} draws"
    print_table(title, ["", "decision", "plan that ignores it"], table)
    print_lines(["", _ignoring(report), *_knowing_demand(report), _if_known(report), *_priced(report)])
    print_lines(report["warnings"])


def _shown(value: float, words: Callable[[float], str]) -> str:
    return words(value) if math.isfinite(value) else "-"


def _cost(report: dict[str, Any], value: float) -> str:
    return _shown(value, functools.partial(format_cost, unit=report["unit"]))


def _sentence(report: dict[str, Any]) -> str:
    """What to do, in one line."""
    priced = report["shortfall"]
    longer = "" if priced is None or priced["overhead"] is None else ", and longer if the loss is not reached then"
    return (
        f"Train {format_count(report['params'])} params on {format_count(report['tokens'])} tokens{longer}: "
        f"{_cost(report, report['expected_cost'])} on average, {_cost(report, report['expected_regret'])} of it regret."
    )


def _ignoring(report: dict[str, Any]) -> str:
    more, cost = report["ignoring_costs"], report["expected_cost"]
    planned = "The plan of the law itself and the mean of all else costs"
    if not math.isfinite(more) or abs(more) < 1e-9 * cost:
        return f"{planned} {'the same on average' if math.isfinite(more) else 'no finite sum: it may miss the loss'}."
    return (
        f"{planned} {_cost(report, abs(more))} ({format_percent(abs(more) / cost)}) {'more' if more > 0 else 'less'} "
        "on average."
    )


def _knowing_demand(report: dict[str, Any]) -> list[str]:
    value = report["knowing_demand"]
    if value is None:
        return []
    worth = _cost(report, value)
    return [f"To know in which eighth of its draws the demand will lie would be worth {worth} on average."]


def _if_known(report: dict[str, Any]) -> str:
    low, high = (
        [_shown(values[share], format_count) for values in report["plan_quantiles"].values()]
        for share in ("10%", "90%")
    )
    return (
        f"If all were known, 80 % of the plans would have {low[0]} to {high[0]} params and {low[1]} to {high[1]} "
        "training tokens."
    )


def _priced(report: dict[str, Any]) -> list[str]:
    """What a miss is taken to cost."""
    if report["shortfall"] is None:
        return []
    price, overhead = report["shortfall"]["price"], report["shortfall"]["overhead"]
    longer = "the model cannot be trained longer"
    if overhead is not None:
        longer = f"training longer than planned costs {format_percent(overhead)} more"
    return [f"A nat of loss above the target is taken to cost {_cost(report, price)}, and {longer}."]
