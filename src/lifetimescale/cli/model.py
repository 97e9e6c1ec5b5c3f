"""`lifetimescale model`."""

import math
from typing import Any

from lifetimescale.cli.costs import Life, suited_cost
from lifetimescale.cli.design import NamedLaw
from lifetimescale.cli.inputs import build_law, start
from lifetimescale.cli.life_options import ServingOptions, TimeOptions, TrainingOptions
from lifetimescale.cli.options import (
    CostOptions,
    Flag,
    InputError,
    LawOptions,
    NoPlanError,
    Positive,
    given,
)
from lifetimescale.cli.plan_report import cost_rows, design_rows, print_breakdown, print_deployment
from lifetimescale.cli.refusals import meaningless, no_plan, refusal
from lifetimescale.cli.render import print_json, print_lines, print_table
from lifetimescale.units import format_cost, format_count


def model(
    *,
    params: Positive | None = None,
    tokens: Positive | None = None,
    compute: Positive | None = None,
    loss: Positive | None = None,
    compute_optimal: Flag = False,
    law: LawOptions = LawOptions(),
    cost: CostOptions = CostOptions(),
    training: TrainingOptions = TrainingOptions(),
    serving: ServingOptions = ServingOptions(),
    time: TimeOptions = TimeOptions(),
    json: Flag = False,
) -> None:
    """One model, its loss and what it costs: from two of params, tokens and compute.

    lifetimescale model --params 70B --tokens 1.4T

    lifetimescale model --compute-optimal --params 30B --requests 1e9 --train-chip h100

    lifetimescale model --params 1B --tokens 100B --law ludziejewski2025_moe --design experts=8

    Args:
        params: Parameters.
        tokens: Training tokens.
        compute: Training compute, 6 N D, in FLOP.
        loss: Loss, in the unit of the law; with --compute-optimal only.
        compute_optimal: The compute-optimal model, from one of params, tokens, compute and loss.
        json: Print one JSON object.
    """
    flags = given(params=params, tokens=tokens, compute=compute, loss=loss)
    if compute_optimal and len(flags) != 1:
        raise InputError("--compute-optimal needs exactly one of --params, --tokens, --compute and --loss")
    if not compute_optimal and (loss is not None or len(flags) != 2):
        raise InputError("give exactly two of --params, --tokens and --compute, or --compute-optimal and one of them")
    start()
    named = build_law(law)
    named.check_numbers("the loss of a model")
    priced = suited_cost(named, Life(cost, training, serving, time))
    report = _report(named, priced, params, tokens, compute, loss, compute_optimal)
    if json:
        print_json(report)
    else:
        _print(report)


def _report(named: NamedLaw, cost, params, tokens, compute, loss, compute_optimal: bool) -> dict[str, Any]:
    import lifetimescale as lts
    from lifetimescale.costs import TRAINING_FLOPS

    law, name, design = named
    if compute_optimal:
        size = lts.compute_optimal(law, params=params, tokens=tokens, compute=compute, loss=loss, design=design)
        if size.status != lts.Status.OK:
            raise meaningless(law, design, name) or no_plan(size, name, {})
        params, tokens = size.params, size.tokens
        named.check_within("the compute-optimal model", float(params))
    elif compute is not None:
        params = compute / (TRAINING_FLOPS * tokens) if params is None else params
        tokens = compute / (TRAINING_FLOPS * params) if tokens is None else tokens
    priced = lts.price(law, cost, params=params, tokens=tokens, design=design)
    if priced.status != lts.Status.OK or not math.isfinite(priced.loss):
        raise meaningless(law, design, name) or NoPlanError(refusal(priced, cost.at(design), params, tokens))
    names = ("params", "tokens", "loss", "tokens_per_param", "training", "serving", "total")
    report: dict[str, Any] = {key: float(getattr(priced, key)) for key in names}
    report["compute"] = TRAINING_FLOPS * report["params"] * report["tokens"]
    report["parts"] = {part: float(value) for part, value in priced.parts.items()}
    report["deployment"] = {fact: float(value) for fact, value in priced.deployment.items()}
    report |= {"unit": priced.unit, "warnings": priced.messages(), "law": name}
    return report | ({"design": design} if design else {})


def _print(report: dict[str, Any]) -> None:
    unit = report["unit"]
    rows = [
        ["params", format_count(report["params"])],
        ["training tokens", format_count(report["tokens"])],
        ["tokens per param", f"{report['tokens_per_param']:.4g}"],
        ["compute", format_cost(report["compute"], "FLOP")],
        ["loss", f"{report['loss']:.6g}"],
        *design_rows(report, 1),
        *cost_rows([report], unit),
    ]
    print_table(f"law: {report['law']}", ["", "model"], rows)
    print_breakdown([report], ["model"], unit)
    print_lines([""])
    print_deployment(report)
    print_lines(report["warnings"])
