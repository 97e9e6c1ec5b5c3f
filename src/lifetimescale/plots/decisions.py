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
    ax.axvline(mean, color=VERMILION, linestyle="--", linewidth=1.5, label=f"mean {format_percent(mean)}")
    worst = overpay[np.isfinite(overpay)].max(initial=0.0)
    end = min(worst, float(overpay[order][np.searchsorted(below, TAIL)]))
    ax.set(xlim=(0, max(end, 2 * mean, 1e-3) if np.isfinite(end) else worst), ylim=(0, 1))
    size, tokens = format_count(float(decision.params)), format_count(float(decision.tokens))
    label(ax, title=f"{size} params on {tokens} tokens, and what that costs", x="cost above the best of the draw",
          y="share of the draws")  # fmt: skip
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.plot([], [], " ", label=f"worst {format_percent(worst)}")
    ax.legend(loc="lower right", labelcolor=INK)
    return ax
