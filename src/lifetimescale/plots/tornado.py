"""A tornado as bars."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lifetimescale.plots.drawing import BLUE, INK, ORANGE, axes_of, label
from lifetimescale.sensitivity import Tornado
from lifetimescale.sensitivity.text import amount

HEIGHT = 0.36  # of a bar; those of the two ends stand one above the other


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
        widths = np.nan_to_num([ends[side] - result.value for ends in rows.values()])
        places = np.arange(len(rows)) + HEIGHT * (side - 0.5)
        name = ("at its low end", "at its high end")[side]
        ax.barh(places, widths, HEIGHT, result.value, color=colour, hatch=hatch, edgecolor="white", label=name)
        for place, name in zip(places, rows, strict=True):
            _mark(ax, place, result, name, side)
    ax.set_yticks(range(len(rows)), [*rows])
    ax.axvline(result.value, color=INK, linewidth=1)
    label(ax, title=f"What moves {result.output}: {amount(result.value)} as it is", x=result.output, y="")
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    ax.margins(x=0.14)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
    return ax


def _mark(ax: Axes, place: float, result: Tornado, name: str, side: int) -> None:
    """The end of the range beside the end of its bar."""
    reached, words = result.ends[name][side], amount(result.ranges[name][side])
    if not np.isfinite(reached):
        reached, words = result.value, f"no plan at {words}"
    right = reached > result.value or (reached == result.value and side == 1)
    ax.annotate(words, (reached, place), (4 if right else -4, 0), textcoords="offset points",
                ha="left" if right else "right", va="center", size=8.5)  # fmt: skip
