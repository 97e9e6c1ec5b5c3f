"""A decision in words."""

import math
from typing import TYPE_CHECKING

from lifetimescale.status import Status
from lifetimescale.units import format_cost, format_count, format_percent

if TYPE_CHECKING:
    from lifetimescale.uncertainty.decision import Decision


def describe(decision: "Decision") -> str:
    """Two sentences on a single decision, its shape where there are many."""
    if decision.params.ndim:
        return f"{decision.params.size} decisions of shape {decision.params.shape}"
    status = Status(int(decision.status))
    if status != Status.OK:
        return status.advice
    unit, reached = decision.unit, format_percent(float(decision.reached))
    model = f"{format_count(float(decision.params))} params, {format_count(float(decision.tokens))} tokens"
    quality = f"The planned tokens reach the loss with a probability of {reached}"
    if not math.isfinite(float(decision.expected_cost)):
        spent = format_cost(float(decision.expected_spending), unit)
        return f"{model}: {spent} on average, and a miss has no price\n{quality}."
    cost, regret = (format_cost(float(x), unit) for x in (decision.expected_cost, decision.expected_regret))
    worst = format_percent(float(decision.worst_regret))
    return f"{model}: {cost} on average, {regret} of it regret\n{quality}; at worst it costs {worst} too much."
