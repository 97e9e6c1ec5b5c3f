"""Figures 3, 4 and 7: the loss and the scores of the runs."""

import functools
from collections.abc import Sequence
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from lifetimescale.paper.experiment import AVERAGE, CATEGORIES, Experiment
from lifetimescale.paper.items import Columns, Figure
from lifetimescale.paper.panels import MARKERS, by_size, frame, panels
from lifetimescale.plots import drawing

RATIO, LOSS, SCORE = "training tokens per param", "loss (nats per token)", "Gauntlet average"
GRID = (2, 3)


def trend_figures(experiment: Experiment) -> list[Figure]:
    """Figure 3 in its three panels, figure 4 and figure 7."""
    rows = [
        ("3a", "Loss by training tokens per param", ("tokens_per_param", "loss"), _draw_loss),
        ("3b", "Gauntlet average by training tokens per param", ("tokens_per_param", AVERAGE), _draw_score),
        ("3c", "Gauntlet average by loss", ("loss", AVERAGE), _draw_score_by_loss),
        ("4", "Loss by training compute", ("tokens_per_param", "training_flop", "loss"), _draw_compute),
        ("7", "Gauntlet categories by loss", ("loss", *CATEGORIES, AVERAGE), _draw_categories),
    ]
    return [
        Figure(
            name=f"fig{number}",
            number=number,
            first="",
            title=title,
            columns=functools.partial(run_columns, experiment, names),
            draw=functools.partial(draw, experiment),
        )
        for number, title, names, draw in rows
    ]


def run_columns(experiment: Experiment, names: Sequence[str]) -> Columns:
    """The runs by params and these columns."""
    known = {
        "tokens_per_param": experiment.tokens_per_param,
        "training_flop": np.asarray(experiment.runs.compute),
        "loss": experiment.loss,
        **experiment.scores,
    }
    return {"params": experiment.params, **{name: known[name] for name in names}}


def _draw_loss(experiment: Experiment, headline: str) -> Axes:
    ax = drawing.axes_of(None)
    by_size(experiment, ax, experiment.tokens_per_param, experiment.loss)
    return _finish(ax, headline, RATIO, LOSS, legend="lower right")


def _draw_score(experiment: Experiment, headline: str) -> Axes:
    ax = drawing.axes_of(None)
    by_size(experiment, ax, experiment.tokens_per_param, experiment.scores[AVERAGE])
    return _finish(ax, headline, RATIO, SCORE)


def _draw_score_by_loss(experiment: Experiment, headline: str) -> Axes:
    ax = drawing.axes_of(None)
    by_size(experiment, ax, experiment.loss, experiment.scores[AVERAGE], joined=False)
    ranks = experiment.rank_correlation(AVERAGE)
    correlations = f"Pearson {experiment.correlation(AVERAGE):.3f}, Spearman {ranks:.3f}"
    return _finish(ax, f"{headline}\n{correlations}", LOSS, SCORE)


def _draw_compute(experiment: Experiment, headline: str) -> Axes:
    """Lines of equal tokens per param, the shorter trainings the darker."""
    ax = drawing.axes_of(None)
    compute, ratios = np.asarray(experiment.runs.compute), np.unique(experiment.tokens_per_param)
    colours = matplotlib.colormaps[drawing.MAP](np.linspace(0, 0.85, len(ratios)))
    for index, (ratio, colour) in enumerate(zip(ratios, colours, strict=True)):
        rows = experiment.of_ratio(ratio)
        marker, dashes = MARKERS[index % len(MARKERS)], drawing.DASHES[index % 4]
        line = {"linestyle": dashes, "linewidth": 1.2, "marker": marker, "markersize": 5}
        ax.plot(compute[rows], experiment.loss[rows], color=colour, label=f"{ratio:,g}", **line)
    ax.set_xscale("log")
    drawing.label(ax, title=headline, x="training compute (FLOP)", y=LOSS)
    ax.legend(title="tokens per param", ncols=2)
    return ax


def _draw_categories(experiment: Experiment, headline: str) -> Axes:
    axes = panels(*GRID)
    for ax, name in zip(axes.flat, (*CATEGORIES, AVERAGE), strict=True):
        by_size(experiment, ax, experiment.loss, experiment.scores[name], joined=False)
        correlation = f"{experiment.correlation(name):.2f}"
        drawing.label(ax, title=f"{name.replace('_', ' ')}: r = {correlation}", x="", y="")
        ax.title.set_fontsize(10)
    frame(axes, title=headline, x=LOSS, y="score above chance")
    axes[0, 0].legend(title="params", fontsize=8)
    return axes[0, 0]


def _finish(
    ax: Axes, title: str, x: str, y: str, *, legend: Literal["upper right", "lower right"] = "upper right"
) -> Axes:
    drawing.label(ax, title=title, x=x, y=y)
    if x == RATIO:
        drawing.logarithmic(ax.xaxis)
    ax.legend(title="params", loc=legend)
    return ax
