"""Why there is no plan, and the number that would make one."""

import functools
import math
from typing import Any

from lifetimescale.cli.design import format_design
from lifetimescale.cli.options import InputError, NoPlanError, out_of_reach
from lifetimescale.units import format_cost, format_count


def no_plan(best, name: str, limits: dict[str, float | None]) -> Exception:
    """The exception for a plan that does not exist, with the number that would make it exist."""
    import lifetimescale as lts

    problem, status = best.problem, lts.Status(int(best.status))
    if wrong := meaningless(problem.law, problem.design, name):
        return wrong
    if problem.budget is not None and (small := _too_small(best)):
        return NoPlanError(small)
    if problem.loss is not None and (unreachable := _unreachable(problem, name, limits, status)):
        return unreachable
    return (InputError if status == lts.Status.INVALID else NoPlanError)(status.advice)


def _unreachable(problem, name: str, limits: dict[str, float | None], status) -> NoPlanError | None:
    """The exception for a loss that the law does not fall to, or does where the cost has no models."""
    import lifetimescale as lts
    from lifetimescale.cli.lowest import lowest, sizes_of

    loss, law = float(problem.loss), problem.law
    floor = lowest(law, sizes_of(law, problem), problem.design)
    limited = problem.cost.has_deadline or problem.cost.has_capacity
    judged = problem.design or status != lts.Status.INVALID
    if (floor.value >= loss and judged) or (status == lts.Status.UNREACHABLE and not limited):
        bounded = problem.params is not None or any(limits.values())
        where = "within these bounds" if bounded else _fitted(law) if law.is_confined else "at best"
        return out_of_reach(loss, name, f"{floor.value:.6g} {where}{_with(floor.design)}")
    if status == lts.Status.UNREACHABLE:
        return NoPlanError(_beyond_limits(problem, name) or _UNMET.format(loss=loss))
    return None


def _fitted(law) -> str:
    """The sizes and tokens that a law is confined to, in words."""
    ends = law.fitted.params + law.fitted.tokens
    least_params, most_params, least_tokens, most_tokens = (format_count(float(end)) for end in ends)
    return (
        f"within the {least_params} to {most_params} params and {least_tokens} to {most_tokens} tokens that it was "
        "fitted on"
    )


_UNMET = (
    "no model of a loss of {loss:.6g} keeps within the training time, the memory and the latencies that there are: ask "
    "for a higher loss, or give more of them"
)


def _with(design: dict[str, float]) -> str:
    return f" with {format_design(design)}" if design else ""


def meaningless(law, design: dict[str, Any], name: str) -> InputError | None:
    """The exception for a design at which a law has no loss anywhere."""
    from lifetimescale.cli.lowest import USUAL, lowest

    there = lowest(law, USUAL, design) if design else None
    if there is None or math.isfinite(there.value):
        return None
    return InputError(f"{name} has no loss{_with(there.design)}: give values {_usual(law)}")


def _usual(law) -> str:
    """Near where the design variables of a law lie unless it is told, in words."""
    from lifetimescale.design import OneOf

    ends = {
        name: choice.choices if isinstance(choice, OneOf) else (choice.least, choice.most)
        for name, choice in law.variables.items()
    }
    ranges = {name: (float(values[0]), float(values[-1])) for name, values in ends.items()}
    words = [f"{name} {low:g} to {high:g}" for name, (low, high) in ranges.items() if math.isfinite(high)]
    return f"like {', '.join(words)}" if words else "above 0"


def _too_small(best) -> str | None:
    """What the least model costs, where that is more than the budget."""
    from lifetimescale.cli.lowest import lowest, sizes_of

    problem = best.problem
    least = lowest(problem.cost, sizes_of(problem.cost, problem), problem.design)
    if not least.value > problem.budget:
        return None
    budget, cost = (format_cost(value, best.unit) for value in (float(problem.budget), least.value))
    return f"a budget of {budget} is too small: the least model allowed costs {cost}{_with(least.design)}, so give more"


def _beyond_limits(problem, law_name: str) -> str | None:
    """What would have to give way, where a deadline or the chips leave no model of a loss, if the design is known."""
    import lifetimescale as lts
    from lifetimescale.design import Between, OneOf, Same

    if any(isinstance(choice, Between | OneOf | Same) for choice in problem.design.values()):
        return None
    known = problem.at(problem.design)
    law, cost, loss = known.law, known.cost, float(known.loss)
    quickest = lts.compute_optimal(law, loss=loss)
    if quickest.status != lts.Status.OK:
        return None
    used = _used(cost, float(quickest.params), float(quickest.tokens))
    if used["time"] > 1:
        return (
            f"a loss of {loss:.6g} takes {used['time']:.3g} times the training time that there is, for the "
            f"compute-optimal {format_count(float(quickest.params))} params: give so many times the --train-chips or "
            "--train-time, or ask for a higher loss"
        )
    if law.turns:
        return None
    largest = _largest(cost)
    if largest is None:
        return "no model at all can be served within these limits: " + _WIDEN
    floor = float(law(largest, 1e300))
    if floor >= loss:
        return (
            f"a loss of {loss:.6g} is out of reach of what can be served: the largest model that can has "
            f"{format_count(largest)} params, and {law_name} falls to {floor:.6g} there: ask for more, or {_WIDEN}"
        )
    return None


_WIDEN = (
    "give more --chips or --most-chips, a chip with more memory, a shorter --prompt, or longer --time-per-token or "
    "--time-to-first-token"
)


def refusal(plan, cost, params, tokens) -> str:
    """Why a given model has no price."""
    used = _used(cost, float(params), float(tokens))
    for limit, words in (("time", "the training time that there is"), ("capacity", "what can be served")):
        if used[limit] > 1:
            return (
                f"{format_count(float(params))} params on {format_count(float(tokens))} tokens are beyond {words} "
                f"({used[limit]:.3g} times the tightest limit): "
                + ("give more --train-chips or --train-time" if limit == "time" else _WIDEN)
            )
    import lifetimescale as lts

    return lts.Status(int(plan.status)).advice


def _used(cost, params: float, tokens: float) -> dict[str, float]:
    import jax.numpy as jnp

    limits = _limits()(cost, jnp.asarray(params), jnp.asarray(tokens))
    return {"time": float(jnp.exp(limits.time)), "capacity": float(jnp.exp(limits.capacity))}


def _largest(cost) -> float | None:
    """The most params that can be served, to three digits; None if a million are too many."""
    low, high = 1e6, 1e18
    if _used(cost, low, 1.0)["capacity"] > 1:
        return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if _used(cost, middle, 1.0)["capacity"] > 1 else (middle, high)
    return low


@functools.cache
def _limits():
    import jax

    return jax.jit(lambda cost, params, tokens: cost.limits(params, tokens))
