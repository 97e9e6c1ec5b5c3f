"""The figures and tables of Sardana et al. 2024 (arXiv:2401.00448), made again: numbers, pictures and files.

Figures have the numbers of the ICML paper (arXiv v2 and v3), beside those of the first version where it had them.
"""

from lifetimescale.paper.catalog import figures as figures
from lifetimescale.paper.catalog import figures_of_runs as figures_of_runs
from lifetimescale.paper.catalog import tables as tables
from lifetimescale.paper.experiment import Experiment as Experiment
from lifetimescale.paper.experiment import read_experiment as read_experiment
from lifetimescale.paper.files import write_all as write_all
from lifetimescale.paper.items import Figure as Figure
from lifetimescale.paper.items import Table as Table
