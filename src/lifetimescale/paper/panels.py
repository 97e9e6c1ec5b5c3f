"""Pictures of several panels, and runs drawn by their size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifetimescale.paper.experiment import Column, Experiment
from lifetimescale.plots import drawing

MARKERS = "osD^vP*X"
INCHES = (3.1, 2.7)  # of one panel


def panels(rows: int, columns: int) -> np.ndarray:
    """The axes of a new figure, all on the same scales."""
    size = INCHES[0] * columns, INCHES[1] * rows + 0.5
    return Figure(figsize=size, layout="constrained").subplots(rows, columns, sharex=True, sharey=True)


def frame(axes: np.ndarray, *, title: str, x: str, y: str) -> None:
    """The title of all panels, and the names of their axes."""
    figure = axes[0, 0].get_figure(root=True)
    figure.suptitle(title)
    figure.supxlabel(x, fontsize=10)
    figure.supylabel(y, fontsize=10)


def by_size(experiment: Experiment, ax: Axes, x: Column, y: Column, *, joined: bool = True) -> None:
    """The runs of each size with a colour, a marker and dashes of their own."""
    styles = zip(experiment.sizes, drawing.COLOURS, MARKERS, drawing.DASHES, strict=False)
    for size, colour, marker, dashes in styles:
        rows, line = experiment.of_size(size), {"linestyle": dashes if joined else "none", "linewidth": 1.2}
        ax.plot(x[rows], y[rows], color=colour, marker=marker, markersize=5, label=drawing.short(size), **line)
