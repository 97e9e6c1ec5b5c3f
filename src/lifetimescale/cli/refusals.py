"""Why there is no plan, and the number that would make one."""

import functools

from lifetimescale.cli.options import InputError, NoPlanError, out_of_reach
from lifetimescale.units import format_cost, format_count


def no_plan(best, name: str, limits: dict[str, float | None]) -> Exception:
    """The exception for a plan that does not exist, with the number that would make it exist."""
    import lifetimescale as lts

    problem, status = best.problem, lts.Status(int(best.status))
    if status != lts.Status.UNREACHABLE:
        return (InputError if status == lts.Status.INVALID else NoPlanError)(status.advice)
    if problem.loss is not None and (limited := _beyond_limits(best, name)):
        return NoPlanError(limited)
    if problem.loss is not None:
        most_params = problem.params if problem.params is not None else limits["max_params"] or 1e300
        floor = float(best.law(most_params, limits["max_tokens"] or 1e300))
        where = "within these bounds" if problem.params is not None or any(limits.values()) else "at best"
        return out_of_reach(float(problem.loss), name, f"{floor:.6g} {where}")
    least_params = problem.params if problem.params is not None else limits["min_params"] or 0.0
    floor = float(best.cost(least_params, limits["min_tokens"] or 0.0))
    budget, least = (format_cost(value, best.unit) for value in (float(problem.budget), floor))
    return NoPlanError(f"a budget of {budget} is too small: the least model allowed costs {least}, so give more")


def _beyond_limits(best, law_name: str) -> str | None:
    """What would have to give way, where a deadline or the chips leave no model of a loss."""
    import lifetimescale as lts

    loss = float(best.problem.loss)
    quickest = lts.compute_optimal(best.law, loss=loss)
    if quickest.status != lts.Status.OK:
        return None
    used = _used(best.cost, float(quickest.params), float(quickest.tokens))
    if used["time"] > 1:
        return (
            f"a loss of {loss:.6g} takes {used['time']:.3g} times the training time that there is, for the "
            f"compute-optimal {format_count(float(quickest.params))} params: give so many times the --train-chips or "
            "--train-time, or ask for a higher loss"
        )
    largest = _largest(best.cost)
    if largest is None:
        return "no model at all can be served within these limits: " + _WIDEN
    floor = float(best.law(largest, 1e300))
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
