"""Plans in words: one for a single plan, a summary for a batch."""

from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.core import Tracer

from lifetimescale.status import Status, Warnings
from lifetimescale.units import format_cost, format_count, format_percent

if TYPE_CHECKING:
    from lifetimescale.planning.plan import Plan


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
    return sentences + [
        f"The {name} at their bound: without it the plan would be cheaper or better."
        for flag, name in bounds
        if flag in warnings
    ]


def _outside(name: str, value: float, low: jax.Array, high: jax.Array) -> str:
    above = value > float(high)
    end = float(high) if above else float(low)
    size = f"{value / end:.3g} times the most" if above else f"1/{end / value:.3g} of the least"
    return (
        f"{format_count(value)} {name} are {size} that the law was fitted on ({format_count(end)}): "
        "the law is extrapolated."
    )


def _describe_one(plan: "Plan") -> str:
    baseline, saving = plan.baseline, float(plan.saving)
    line = (
        f"{format_count(float(plan.params))} params, {format_count(float(plan.tokens))} tokens "
        f"({float(plan.tokens_per_param):.4g} per param), loss {float(plan.loss):.5g}, "
        f"{format_cost(float(plan.total), plan.unit)}"
    )
    if not np.isfinite(saving):
        return line
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
