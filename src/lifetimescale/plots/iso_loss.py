"""The curve of equal loss, the costs around it, and where the two touch."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from lifetimescale.planning import Plan, price
from lifetimescale.plots.drawing import BLUE, GREY, INK, ORANGE, VERMILION, axes_of, label, logarithmic
from lifetimescale.units import format_count

LEVELS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
WIDTH = 3.0  # how far the sizes shown go beyond the optimum and the compute-optimal model, as a factor
POINTS, GRID = 300, 120
NEAR = 0.01
LABELLED = 0.06  # of the height: where contours have their labels, below the curve of equal loss
ROOM = 1.06  # what a label needs to its right, as a factor of the cost


def iso_loss(plan: Plan, ax: Axes | None = None) -> Axes:
    """All models of the plan's loss, with contours of lifetime cost: the optimum is where a contour touches the curve.

    Contours are marked by their cost over the plan's; the part of the curve that costs as much to 1 % is drawn thick.

    Args:
        plan: a single one, of any law and cost.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: there are many plans, or there is none.
    """
    if plan.params.ndim or not np.isfinite(plan.total):
        raise ValueError("an iso-loss curve is of one plan that exists: draw one at a time, with a status of 0")
    ax, baseline = axes_of(ax), plan.baseline
    ax.set(xscale="log", yscale="log")
    shown = [float(size) for size in (plan.params, baseline.params) if np.isfinite(size)]
    sizes = np.geomspace(min(shown) / WIDTH, max(shown) * WIDTH, POINTS)
    curve = price(plan.law, plan.cost, params=sizes, loss=plan.loss)
    tokens, total = np.asarray(curve.tokens), np.asarray(curve.total / plan.total)
    longest = WIDTH**2 * max(float(plan.tokens), np.nanmin(tokens))
    ax.plot(sizes, np.where(tokens <= longest, tokens, np.nan), color=BLUE, linewidth=1.8, label="equal loss")
    near = np.where(np.abs(total - 1) <= NEAR, tokens, np.nan)
    ax.plot(
        sizes, near, color=BLUE, linewidth=5, solid_capstyle="round", alpha=0.45, label="within 1 % of the plan's cost"
    )
    _costs(plan, ax, sizes, (np.nanmin(tokens) / 1.5, longest))
    ends = [(baseline, "s", ORANGE, "compute-optimal"), (plan, "o", VERMILION, "plan")]
    for model, marker, colour, name in ends:
        where = f"{format_count(float(model.params))} params, {format_count(float(model.tokens))} tokens"
        dot = {"marker": marker, "color": colour, "markersize": 8, "markeredgecolor": "white", "linestyle": "none"}
        ax.plot([float(model.params)], [float(model.tokens)], label=f"{name}: {where}", zorder=4, **dot)
    ax.set_xlim(sizes[0], sizes[-1])
    label(ax, title=f"Models of loss {float(plan.loss):.4g} and what they cost", x="params", y="training tokens")
    logarithmic(ax.xaxis)
    logarithmic(ax.yaxis)
    ax.legend(loc="upper right", fontsize=8.5, framealpha=0.9)
    return ax


def _costs(plan: Plan, ax: Axes, sizes: np.ndarray, tokens: tuple[float, float]) -> None:
    """Contours of lifetime cost over the plan's."""
    x, y = np.geomspace(sizes[0], sizes[-1], GRID), np.geomspace(*tokens, GRID)
    ratio = np.asarray(plan.cost(jnp.asarray(x), jnp.asarray(y)[:, None])) / float(plan.total)
    widths = [1.4 if level == 1 else 0.8 for level in LEVELS]
    lines = ax.contour(x, y, ratio, levels=list(LEVELS), colors=GREY, linewidths=widths, linestyles="--")
    row = round(LABELLED * GRID)
    levels = [level for level in LEVELS[1:] if level < ratio[row].max() / ROOM]
    places = [(float(np.interp(level, ratio[row], x)), float(y[row])) for level in levels]
    ax.clabel(lines, levels, fmt=lambda level: f"{level:g}×", fontsize=8, colors=INK, manual=places)  # noqa: RUF001
    ax.plot([], [], "--", color=GREY, linewidth=widths[0], label="equal cost, over the plan's")
    ax.set_ylim(*tokens)
