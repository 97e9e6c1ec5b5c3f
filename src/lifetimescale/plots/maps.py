"""Maps over demand and loss: by how much a plan differs from the compute-optimal model of equal loss."""

from collections.abc import Sequence
from typing import NamedTuple

import contourpy
import matplotlib
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

from lifetimescale.leaves import Leaf
from lifetimescale.planning import Plan
from lifetimescale.plots import drawing

Column = Float[np.ndarray, " n"]
Demands = Float[np.ndarray, " demands"]
Losses = Float[np.ndarray, " losses"]
Values = Float[np.ndarray, "losses demands"]

LEVELS: dict[str, tuple[float, ...]] = {
    "total": (1.01, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0),
    "params": (0.2, 0.25, 0.33, 0.5, 0.75, 0.9, 0.95, 0.99),
    "tokens": (1.01, 1.05, 1.25, 2.0, 5.0, 20.0, 100.0),
}
"""Those of Sardana et al. 2024, figure 2, for totals and params; those of tokens are ours."""

TITLES: dict[str, str] = {
    "total": "Lifetime cost: compute-optimal over best",
    "params": "Params: best over compute-optimal",
    "tokens": "Training tokens: best over compute-optimal",
}
FONT_SIZE = 8
LIGHTEST_DARK = 0.3  # of the colour map: below, lines in ink are lost on it
STAGGER = 0.05  # of the axes, by which neighbouring labels step aside in turn
PLACES = 400  # along a line, to choose from
LABELS_WITHIN = 0.06  # of the axes from each edge: closer, half a label is cut off


class Contour(NamedTuple):
    """One contour line of a map; a level may have several.

    Args:
        level: the ratio.
        demand: of its points, in the unit of the demand of the map.
        loss: of its points, in the unit of the law.
    """

    level: float
    demand: Column
    loss: Column


def ratios(plans: Plan, *, of: str = "total") -> Leaf:
    """By how much plans differ from the compute-optimal models of equal loss, `plans.baseline`.

    Args:
        plans: of any shape.
        of: "total" for baseline.total/total, which is at least 1; "params" for params/baseline.params; "tokens" for
            tokens/baseline.tokens.

    Raises:
        ValueError: there is no such quantity.
    """
    _check(of)
    if of == "total" and plans.exact:
        return 1 / (1 - plans.saving)
    twin = plans.baseline
    return twin.total / plans.total if of == "total" else getattr(plans, of) / getattr(twin, of)


def ratio_contours(
    plans: Plan, *, demand: ArrayLike, of: str = "total", levels: Sequence[float | int] | None = None
) -> list[Contour]:
    """The contour lines of a map, as numbers: linear between its points in the logarithm of demand and in loss.

    Args:
        plans: of shape (losses, demands), each with a target loss: `plan(law, Flops(demand), loss=loss[:, None])`.
        demand: of each column, growing.
        of: as in `ratios`.
        levels: the ratios to draw lines of; those of the paper, if not given.

    Returns:
        The lines in the order of the levels; none for a level that the map does not reach, and none through plans that
        failed.

    Raises:
        ValueError: the plans are no grid of that shape, or there is no such quantity.

    >>> import jax.numpy as jnp, lifetimescale as lts
    >>> demand, loss = jnp.logspace(10, 13, 60), jnp.linspace(2.6, 2.8, 20)
    >>> plans = lts.plan(lts.law("chinchilla"), lts.Flops(demand), loss=loss[:, None])
    >>> (line,) = ratio_contours(plans, demand=demand, levels=[2.0])
    >>> print(f"a loss of {line.loss[0]:.1f} costs twice the least at {line.demand[0]:.2e} tokens served")
    a loss of 2.8 costs twice the least at 2.34e+11 tokens served
    """
    demands, losses = _axes(plans, demand)
    return _contours(demands, losses, np.asarray(ratios(plans, of=of), float), _levels(levels, of))


def ratio_map(
    plans: Plan,
    ax: Axes | None = None,
    *,
    demand: ArrayLike,
    of: str = "total",
    levels: Sequence[float | int] | None = None,
    title: str | None = None,
) -> Axes:
    """A map of plans over demand and loss, in bands between contour lines, and how far they are from compute-optimal.

    The lines are those of `ratio_contours`.

    Args:
        plans: of shape (losses, demands), each with a target loss: `plan(law, Flops(demand), loss=loss[:, None])`.
        ax: to draw on; a new figure, if not given.
        demand: of each column, growing, in tokens served.
        of: "total" for what the compute-optimal model costs over its life, as a multiple of the plan; "params" and
            "tokens" for those of the plan, as a share or a multiple of the compute-optimal model's.
        levels: the ratios to draw lines of, growing; those of the paper, if not given.
        title: instead of one that says what is drawn.

    Returns:
        The axes.

    Raises:
        ValueError: the plans are no grid of that shape, or there is no such quantity.
    """
    demands, losses = _axes(plans, demand)
    values, chosen = np.asarray(ratios(plans, of=of), float), _levels(levels, of)
    ax = drawing.axes_of(ax)
    drawing.label(ax, title=title or TITLES[of], x="tokens served over the life", y="loss")
    ax.grid(visible=False)
    ax.set_xlim(demands[0], demands[-1])
    ax.set_ylim(losses.min(), losses.max())
    drawing.logarithmic(ax.xaxis)
    _fill(ax, demands, losses, values, chosen, of)
    _draw(ax, _contours(demands, losses, values, chosen), of)
    return ax


