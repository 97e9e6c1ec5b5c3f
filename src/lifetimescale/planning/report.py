"""Plans in words: one for a single plan, a summary for a batch."""

from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.core import Tracer

from lifetimescale.costs import Curvature
from lifetimescale.design import Between
from lifetimescale.status import Status, Warnings
from lifetimescale.units import format_cost, format_count, format_percent

if TYPE_CHECKING:
    from lifetimescale.planning.alternatives import Cheapest
    from lifetimescale.planning.plan import Plan


SAME = 1e-7  # a saving that is rounding
_AT_LIMIT = {
    Warnings.AT_DEADLINE: "Training takes all the days that there are: with more of them, or more chips, the plan "
    "would be cheaper or better.",
    Warnings.AT_CAPACITY: "The params are the most that can be served: with more memory or chips, or slower answers, "
    "the plan would be cheaper or better.",
}


def describe(plan: "Plan") -> str:
    """What `print(plan)` shows."""
    if isinstance(plan.params, Tracer):
        return f"Plan(params={plan.params}, tokens={plan.tokens})"
    if plan.params.ndim:
        return _describe_batch(plan)
    if plan.status != Status.OK:
        return " ".join(messages(plan))
    return "\n".join([_describe_one(plan), *messages(plan)])


def messages(plan: "Plan") -> list[str]:
    """The advice on a single plan, a sentence each."""
    if plan.status != Status.OK:
        return [Status(int(plan.status)).advice]
    fitted, warnings = plan.law.fitted, Warnings(int(plan.warnings))
    params, tokens = float(plan.params), float(plan.tokens)
    ranges = [
        (Warnings.PARAMS_OUTSIDE, "params", params, fitted.params),
        (Warnings.TOKENS_OUTSIDE, "training tokens", tokens, fitted.tokens),
        (Warnings.RATIO_OUTSIDE, "tokens per param", tokens / params, fitted.tokens_per_param),
    ]
    sentences = [_outside(name, value, *range_) for flag, name, value, range_ in ranges if flag in warnings]
    bounds = [(Warnings.PARAMS_AT_BOUND, "params are"), (Warnings.TOKENS_AT_BOUND, "training tokens are")]
    sentences += _of_design(plan, warnings)
    sentences += [
        f"The {name} at their bound: without it the plan would be cheaper or better."
        for flag, name in bounds
        if flag in warnings
    ]
    return sentences + [sentence for flag, sentence in _AT_LIMIT.items() if flag in warnings]


def describe_alternatives(alternatives: "Cheapest") -> str:
    """What `print(cheapest(plans))` shows."""
    if isinstance(alternatives.params, Tracer):
        return f"Cheapest(of={alternatives.names}, params={alternatives.params})"
    if alternatives.params.ndim:
        names, counts = alternatives.names, np.bincount(np.asarray(alternatives.choice).ravel())
        wins = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=False) if count)
        return f"{alternatives.params.size:,} choices of shape {alternatives.params.shape}: {wins}"
    ok = [name for name, plan in alternatives.plans.items() if plan.status == Status.OK]
    lines = [f"{name}: {describe(plan)}" for name, plan in alternatives.plans.items()]
    return "\n".join([f"{alternatives.name} is the best of {len(lines)} alternatives." if ok else "No plan.", *lines])


def guarantee(plan: "Plan") -> str:
    """What the classes of law and cost promise of the plan."""
    searched = [name for name, choice in plan.problem.design.items() if isinstance(choice, Between)]
    if searched:
        return (
            f"This is the least that a grid of {' and '.join(searched)} leads down to, and maybe not the only optimum: "
            "compare it with plans of narrower ranges."
        )
    claims = {
        f"the cost {type(plan.cost).__name__}": plan.cost.curvature > Curvature.UNKNOWN,
        f"the law {type(plan.problem.law).__name__}": plan.law.convex_levels,
    }
    silent = [name for name, claimed in claims.items() if not claimed]
    if not silent:
        return (
            "This is the only optimum: the cost and the level sets of the law are convex in the logarithms of params "
            "and tokens."
        )
    claim = "makes no claim" if len(silent) == 1 else "make no claim"
    return (
        f"This is an optimum, and maybe not the only one: {' and '.join(silent)} {claim} to be convex in the "
        "logarithms of params and tokens, so compare it with plans under bounds."
    )


def _outside(name: str, value: float, low: jax.Array, high: jax.Array) -> str:
    return f"{format_count(value)} {name} are {_beyond(value, float(low), float(high))}: the law is extrapolated."


def _beyond(value: float, low: float, high: float) -> str:
    """By how much a value is outside the range of a law, in words."""
    above = value > high
    end = high if above else low
    size = f"{value / end:.3g} times the most" if above else f"1/{end / value:.3g} of the least"
    return f"{size} that the law was fitted on ({format_count(end)})"


def _of_design(plan: "Plan", warnings: Warnings) -> list[str]:
    """What to know of the design variables, a sentence each."""
    fitted, asked = plan.law.fitted.design, plan.problem.design
    values = {name: float(value) for name, value in plan.design.items()}
    sentences = []
    for name, value in values.items():
        low, high = (float(end) for end in fitted.get(name, (-np.inf, np.inf)))
        if Warnings.DESIGN_OUTSIDE in warnings and not low <= value <= high:
            sentences.append(f"{name} = {value:.4g} is {_beyond(value, low, high)}: the law is extrapolated.")
        choice = asked[name]
        if isinstance(choice, Between) and value in (float(choice.least), float(choice.most)):
            sentences.append(
                f"{name} = {value:.4g} is at the end of its range: beyond it the plan would be cheaper or better."
            )
    return sentences


def _describe_one(plan: "Plan") -> str:
    baseline, saving = plan.baseline, float(plan.saving)
    design = "".join(f"{name} {float(value):.4g}, " for name, value in plan.design.items())
    line = (
        f"{format_count(float(plan.params))} params, {format_count(float(plan.tokens))} tokens "
        f"({float(plan.tokens_per_param):.4g} per param), {design}loss {float(plan.loss):.5g}, "
        f"{format_cost(float(plan.total), plan.unit)}"
    )
    if not np.isfinite(saving):
        return line
    if abs(saving) < SAME:
        return f"{line}, the compute-optimal model itself"
    direction = "less" if saving >= 0 else "more"
    return (
        f"{line}, {format_percent(abs(saving))} {direction} than the compute-optimal "
        f"{format_count(float(baseline.params))} params on {format_count(float(baseline.tokens))} tokens"
    )


def _describe_batch(plan: "Plan") -> str:
    statuses, counts = np.unique(np.asarray(plan.status), return_counts=True)
    outcome = ", ".join(f"{count:,} {Status(int(code)).label}" for code, count in zip(statuses, counts, strict=True))
    line = f"{plan.params.size:,} plans of shape {plan.params.shape}: {outcome}"
    params, tokens = np.asarray(plan.params), np.asarray(plan.tokens)
    if not np.isfinite(params).any():
        return line
    return f"{line}; params {_span(params)}, tokens {_span(tokens)}"


def _span(values: np.ndarray) -> str:
    return f"{format_count(np.nanmin(values))} to {format_count(np.nanmax(values))}"
