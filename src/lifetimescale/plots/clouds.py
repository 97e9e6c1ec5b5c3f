"""Many plans of one question: how sure is the answer?"""

import numpy as np
from matplotlib.axes import Axes

from lifetimescale.planning import Plan
from lifetimescale.plots.drawing import BLUE, VERMILION, axes_of, label, logarithmic
from lifetimescale.units import format_count

SHARE = 0.8
SHOWN = 5000  # points at most; medians and ranges are of all


def cloud(plans: Plan, ax: Axes | None = None) -> Axes:
    """The params and tokens of many plans, as of a bootstrap's laws or of draws of demand, with their middle 80 %.

    Args:
        plans: an array of them; those that do not exist are counted and left out.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: none of them exists.
    """
    params, tokens = (np.ravel(np.asarray(column)) for column in np.broadcast_arrays(plans.params, plans.tokens))
    exist = np.isfinite(params) & np.isfinite(tokens)
    if not exist.any():
        raise ValueError(f"there is no cloud to draw: of {params.size} plans none exists")
    params, tokens = params[exist], tokens[exist]
    ax = axes_of(ax)
    ax.set(xscale="log", yscale="log")
    every = -(-params.size // SHOWN)
    left_out = f", {(~exist).sum():,} without a plan" if not exist.all() else ""
    ax.plot(params[::every], tokens[::every], ".", color=BLUE, markersize=3, alpha=0.35, rasterized=True,
            label=f"{params.size:,} plans{left_out}")  # fmt: skip
    tails = [(1 - SHARE) / 2, 0.5, (1 + SHARE) / 2]
    (low, middle, high), (few, usual, many) = np.quantile(params, tails), np.quantile(tokens, tails)
    spans = f"{format_count(low)} to {format_count(high)} params, {format_count(few)} to {format_count(many)} tokens"
    ax.errorbar(
        [middle], [usual], xerr=[[middle - low], [high - middle]], yerr=[[usual - few], [many - usual]],
        fmt="o", color=VERMILION, linewidth=2, capsize=4, label=f"median and middle {100 * SHARE:.0f} %:\n{spans}",
    )  # fmt: skip
    label(ax, title="Plans of many draws", x="params", y="training tokens")
    logarithmic(ax.xaxis)
    logarithmic(ax.yaxis)
    ax.legend(loc="best", fontsize=8.5)
    return ax