def _check(of: str) -> None:
    if of not in LEVELS:
        raise ValueError(f"no map of {of!r}: choose one of {', '.join(LEVELS)}")


def _axes(plans: Plan, demand: ArrayLike) -> tuple[Demands, Losses]:
    """The demands of the columns and the losses of the rows."""
    demands, shape = np.asarray(demand, float), plans.params.shape
    if len(shape) != 2 or demands.shape != shape[1:] or min(shape) < 2 or plans.problem.loss is None:
        raise ValueError(
            f"a map needs plans of two or more losses (rows) and demands (columns), not of shape {shape} with "
            f"demand of shape {demands.shape}: plan(law, Flops(demand), loss=loss[:, None])"
        )
    if not (np.all(demands > 0) and np.all(np.diff(demands) > 0)):
        raise ValueError("the demand of a map is on a logarithmic axis: give positive numbers that grow")
    return demands, np.broadcast_to(np.asarray(plans.problem.loss, float), shape)[:, 0]


def _levels(levels: Sequence[float | int] | None, of: str) -> list[float]:
    return [float(level) for level in (LEVELS[of] if levels is None else levels)]


def _contours(demands: Demands, losses: Losses, values: Values, levels: list[float]) -> list[Contour]:
    """The lines of all levels, by linear interpolation in the logarithm of demand and in loss."""
    grid = contourpy.contour_generator(np.log10(demands), losses, values)
    pieces = [(level, np.asarray(piece)) for level in levels for piece in grid.lines(level)]
    return [Contour(level, 10 ** piece[:, 0], piece[:, 1]) for level, piece in pieces]


def _fill(ax: Axes, demands: Demands, losses: Losses, values: Values, levels: list[float], of: str) -> None:
    """Bands between the levels, the darkest where a plan differs most, and their key."""
    if len(levels) < 2 or not np.isfinite(values).any():
        return  # which leaves the lines
    shades = np.linspace(1.0, LIGHTEST_DARK, len(levels) + 1)
    colours = matplotlib.colormaps[drawing.MAP](shades[::-1] if of == "params" else shades)
    bands = ax.contourf(demands, losses, values, levels, colors=list(colours), extend="both")
    figure = ax.get_figure(root=True)
    assert figure is not None
    key = figure.colorbar(bands, ax=ax, spacing="uniform", ticks=levels, pad=0.02, aspect=30)
    key.ax.set_yticklabels([_text(level, of) for level in levels], fontsize=FONT_SIZE)


def _draw(ax: Axes, contours: list[Contour], of: str) -> None:
    """The lines, each with its level on the longest of its pieces."""
    if not contours:
        return
    levels = list(dict.fromkeys(line.level for line in contours))
    pieces = [[np.column_stack(line[1:]) for line in contours if line.level == level] for level in levels]
    drawn = ContourSet(ax, levels, pieces, colors=drawing.INK, linewidths=0.9)
    sides = [STAGGER * (-1) ** index for index in range(len(levels))]
    places = [_place(ax, max(lines, key=len), side) for lines, side in zip(pieces, sides, strict=True)]
    reachable = [place for place in places if place is not None]
    if reachable:
        labels = ax.clabel(
            drawn, fontsize=FONT_SIZE, manual=reachable, inline=False, fmt=lambda level: _text(level, of)
        )
        for text in labels:
            text.set_bbox({"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "boxstyle": "round,pad=0.15"})


def _place(ax: Axes, line: Float[np.ndarray, "points 2"], side: float) -> tuple[float, float] | None:
    """Beside the rising diagonal of the axes, where lines that fall from left to right are furthest apart."""
    to_axes = ax.transData - ax.transAxes
    corners, steps = to_axes.transform(line), np.linspace(0, len(line) - 1, PLACES)
    places = np.column_stack([np.interp(steps, np.arange(len(line)), column) for column in corners.T])
    reachable = np.all((places > LABELS_WITHIN) & (places < 1 - LABELS_WITHIN), axis=1)
    if not reachable.any():
        return None
    off = np.where(reachable, np.abs(places[:, 0] - places[:, 1] - side), np.inf)
    x, y = to_axes.inverted().transform(places[int(np.argmin(off))])
    return float(x), float(y)


def _text(level: float, of: str) -> str:
    return f"{100 * level:g} %" if of == "params" else f"{level:g}x"
