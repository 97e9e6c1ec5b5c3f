"""`lifetimescale plan`."""

import dataclasses
from typing import Any

from lifetimescale.cli.costs import Life, parse_alternatives, suited_cost
from lifetimescale.cli.decision import decision
from lifetimescale.cli.decision_report import print_decision
from lifetimescale.cli.design import NamedLaw
from lifetimescale.cli.inputs import build_law, load_score_map, start
from lifetimescale.cli.life_options import ServingOptions, TimeOptions, TrainingOptions
from lifetimescale.cli.options import (
    CostOptions,
    Flag,
    InputError,
    LawOptions,
    NoPlanError,
    Number,
    TargetOptions,
    given,
)
from lifetimescale.cli.pictures import Picture, check_picture, draw_decision, draw_plan
from lifetimescale.cli.plan_report import print_alternatives, print_plan
from lifetimescale.cli.planned import planned
from lifetimescale.cli.render import print_json
from lifetimescale.cli.uncertain_options import UncertaintyOptions


def plan(
    *,
    target: TargetOptions = TargetOptions(),
    score: Number | None = None,
    score_map: str | None = None,
    compare: str | None = None,
    plot: Picture = None,
    law: LawOptions = LawOptions(),
    cost: CostOptions = CostOptions(),
    training: TrainingOptions = TrainingOptions(),
    serving: ServingOptions = ServingOptions(),
    time: TimeOptions = TimeOptions(),
    uncertainty: UncertaintyOptions = UncertaintyOptions(),
    json: Flag = False,
) -> None:
    """The cheapest model of a loss, or the best model of a budget, over training and a life of serving.

    lifetimescale plan --like 13B --inference-tokens 2T

    lifetimescale plan --like 30B --requests 1e10 --prompt 1000 --output 250 --cost roofline --compare h100:2.5,b200:6

    lifetimescale plan --like 13B --uncertain-law besiroglu2024 --demand-lognormal 2T:3x

    lifetimescale plan --law ludziejewski2025_moe --loss 2.2 --inference-tokens 1T --design experts=1,8,32

    Args:
        score: Target benchmark score, by a map from loss to score.
        score_map: The map: a file that `lifetimescale fit --save-score-map` wrote.
        compare: Chips to serve on, side by side, each with its dollars per hour if it has no default price:
            a100-80gb,h100:2.50,b200:6.
        plot: Draw the plan there, as .svg, .png or .pdf: on the universal curve and on its curve of equal loss; a
            decision by what it costs above the best of every draw. Needs the extra `plots`.
        json: Print one JSON object.
    """
    check_picture(plot)
    if uncertainty.given():
        others = given(score=score, score_map=score_map, compare=compare)
        decided, choice = decision(uncertainty, target, law, Life(cost, training, serving, time), others)
        print_json(decided) if json else print_decision(decided)
        if plot is not None:
            draw_decision(plot, choice)
        return
    targets = given(like=target.like, loss=target.loss, budget=target.budget, score=score)
    if len(targets) != 1:
        raise InputError("give exactly one target: --like 13B, --loss 2.0, --budget 1e6 or --score 0.3")
    if (score is None) != (score_map is None):
        raise InputError("--score 0.3 and --score-map map.json go together: give both")
    target.check()
    start()
    if score is not None and score_map is not None:
        target = dataclasses.replace(target, loss=_loss_of(score, score_map))
    life = Life(cost, training, serving, time)
    if compare and life.kind() == "flops":
        raise InputError("--compare is of chips, and FLOPs are the same on all: give --cost roofline or --cost fixed")
    named = build_law(law)
    if compare:
        report, life = _compared(named, life, compare, target)
    else:
        report = planned(named, suited_cost(named, life), target, near=True)
    report |= {} if score is None else {"score": score}
    if json:
        print_json(report)
    elif not compare:
        print_plan(report)
    else:
        print_alternatives(report)
    if plot is not None:
        draw_plan(plot, named.law, suited_cost(named, life), report)


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


def _compared(named: NamedLaw, life: Life, compare: str, target: TargetOptions) -> tuple[dict[str, Any], Life]:
    """The report of the best chip, with those of all beside it; and the life on that chip."""
    reports: dict[str, dict[str, Any]] = {}
    refused: list[Exception] = []
    lives = {name: life.on(name, price) for name, price in parse_alternatives(compare).items()}
    for name, served in lives.items():
        try:
            reports[name] = planned(named, suited_cost(named, served), target, near=True)
        except NoPlanError as error:
            refused.append(error)
            reports[name] = {"status": str(error)}
    judged = "total" if target.budget is None else "loss"
    ok = {name: report for name, report in reports.items() if judged in report}
    if not ok:
        raise refused[0]
    chosen = min(ok, key=lambda name: ok[name][judged])
    return ok[chosen] | {"chip": chosen, "alternatives": reports}, lives[chosen]
