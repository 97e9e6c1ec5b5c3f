"""From a law, a cost and a target to a plan as the commands report it."""

import functools
from typing import Any

from lifetimescale.cli.design import NamedLaw
from lifetimescale.cli.options import TargetOptions
from lifetimescale.cli.plan_report import described, numbers
from lifetimescale.cli.refusals import no_plan


def planned(named: NamedLaw, cost: Any, target: TargetOptions, *, near: bool) -> dict[str, Any]:
    """The plan as `plan --json` has it, with its near-optimal range if asked for."""
    import jax

    import lifetimescale as lts

    (law, name, design), limits = named, target.limits()
    if target.like is not None:
        named.check_numbers("the loss that --like asks for", "--loss 2.0, or ")
        named.check_within("--like: a model", target.like)
    ends = near and target.params is None
    asked = (target.like, target.loss, target.budget, target.params, limits)
    plans, values, saving = _solver(ends)(law, cost, design, *asked)
    best = plans["plan"]
    if best.status != lts.Status.OK:
        raise no_plan(best, name, limits)
    reports = {key: described(plan, jax.tree.map(float, values[key])) for key, plan in plans.items()}
    report = reports.pop("plan")
    report |= {"baseline": reports.pop("baseline"), "saving": float(saving), "law": name, "guarantee": best.guarantee}
    report |= {"design": {key: float(best.design[key]) for key in law.variables}} if best.design else {}
    return report | ({"near": reports} if reports else {})


@functools.cache
def _solver(ends: bool):
    """One compiled program for the plan and all that is said of it."""
    import jax

    import lifetimescale as lts

    @jax.jit
    def solve(law, cost, design, like, loss, budget, params, limits):
        target = lts.compute_optimal(law, params=like, design=design).loss if like is not None else loss
        best = lts.plan(law, cost, loss=target, budget=budget, params=params, design=design, **limits)
        plans = {"plan": best, "baseline": best.baseline}
        if ends:
            near = best.near(0.01)
            plans |= {"smallest": near.smallest, "largest": near.largest}
        return plans, {name: numbers(plan) for name, plan in plans.items()}, best.saving

    return solve
