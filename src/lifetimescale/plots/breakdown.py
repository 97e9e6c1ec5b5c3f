"""What the totals of plans are made of."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lifetimescale.planning import Cheapest, Plan
from lifetimescale.plots.drawing import BLUE, COLOURS, INK, axes_of, label, short
from lifetimescale.units import format_cost, format_percent

HATCHES = ("", "//", "..")
NARROW = 0.11  # of the longest bar: what has no room for its share


def breakdown(plans: Plan | Cheapest | Mapping[str, Plan], ax: Axes | None = None) -> Axes:
    """What lifetime costs are made of: a bar for every plan, a part for every term of its cost.

    Args:
        plans: one, beside its compute-optimal twin; alternatives; or plans by name, with costs in one unit.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: no plan is a single one that exists, or they count in different units.
    """
    bars = {name: plan for name, plan in _named(plans).items() if plan.params.ndim == 0 and np.isfinite(plan.total)}
    if not bars:
        raise ValueError("a breakdown is of single plans that exist: give some with a status of 0, each by its name")
    units = {plan.unit for plan in bars.values()}
    if len(units) > 1:
        raise ValueError(f"one picture has one unit, and these plans count in {' and '.join(sorted(units))}: draw two")
    ax = axes_of(ax)
    parts = {name: {part: float(value) for part, value in plan.parts.items()} for name, plan in bars.items()}
    totals = {name: sum(values.values()) for name, values in parts.items()}
    longest = max(totals.values())
    (unit,) = units
    left = dict.fromkeys(bars, 0.0)
    names = {name for values in parts.values() for name in values}
    for place, part in enumerate(sorted(names, key=lambda name: (name != "training", name))):
        widths = [values.get(part, 0.0) for values in parts.values()]
        colour, hatch = COLOURS[place % len(COLOURS)], HATCHES[place // len(COLOURS) % len(HATCHES)]
        drawn = ax.barh(
            [*bars], widths, left=[*left.values()], label=part, color=colour, hatch=hatch, edgecolor="white"
        )
        words = [
            format_percent(width / total) if width > NARROW * longest else ""
            for width, total in zip(widths, totals.values(), strict=True)
        ]
        ax.bar_label(drawn, words, label_type="center", color="white" if colour in (BLUE, INK) else INK, fontsize=9)
        left = {name: start + width for (name, start), width in zip(left.items(), widths, strict=True)}
    for name, total in totals.items():
        ax.annotate(format_cost(total, unit), (total, name), (5, 0), textcoords="offset points", va="center", size=9)
    label(ax, title="What a life costs", x=f"lifetime cost ({unit})", y="")
    ax.set_xlim(0, 1.25 * longest)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value) if unit == "USD" else f"{value:g}"))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False)
    return ax


def _named(plans: Plan | Cheapest | Mapping[str, Plan]) -> Mapping[str, Plan]:
    if isinstance(plans, Plan):
        return {"plan": plans, "compute-optimal": plans.baseline}
    return plans.plans if isinstance(plans, Cheapest) else plans
