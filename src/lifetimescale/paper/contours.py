"""Figures 2 and 6: how far the cheapest plan is from the compute-optimal one, over demand and loss."""

import functools

import jax.numpy as jnp
from matplotlib.axes import Axes

from lifetimescale.costs import Flops
from lifetimescale.paper.items import Columns, Figure
from lifetimescale.paper.settings import PUBLISHED, SPLITS, STATED, TOKENS_PER_REQUEST, dollars, paper_law
from lifetimescale.planning import plan
from lifetimescale.plots.maps import ratio_contours, ratio_map

DEMANDS, LOSSES = (9.0, 14.0, 301), (1.8, 3.0, 201)
"""The axes of figure 2: decades of tokens served, and losses; the lines are within 0.001 decades of the exact ones."""

FLOPS = "flops"
DOLLAR_LEVELS = {
    "total": (1.01, 1.05, 1.1, 1.25, 1.5, 2, 3, 5),
    "params": (0.15, 0.2, 0.25, 0.33, 0.5, 0.75, 0.9),
    "tokens": (1.05, 1.25, 2, 5, 20, 100, 500),
}
"""Ours: figure 6 was not to be seen."""

PANELS = {"a": "total", "b": "params", "c": "tokens"}
TITLES = {
    "total": "Lifetime {unit}, compute-optimal over best",
    "params": "Params, best over compute-optimal",
    "tokens": "Training tokens, best over compute-optimal",
}
SPLIT_TITLES = {
    FLOPS: "",
    STATED: "; 215 of every 285 tokens are output, as stated",
    PUBLISHED: "; 145 of every 215 tokens are output, as in the published tables",
}


def map_figures() -> list[Figure]:
    """Figure 2, figure 6 under the stated split, and figure 6 under the published one."""
    return [_figure(panel, cost) for cost in (FLOPS, *SPLITS) for panel in PANELS]


def contour_columns(cost: str, of: str) -> Columns:
    """The contour lines that are drawn, point by point."""
    demand, plans = _plans(cost)
    lines = ratio_contours(plans, demand=demand, of=of, levels=_levels(cost, of))
    points = [
        (line.level, index, *point) for index, line in enumerate(lines, 1) for point in zip(*line[1:], strict=True)
    ]
    level, index, tokens, loss = zip(*points, strict=True)
    columns = {"level": level, "line": index, "inference_tokens": tokens, "loss": loss}
    return columns if cost == FLOPS else columns | {"requests": [count / TOKENS_PER_REQUEST for count in tokens]}


@functools.cache
def _plans(cost: str):
    """The demands, and the plans of the whole map in one batch."""
    demand, loss = jnp.logspace(*DEMANDS), jnp.linspace(*LOSSES)
    lifetime = Flops(demand) if cost == FLOPS else dollars(demand, cost)
    return demand, plan(paper_law(), lifetime, loss=loss[:, None])


def _levels(cost: str, of: str):
    return None if cost == FLOPS else DOLLAR_LEVELS[of]


def _figure(panel: str, cost: str) -> Figure:
    of, (number, first) = PANELS[panel], ("2", "1") if cost == FLOPS else ("6", "2")
    return Figure(
        name=f"fig{number}{panel}" + ("-published" if cost == PUBLISHED else ""),
        number=number + panel,
        first=first + panel,
        title=TITLES[of].format(unit="FLOPs" if cost == FLOPS else "dollars") + SPLIT_TITLES[cost],
        columns=functools.partial(contour_columns, cost, of),
        draw=functools.partial(_draw, cost, of),
    )


def _draw(cost: str, of: str, headline: str) -> Axes:
    demand, plans = _plans(cost)
    title = headline.replace("; ", "\n")
    ax = ratio_map(plans, demand=demand, of=of, levels=_levels(cost, of), title=title)
    ax.set_ylabel("pre-training loss (nats per token)")
    ax.title.set_fontsize(10)
    return ax
