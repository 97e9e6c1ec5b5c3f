"""What `lifetimescale plan` says: one plan, or alternatives side by side."""

import math
from typing import Any

from lifetimescale.cli.design import format_design, format_value
from lifetimescale.cli.render import print_lines, print_table
from lifetimescale.units import format_cost, format_count, format_percent

NUMBERS = ("params", "tokens", "loss", "tokens_per_param", "training", "serving", "total", "spend_ratio")
ROUNDING = 1e-12  # what a saving of nothing comes to where it is not in closed form


def numbers(plan) -> dict[str, Any]:
    """The numbers of a plan, by the names of `--json`."""
    named = {name: getattr(plan, name) for name in NUMBERS}
    return named | {"parts": plan.parts, "deployment": plan.deployment}


def described(plan, values: dict[str, Any]) -> dict[str, Any]:
    """A plan as `--json` has it."""
    import lifetimescale as lts

    status = lts.Status(int(plan.status))
    return values | {"unit": plan.unit, "status": status.label, "warnings": plan.messages()}


def print_plan(report: dict[str, Any]) -> None:
    """One plan beside its compute-optimal twin, what its cost is made of, and what to know of it."""
    baseline = report["baseline"]
    print_lines([sentence(report), ""])
    rows = [
        ["params", *(_count(one["params"]) for one in (report, baseline))],
        ["training tokens", *(_count(one["tokens"]) for one in (report, baseline))],
        ["tokens per param", *(_number(one["tokens_per_param"], 4) for one in (report, baseline))],
        ["loss", *(_number(one["loss"], 5) for one in (report, baseline))],
        *design_rows(report, 2),
        *cost_rows([report, baseline], report["unit"]),
    ]
    if "score" in report:
        rows.insert(4, ["score", f"{report['score']:.4g}", f"{report['score']:.4g}"])
    print_table(f"law: {report['law']}", ["", "plan", "compute-optimal"], rows)
    print_breakdown([report, baseline], ["plan", "compute-optimal"], report["unit"])
    print_lines(["", *_deployment(report), *_near(report), *_no_demand(report), *report["warnings"]])


def print_alternatives(report: dict[str, Any]) -> None:
    """The alternatives side by side, and the best of them as a plan."""
    found = {name: one for name, one in report["alternatives"].items() if "total" in one}
    for name in report["alternatives"].keys() - found.keys():
        print_lines([f"{name}: {report['alternatives'][name]['status']}."])
    ones = list(found.values())
    deployed = [
        [fact, *(_number(one["deployment"][fact], 4) for one in ones)]
        for fact in ("batch", "chips")
        if all(fact in one["deployment"] for one in ones)
    ]
    rows = [
        ["params", *(_count(one["params"]) for one in ones)],
        ["training tokens", *(_count(one["tokens"]) for one in ones)],
        ["loss", *(_number(one["loss"], 5) for one in ones)],
        *([name, *(format_value(one["design"][name]) for one in ones)] for name in ones[0].get("design", {})),
        *deployed,
        *cost_rows(ones, report["unit"]),
    ]
    print_table("served on", ["", *found], rows)
    print_lines(["", f"The best of them is {report['chip']}.", ""])
    print_plan(report)


def design_rows(report: dict[str, Any], columns: int) -> list[list[str]]:
    """Rows of the design variables, the same in every column."""
    return [[name, *columns * [format_value(value)]] for name, value in report.get("design", {}).items()]


def cost_rows(reports: list[dict[str, Any]], unit: str) -> list[list[str]]:
    """Rows of training, serving and total."""
    return [[phase, *(_cost(report[phase], unit) for report in reports)] for phase in ("training", "serving", "total")]


def print_breakdown(reports: list[dict[str, Any]], names: list[str], unit: str) -> None:
    """What the totals are made of, where that is more than training and serving."""
    parts = reports[0]["parts"]
    if set(parts) <= {"training", "serving"}:
        return
    rows = [
        [name, format_percent(parts[name] / reports[0]["total"]), *(_cost(one["parts"][name], unit) for one in reports)]
        for name in sorted(parts, key=parts.__getitem__, reverse=True)
    ]
    print_lines([""])
    print_table("what it costs", ["", "share", *names], rows)


def print_deployment(report: dict[str, Any]) -> None:
    """How the model is served, where that is known."""
    print_lines(_deployment(report))


def _deployment(report: dict[str, Any]) -> list[str]:
    facts = report["deployment"]
    if not facts:
        return []
    per_token, first = (1000 * facts[f"seconds {which} token"] for which in ("per", "to first"))
    return [
        f"Served on {facts['chips']:.3g} chips with {facts['batch']:.4g} sequences at once: {per_token:.3g} ms per "
        f"token, {first:.3g} ms to the first, {facts['tokens per second and chip']:.4g} tokens per second and chip, "
        f"memory filled to {format_percent(facts['memory used'])} of what it may be."
    ]


def _count(value: float) -> str:
    return format_count(value) if math.isfinite(value) else "-"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if math.isfinite(value) else "-"


def _cost(value: float, unit: str) -> str:
    return format_cost(value, unit) if math.isfinite(value) else "-"


def sentence(report: dict[str, Any]) -> str:
    """What to do, in one line."""
    saving, baseline = report["saving"], report["baseline"]
    design = report.get("design", {})
    chosen = f", {format_design(design)}" if design else ""
    plan = (
        f"Train {format_count(report['params'])} params on {format_count(report['tokens'])} tokens{chosen}: "
        f"{format_cost(report['total'], report['unit'])} over its life"
    )
    if not math.isfinite(baseline["total"]):
        return f"{plan}; the compute-optimal model of its loss is beyond the limits."
    comparison = f"{format_percent(abs(saving))} {'less' if saving > 0 else 'more'} than"
    comparison = "as much as" if abs(saving) < ROUNDING else comparison
    return (
        f"{plan}, {comparison} the compute-optimal {format_count(baseline['params'])} on "
        f"{format_count(baseline['tokens'])}{' of the same design' if design else ''}."
    )


def _no_demand(report: dict[str, Any]) -> list[str]:
    known = ", so this is the compute-optimal model" if "design" not in report else ""
    advice = f"Nothing is served{known}: say what it will serve by --inference-tokens 2T."
    return [advice] if report["serving"] == 0 else []


def _near(report: dict[str, Any]) -> list[str]:
    if "near" not in report:
        return []
    smallest, largest = report["near"]["smallest"], report["near"]["largest"]
    where = ", at the same design" if "design" in report else ""
    return [
        f"Within 1 % of the least cost{where}: {_count(smallest['params'])} on {_count(smallest['tokens'])} "
        f"tokens to {_count(largest['params'])} on {_count(largest['tokens'])}."
    ]
