"""Fitted laws and the runs behind them."""

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lifetimescale.fitting import Fit
from lifetimescale.laws import AbstractLaw
from lifetimescale.plots.drawing import COLOURS, DASHES, GREY, INK, axes_of, label, logarithmic, short
from lifetimescale.runs import Runs

GROUPS = 6  # sizes that can be told apart at a glance
MARKERS = "osD^vX"
POINTS = 100
WIDTH = 2.0  # the least span of an axis, as a factor from its middle


def losses(fitted: Fit, ax: Axes | None = None, *, others: Mapping[str, AbstractLaw] | None = None) -> Axes:
    """The loss of runs by their tokens per param, with the fitted law at each size.

    Runs of many sizes are grouped by size, and the law drawn at the middle of each group. Figure 5 of Sardana et al.
    2024 (arXiv:2401.00448v2) is one of these.

    Args:
        fitted: from `lifetimescale.fit`; where the law has design variables, its own value at each run is a cross.
        ax: where to draw; new axes by default.
        others: laws to draw beside it, by name.
    """
    ax, runs = axes_of(ax), fitted.runs
    ax.set(xscale="log", yscale="log")
    laws = {"fitted": fitted.law, **(others or {})}
    for colour, marker, chosen, name in _groups(runs):
        ratio, loss = np.asarray(runs.tokens_per_param)[chosen], np.asarray(runs.loss)[chosen]
        ax.plot(
            ratio, loss, marker, color=colour, markersize=6, markeredgecolor="white", markeredgewidth=0.5, label=name
        )
        if runs.design:
            ax.plot(ratio, loss * np.exp(np.asarray(fitted.residuals)[chosen]), "x", color=colour, markersize=5)
            continue
        size = float(np.exp(np.mean(np.log(np.asarray(runs.params)[chosen]))))
        ratios = np.geomspace(ratio.min(), ratio.max(), POINTS)
        for law, dash in zip(laws.values(), DASHES, strict=False):
            ax.plot(ratios, np.asarray(law(size, size * ratios)), color=colour, linestyle=dash, linewidth=1.5)
    for name, dash in zip(laws, DASHES, strict=False) if others else ():
        ax.plot([], [], color=INK, linestyle=dash, label=name)
    label(ax, title="Runs and the law fitted to them", x="training tokens per param", y="loss")
    _widen(ax, np.asarray(runs.tokens_per_param))
    logarithmic(ax.xaxis)
    _plain(ax, np.asarray(runs.loss))
    ax.legend(fontsize=8.5, title="params", ncols=2)
    return ax


def residuals(fitted: Fit, ax: Axes | None = None) -> Axes:
    """How far the fitted law is from each run, by its training compute: a trend here is a law of the wrong form.

    Args:
        fitted: from `lifetimescale.fit`.
        ax: where to draw; new axes by default.
    """
    ax, runs = axes_of(ax), fitted.runs
    ax.set_xscale("log")
    off = np.expm1(np.asarray(fitted.residuals))
    for colour, marker, chosen, name in _groups(runs):
        ax.plot(np.asarray(runs.compute)[chosen], off[chosen], marker, color=colour, markersize=6,
                markeredgecolor="white", markeredgewidth=0.5, label=name)  # fmt: skip
    ax.axhline(0, color=INK, linewidth=1)
    middle = float(np.median(np.abs(off)))
    ax.axhspan(-middle, middle, color=GREY, alpha=0.2, linewidth=0, label=f"half of the runs: ±{100 * middle:.2g} %")
    label(ax, title="Predicted over observed loss", x="training compute 6 N D (FLOP)", y="predicted / observed - 1")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.legend(fontsize=8.5, title="params", ncols=2)
    return ax


def residual_quantiles(fitted: Fit, ax: Axes | None = None) -> Axes:
    """The sorted residuals against those of a normal error of equal median size: ends that bend away are outliers.

    It is against such that the Huber loss is there.

    Args:
        fitted: from `lifetimescale.fit`.
        ax: where to draw; new axes by default.
    """
    found = np.sort(np.asarray(fitted.residuals))
    expected = scipy.stats.norm.ppf((np.arange(found.size) + 0.5) / found.size)
    scale = np.median(np.abs(found)) / scipy.stats.norm.ppf(0.75)
    ax = axes_of(ax)
    ax.plot(expected, np.expm1(found), "o", color=COLOURS[0], markersize=4)
    ax.plot(expected, np.expm1(scale * expected), color=INK, linewidth=1, label=f"normal errors of {100 * scale:.2g} %")
    label(ax, title="Residuals beside normal errors", x="standard normal quantile", y="predicted / observed - 1")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.legend(fontsize=8.5)
    return ax


def _groups(runs: Runs) -> Iterator[tuple[str, str, np.ndarray, str]]:
    """Colour, marker, members and name of each size of model, or of up to six groups of like size."""
    params = np.asarray(runs.params)
    sizes = np.unique(params)
    if len(sizes) > GROUPS:
        ends = np.quantile(params, np.linspace(0, 1, GROUPS + 1))
        places = np.clip(np.searchsorted(ends, params, side="right") - 1, 0, GROUPS - 1)
    else:
        places = np.searchsorted(sizes, params)
    for place in np.unique(places):
        chosen = places == place
        low, high = short(params[chosen].min()), short(params[chosen].max())
        yield COLOURS[place], MARKERS[place], chosen, low if low == high else f"{low} to {high}"


def _widen(ax: Axes, ratios: np.ndarray) -> None:
    """Runs of nearly one ratio are not drawn over the width of their rounding."""
    middle = np.sqrt(ratios.min() * ratios.max())
    if ratios.max() < WIDTH * ratios.min():
        ax.set_xlim(middle / WIDTH, middle * WIDTH)


def _plain(ax: Axes, loss: np.ndarray) -> None:
    """Losses span less than a decade: marks at round numbers, in plain figures."""
    step = next(step for step in (0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, np.inf) if np.ptp(loss) / step < 8)
    marks = np.arange(np.floor(loss.min() / step), np.ceil(loss.max() / step) + 1) * step if np.isfinite(step) else []
    ax.yaxis.set_ticks([mark for mark in marks if mark > 0], minor=False)
    ax.yaxis.set_ticks([], minor=True)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
