"""All that is made again."""

from lifetimescale.paper.cases import case_tables
from lifetimescale.paper.contours import map_figures
from lifetimescale.paper.experiment import Experiment
from lifetimescale.paper.fits import fit_figures, fit_table
from lifetimescale.paper.items import Figure, Table
from lifetimescale.paper.schematic import schematic_figures
from lifetimescale.paper.tables import plan_tables
from lifetimescale.paper.trends import trend_figures


def figures() -> list[Figure]:
    """The figures that a formula is behind: 1, 2 and 6, each in three panels."""
    return [*schematic_figures(), *map_figures()]


def figures_of_runs(experiment: Experiment) -> list[Figure]:
    """The figures that runs are behind: 3, 4, 5 and 7."""
    return [*trend_figures(experiment), *fit_figures(experiment)]


def tables() -> list[Table]:
    """Tables 1 to 3, and the examples of the text and of the authors' README."""
    return [fit_table(), *plan_tables(), *case_tables()]
