"""Figure 5 and table 1: laws fitted to the runs of at most so many tokens per param."""

import functools

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lifetimescale.laws import coefficients
from lifetimescale.paper.experiment import Column, Experiment
from lifetimescale.paper.items import Columns, Figure, Table, stacked
from lifetimescale.paper.panels import by_size, frame, panels
from lifetimescale.paper.printed import COEFFICIENTS
from lifetimescale.plots import drawing
from lifetimescale.presets import law_preset

FITS = {
    "≤ 100": "sardana2024_le100",
    "≤ 250": "sardana2024_le250",
    "≤ 500": "sardana2024_le500",
    "all": "sardana2024_all",
}
"""The presets by the most tokens per param of their runs."""

COLOURS = (drawing.BLUE, drawing.GREEN, drawing.ORANGE, drawing.INK)
DASHES = (":", "-.", "--", "-")
RATIOS = (10.0, 10_000.0, 61)  # tokens per param, from the first to the last
BY_SIZE, BY_FIT = (2, 3), (2, 2)
TITLE = "Loss by training tokens per param, with the laws of table 1"


def fit_figures(experiment: Experiment) -> list[Figure]:
    """Figure 5, and what its laws miss."""
    rows = [
        ("fig5", TITLE, fitted_columns, _draw_fits),
        ("fig5-residuals", "Errors of the laws of table 1", residual_columns, _draw_residuals),
    ]
    return [
        Figure(name, "5", "", title, functools.partial(columns, experiment), functools.partial(draw, experiment))
        for name, title, columns, draw in rows
    ]


def fit_table() -> Table:
    """Table 1: the coefficients that are printed beside those of the presets, which are the optima."""
    return Table(
        "table1", "1", "", "Coefficients fitted to the runs of at most so many tokens per param", _coefficients
    )


def _coefficients() -> Columns:
    """Two digits of the exponents are too few to predict with: see the warnings of the presets."""
    rows = [coefficients(law_preset(name).law()) for name in FITS.values()]
    columns: Columns = {"tokens_per_param": [name.replace("≤", "<=") for name in FITS], "law": list(FITS.values())}
    for name in ("alpha", "beta", "A", "B", "E"):
        columns[f"{name}_printed"] = [COEFFICIENTS[fit][name] for fit in FITS.values()]
        columns[name] = [float(row[name]) for row in rows]
    return columns


def predictions(experiment: Experiment) -> dict[str, Column]:
    """The loss of each run by each law."""
    params, tokens = jnp.asarray(experiment.params), jnp.asarray(np.asarray(experiment.runs.tokens))
    return {name: np.asarray(law_preset(preset).law()(params, tokens), float) for name, preset in FITS.items()}


def residual_columns(experiment: Experiment) -> Columns:
    """The loss of each run, by each law, and predicted/actual - 1."""
    runs = {"params": experiment.params, "tokens_per_param": experiment.tokens_per_param, "loss": experiment.loss}
    parts = [
        {"fit": [FITS[name]] * len(loss), **runs, "predicted": loss, "residual": loss / experiment.loss - 1}
        for name, loss in predictions(experiment).items()
    ]
    return stacked(parts)


def fitted_columns(experiment: Experiment) -> Columns:
    """The runs, then the curve of each law at each size."""
    observed = {
        "source": ["run"] * len(experiment.loss),
        "params": experiment.params,
        "tokens_per_param": experiment.tokens_per_param,
        "loss": experiment.loss,
    }
    curves = [_curve(preset, size) for preset in FITS.values() for size in experiment.sizes]
    return stacked([observed, *curves])


def _curve(preset: str, size: float) -> Columns:
    ratios = np.geomspace(*RATIOS)
    loss = law_preset(preset).law()(size, jnp.asarray(size * ratios))
    return {
        "source": [preset] * len(ratios),
        "params": [size] * len(ratios),
        "tokens_per_param": ratios,
        "loss": np.asarray(loss, float),
    }


def _draw_fits(experiment: Experiment, headline: str) -> Axes:
    """A panel for each size, with its runs and the four laws."""
    axes = panels(*BY_SIZE)
    for ax, size in zip(axes.flat, experiment.sizes, strict=False):
        for (name, preset), colour, dashes in zip(FITS.items(), COLOURS, DASHES, strict=True):
            curve = _curve(preset, float(size))
            ax.plot(curve["tokens_per_param"], curve["loss"], linestyle=dashes, color=colour, label=name, linewidth=1.4)
        rows = experiment.of_size(size)
        ax.plot(experiment.tokens_per_param[rows], experiment.loss[rows], "o", **_POINTS)
        drawing.label(ax, title=f"{drawing.short(size)} params", x="", y="")
        ax.title.set_fontsize(10)
        drawing.logarithmic(ax.xaxis)
    axes[0, 0].legend(title="fitted to D/N", fontsize=8, title_fontsize=8)
    frame(axes, title=headline, x="training tokens per param", y="loss (nats per token)")
    return axes[0, 0]


_POINTS = {
    "markersize": 4.5,
    "color": drawing.VERMILION,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
    "zorder": 3,
}


def _draw_residuals(experiment: Experiment, headline: str) -> Axes:
    """A panel for each law, with the runs that it was fitted to left of a line."""
    axes = panels(*BY_FIT)
    for ax, (name, loss) in zip(axes.flat, predictions(experiment).items(), strict=True):
        most = float(law_preset(FITS[name]).range["tokens_per_param"][1])
        ax.axvspan(experiment.tokens_per_param.min() * 0.8, most * 1.12, color="#eeeeee", zorder=0)
        ax.axhline(0, color=drawing.INK, linewidth=0.8)
        by_size(experiment, ax, experiment.tokens_per_param, loss / experiment.loss - 1, joined=False)
        drawing.label(ax, title=f"fitted to the shaded runs: {name}", x="", y="")
        ax.title.set_fontsize(10)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        drawing.logarithmic(ax.xaxis)
    axes[0, 0].legend(title="params", fontsize=8, title_fontsize=8, loc="lower left")
    frame(axes, title=headline, x="training tokens per param", y="error of the predicted loss")
    return axes[0, 0]
