"""A tornado as bars."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lifetimescale.plots.drawing import BLUE, INK, ORANGE, axes_of, label
from lifetimescale.sensitivity import Tornado
from lifetimescale.sensitivity.text import amount


def tornado(result: Tornado, ax: Axes | None = None) -> Axes:
    """An output of a plan at both ends of the range of each number, which stand beside its bar; the widest is on top.

    Args:
        result: from `lifetimescale.tornado`.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: there is no plan at any end.
    """
    rows = {name: ends for name, ends in result.ends.items() if np.isfinite(ends).any()}
    if not rows or not np.isfinite(result.value):
        raise ValueError("there is no plan to draw: give ranges within which plans exist")
    ax = axes_of(ax)
    for side, (colour, hatch) in enumerate(((BLUE, ""), (ORANGE, "//"))):
        widths = [ends[side] - result.value for ends in rows.values()]
        name = "at its low end" if side == 0 else "at its high end"
        ax.barh(
            [*rows], widths, left=result.value, color=colour, hatch=hatch, edgecolor="white", label=name, height=0.6
        )
        for row, (name, ends) in enumerate(rows.items()):
            right = ends[side] >= result.value if ends[0] != ends[1] else bool(side)
            ax.annotate(amount(result.ranges[name][side]), (ends[side], row), (4 if right else -4, 0),
                        textcoords="offset points", ha="left" if right else "right", va="center", size=8.5)  # fmt: skip
    ax.axvline(result.value, color=INK, linewidth=1)
    label(ax, title=f"What moves {result.output}: {amount(result.value)} as it is", x=result.output, y="")
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    ax.margins(x=0.14)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
    return ax
