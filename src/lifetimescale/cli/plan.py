"""`lifetimescale plan`."""

from typing import Any

from lifetimescale.cli.inputs import build_cost, build_law, load_score_map, start
from lifetimescale.cli.options import (
    CostOptions,
    InputError,
    Json,
    LawOptions,
    NoPlanError,
    Number,
    Positive,
    given,
    out_of_reach,
)
from lifetimescale.cli.render import print_json, print_lines, print_table
from lifetimescale.units import format_cost, format_count, format_percent


def plan(
    *,
    like: Positive | None = None,
    loss: Positive | None = None,
    budget: Positive | None = None,
    score: Number | None = None,
    score_map: str | None = None,
    params: Positive | None = None,
    min_params: Positive | None = None,
    max_params: Positive | None = None,
    min_tokens: Positive | None = None,
    max_tokens: Positive | None = None,
    law: LawOptions = LawOptions(),
    cost: CostOptions = CostOptions(),
    json: Json = False,
) -> None:
    """The cheapest model of a loss, or the best model of a budget, over training and a life of serving.

    lifetimescale plan --like 13B --inference-tokens 2T

    Args:
        like: As good as the compute-optimal model of this many params.
        loss: Target loss, in the unit of the law.
        budget: Target lifetime cost, in dollars or in FLOP as the cost says.
        score: Target benchmark score, by a map from loss to score.
        score_map: The map: a file that `lifetimescale fit --save-score-map` wrote.
        params: The size is given: how long to train it.
        min_params: Least params allowed.
        max_params: Most params allowed, by memory say.
        min_tokens: Fewest training tokens allowed.
        max_tokens: Most training tokens allowed, by the data there are.
        json: Print one JSON object.
    """
    targets = given(like=like, loss=loss, budget=budget, score=score)
    if len(targets) != 1:
        raise InputError("give exactly one target: --like 13B, --loss 2.0, --budget 1e6 or --score 0.3")
    if (score is None) != (score_map is None):
        raise InputError("--score 0.3 and --score-map map.json go together: give both")
    limits = {"min_params": min_params, "max_params": max_params, "min_tokens": min_tokens, "max_tokens": max_tokens}
    _check_limits(params, limits)
    start()
    loss = loss if score is None or score_map is None else _loss_of(score, score_map)
    report = _report(*build_law(law), build_cost(cost), like, loss, budget, params, limits)
    report |= {} if score is None else {"score": score}
    if json:
        print_json(report)
    else:
        _print(report)


def _loss_of(score: float, path: str) -> float:
    """The loss of a score, by a map."""
    score_map = load_score_map(path)
    loss = float(score_map.loss_for(score))
    if not loss > 0:
        ends = sorted(float(score_map(loss)) for loss in (1e-9, 1e9))
        raise NoPlanError(
            f"a score of {score:g} is out of reach: {path} has scores from {ends[0]:.4g} to {ends[1]:.4g}"
        )
    return loss


def _check_limits(params: float | None, limits: dict[str, float | None]) -> None:
    if params is not None and given(**limits):
        raise InputError(f"--params gives the size, so {next(iter(given(**limits)))} has nothing to bound: drop one")
    for name in ("params", "tokens"):
        least, most = limits[f"min_{name}"], limits[f"max_{name}"]
        if least is not None and most is not None and least > most:
            raise InputError(f"--min-{name} is above --max-{name}: swap them")


def _report(law, name: str, cost, like, loss, budget, params, limits) -> dict[str, Any]:
    import jax

    import lifetimescale as lts

    @jax.jit
    def solve(law, cost, like, loss, budget, params, limits):
        target = lts.compute_optimal(law, params=like).loss if like is not None else loss
        best = lts.plan(law, cost, loss=target, budget=budget, params=params, **limits)
        plans = {"plan": best, "baseline": best.baseline}
        if params is None:
            near = best.near(0.01)
            plans |= {"smallest": near.smallest, "largest": near.largest}
        return plans, {name: numbers(plan) for name, plan in plans.items()}, best.saving

    plans, values, saving = solve(law, cost, like, loss, budget, params, limits)
    best = plans["plan"]
    if best.status != lts.Status.OK:
        raise _no_plan(best, name, limits)
    described = {key: _described(plan, values[key]) for key, plan in plans.items()}
    report = described.pop("plan")
    report |= {"baseline": described.pop("baseline"), "saving": float(saving), "law": name}
    return report | ({"near": described} if described else {})


