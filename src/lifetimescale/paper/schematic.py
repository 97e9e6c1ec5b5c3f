"""Figure 1: a 7B model trained past its compute-optimal point, and when serving repays it.

The picture of the paper was not to be seen; its caption and its numbers are drawn here: 13B against 7B at 2T tokens
served.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lifetimescale.costs import Flops
from lifetimescale.paper.items import Columns, Figure, stacked
from lifetimescale.paper.settings import loss_of, paper_law
from lifetimescale.planning import Plan, break_even, compute_optimal, price
from lifetimescale.plots import drawing
from lifetimescale.units import format_cost

SIZES = {"13B": 13e9, "7B": 7e9}
SERVED = 2e12
COLOURS = {"13B": drawing.VERMILION, "7B": drawing.BLUE}
DASHES = {"13B": "--", "7B": "-"}
TOKENS = (1.2e11, 2.0e12, 120)  # drawn of each training, from the first to the last


class Rivals(NamedTuple):
    """Two models of equal loss, priced for the same demand.

    Args:
        large: compute-optimal.
        small: trained on until it has the loss of the large one.
        turning: the small size where it is compute-optimal.
        break_even: the tokens served from which the small one is cheaper.
    """

    large: Plan
    small: Plan
    turning: Plan
    break_even: float


def schematic_figures() -> list[Figure]:
    """Training, the total by tokens served, and the total at 2T of them."""
    return [
        Figure("fig1a", "1a", "", "7B trained on to the loss of 13B", _training_columns, _draw_training),
        Figure("fig1b", "1b", "", "Serving repays the longer training", _lifetime_columns, _draw_lifetime),
        Figure("fig1c", "1c", "", "A life of 2T served tokens", _parts_columns, _draw_parts),
    ]


@functools.cache
def rivals() -> Rivals:
    """13B and 7B at 2T tokens served."""
    law, cost, loss = paper_law(), Flops(SERVED), loss_of(SIZES["13B"])
    large, small = (price(law, cost, params=size, loss=loss) for size in SIZES.values())
    return Rivals(large, small, compute_optimal(law, params=SIZES["7B"]), float(break_even(small, large)))


def _training_columns() -> Columns:
    """The loss of both along their training, and where they are compute-optimal or have the same loss."""
    return stacked([*(_along(name) for name in SIZES), _points()])


def _along(name: str) -> Columns:
    tokens = np.geomspace(*TOKENS)
    loss = np.asarray(paper_law()(SIZES[name], jnp.asarray(tokens)))
    return _rows([name] * len(tokens), ["training"] * len(tokens), tokens, loss)


def _points() -> Columns:
    """The large model, the small one where it is compute-optimal, and the small one trained on."""
    large, small, turning, _ = rivals()
    models = (large, turning, small)
    points = ["compute-optimal", "compute-optimal", "equal loss"]
    tokens, loss = (np.array([float(getattr(model, name)) for model in models]) for name in ("tokens", "loss"))
    return _rows(["13B", "7B", "7B"], points, tokens, loss)


def _rows(models: list[str], points: list[str], tokens, loss) -> Columns:
    flops = [6 * SIZES[name] * count for name, count in zip(models, tokens, strict=True)]
    return {"model": models, "point": points, "tokens": tokens, "training_flop": flops, "loss": loss}


def _lifetime_columns() -> Columns:
    """Both totals from no demand to 2T tokens, with a row where they are equal."""
    large, small, _, even = rivals()
    served = np.sort(np.append(np.linspace(0.0, SERVED, 41), even))
    totals = {
        f"total_flop_{name}": float(model.training) + served / SERVED * float(model.serving)
        for name, model in zip(SIZES, (large, small), strict=True)
    }
    return {"inference_tokens": served, **totals}


def _parts_columns() -> Columns:
    names = ("params", "tokens", "training", "serving", "total")
    models = rivals()[:2]
    units = {"training": "training_flop", "serving": "serving_flop", "total": "total_flop"}
    parts = {units.get(name, name): [float(getattr(model, name)) for model in models] for name in names}
    return {"model": list(SIZES), **parts}


def _draw_training(headline: str) -> Axes:
    ax = drawing.axes_of(None)
    drawing.label(ax, title=headline, x="training compute (FLOP)", y="loss (nats per token)")
    for name in SIZES:
        rows = _along(name)
        ax.plot(rows["training_flop"], rows["loss"], DASHES[name], color=COLOURS[name], label=f"{name} in training")
    ax.set_xscale("log")
    points = _points()
    large, turning, small = zip(points["training_flop"], points["loss"], strict=True)
    lengths = [drawing.short(tokens) for tokens in points["tokens"]]
    ax.axhline(large[1], color=drawing.GREY, linewidth=0.8, linestyle=":")
    ax.plot(*large, "s", color=COLOURS["13B"], label=f"13B, compute-optimal: {lengths[0]} tokens")
    ax.plot(*turning, "o", color=COLOURS["7B"], label=f"7B, compute-optimal: {lengths[1]} tokens")
    trained_on = f"7B, loss of the 13B: {lengths[2]} tokens"
    ax.plot(*small, "o", color=COLOURS["7B"], markerfacecolor="white", label=trained_on)
    ax.legend(loc="upper right")
    return ax


def _draw_lifetime(headline: str) -> Axes:
    ax, rows, even = drawing.axes_of(None), _lifetime_columns(), rivals().break_even
    drawing.label(ax, title=headline, x="tokens served", y="training and serving (FLOP)")
    for name in SIZES:
        ax.plot(rows["inference_tokens"], rows[f"total_flop_{name}"], DASHES[name], color=COLOURS[name], label=name)
    height = float(np.interp(even, rows["inference_tokens"], rows["total_flop_7B"]))
    ax.plot(even, height, "D", color=drawing.INK, markersize=6, zorder=3)
    ax.annotate(
        f"equal at {drawing.short(even)} tokens",
        (even, height),
        (12, -18),
        textcoords="offset points",
        color=drawing.INK,
    )
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: drawing.short(value)))
    ax.set_xlim(0, SERVED)
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left")
    return ax


def _draw_parts(headline: str) -> Axes:
    ax, rows = drawing.axes_of(None), _parts_columns()
    drawing.label(ax, title=headline, x="", y="FLOP")
    ax.grid(visible=False, axis="x")
    training, serving = np.asarray(rows["training_flop"]), np.asarray(rows["serving_flop"])
    bars = [f"{name} on {drawing.short(tokens)} tokens" for name, tokens in zip(SIZES, rows["tokens"], strict=True)]
    ax.bar(bars, training, color=drawing.BLUE, width=0.5, label="training")
    ax.bar(
        bars, serving, bottom=training, color=drawing.ORANGE, width=0.5, hatch="//", label="serving", edgecolor="white"
    )
    for index, total in enumerate(rows["total_flop"]):
        ax.annotate(format_cost(total, "FLOP"), (index, total), (0, 4), textcoords="offset points", ha="center")
    ax.set_xlim(-0.6, 1.6)
    ax.margins(y=0.12)
    ax.legend(loc="upper right")
    return ax
