"""What a decision costs above the best of every draw."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lifetimescale.plots.drawing import BLUE, INK, VERMILION, axes_of, label
from lifetimescale.uncertainty import Decision
from lifetimescale.units import format_count, format_percent

TAIL = 0.99  # the axis ends at this share of the draws; what lies beyond is said


def overpays(decision: Decision, ax: Axes | None = None) -> Axes:
    """In which share of the draws a decision costs at most so much more than the best model of that draw.

    Args:
        decision: of a single model.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: it is of many models.
    """
    if decision.params.ndim:
        raise ValueError(f"overpays are of a single model, not of models of shape {decision.params.shape}: take one")
    overpay = np.asarray(decision.overpays)
    order = np.argsort(overpay)
    below = np.cumsum(np.broadcast_to(np.asarray(decision.futures.shares), overpay.shape)[order])
    ax, mean = axes_of(ax), float(decision.expected_overpay)
    ax.step(overpay[order], below, where="post", color=BLUE, linewidth=2)
    priced = np.isfinite(overpay)
    worst = overpay[priced].max(initial=0.0)
    end = min(worst, float(np.nan_to_num(overpay[order][np.searchsorted(below, TAIL)], posinf=worst)))
    if np.isfinite(mean):
        ax.axvline(mean, color=VERMILION, linestyle="--", linewidth=1.5, label=f"mean {format_percent(mean)}")
    ax.set(xlim=(0, max(end, 2 * mean if np.isfinite(mean) else end, 1e-3)), ylim=(0, 1))
    size, tokens = format_count(float(decision.params)), format_count(float(decision.tokens))
    label(ax, title=f"{size} params on {tokens} tokens, and what that costs", x="cost above the best of the draw",
          y="share of the draws")  # fmt: skip
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    missed = "" if priced.all() else f", and misses without a price in {format_percent(1 - priced.mean())} of the draws"
    ax.plot([], [], " ", label=f"worst {format_percent(worst)}{missed}")
    ax.legend(loc="lower right", labelcolor=INK)
    return ax