NUMBERS = ("params", "tokens", "loss", "tokens_per_param", "training", "serving", "total", "spend_ratio")


def numbers(plan) -> dict[str, Any]:
    """The numbers of a plan, by the names of `--json`."""
    return {name: getattr(plan, name) for name in NUMBERS}


def _described(plan, values: dict[str, Any]) -> dict[str, Any]:
    import lifetimescale as lts

    described: dict[str, Any] = {name: float(values[name]) for name in NUMBERS}
    status = lts.Status(int(plan.status))
    return described | {"unit": plan.unit, "status": status.label, "warnings": plan.messages()}


def _no_plan(best, name: str, limits: dict[str, float | None]) -> Exception:
    """The exception for a plan that does not exist, with the number that would make it exist."""
    import lifetimescale as lts

    problem, status = best.problem, lts.Status(int(best.status))
    if status != lts.Status.UNREACHABLE:
        return (InputError if status == lts.Status.INVALID else NoPlanError)(status.advice)
    if problem.loss is not None:
        most_params = problem.params if problem.params is not None else limits["max_params"] or 1e300
        floor = float(best.law(most_params, limits["max_tokens"] or 1e300))
        where = "within these bounds" if problem.params is not None or any(limits.values()) else "at best"
        return out_of_reach(float(problem.loss), name, f"{floor:.6g} {where}")
    least_params = problem.params if problem.params is not None else limits["min_params"] or 0.0
    floor = float(best.cost(least_params, limits["min_tokens"] or 0.0))
    budget, least = (format_cost(value, best.unit) for value in (float(problem.budget), floor))
    return NoPlanError(f"a budget of {budget} is too small: the least model allowed costs {least}, so give more")


def _print(report: dict[str, Any]) -> None:
    baseline, unit = report["baseline"], report["unit"]
    print_lines([_sentence(report), ""])
    rows = [
        ["params", format_count(report["params"]), format_count(baseline["params"])],
        ["training tokens", format_count(report["tokens"]), format_count(baseline["tokens"])],
        ["tokens per param", f"{report['tokens_per_param']:.4g}", f"{baseline['tokens_per_param']:.4g}"],
        ["loss", f"{report['loss']:.5g}", f"{baseline['loss']:.5g}"],
        ["training", format_cost(report["training"], unit), format_cost(baseline["training"], unit)],
        ["serving", format_cost(report["serving"], unit), format_cost(baseline["serving"], unit)],
        ["total", format_cost(report["total"], unit), format_cost(baseline["total"], unit)],
    ]
    if "score" in report:
        rows.insert(4, ["score", f"{report['score']:.4g}", f"{report['score']:.4g}"])
    print_table(f"law: {report['law']}", ["", "plan", "compute-optimal"], rows)
    print_lines(["", *_near(report), *_no_demand(report), *report["warnings"]])


def _sentence(report: dict[str, Any]) -> str:
    """What to do, in one line."""
    saving, baseline = report["saving"], report["baseline"]
    comparison = "no less" if saving == 0 else f"{format_percent(abs(saving))} {'less' if saving > 0 else 'more'}"
    return (
        f"Train {format_count(report['params'])} params on {format_count(report['tokens'])} tokens: "
        f"{format_cost(report['total'], report['unit'])} over its life, {comparison} than the compute-optimal "
        f"{format_count(baseline['params'])} on {format_count(baseline['tokens'])}."
    )


def _no_demand(report: dict[str, Any]) -> list[str]:
    advice = "Nothing is served, so this is the compute-optimal model: say what it will serve by --inference-tokens 2T."
    return [advice] if report["serving"] == 0 else []


def _near(report: dict[str, Any]) -> list[str]:
    if "near" not in report:
        return []
    smallest, largest = report["near"]["smallest"], report["near"]["largest"]
    return [
        f"Within 1 % of the least cost: {format_count(smallest['params'])} on {format_count(smallest['tokens'])} "
        f"tokens to {format_count(largest['params'])} on {format_count(largest['tokens'])}."
    ]
