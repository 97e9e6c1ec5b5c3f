"""Training runs, and how they are read from files."""

from lifetimescale.runs.read import read_runs as read_runs
from lifetimescale.runs.runs import Runs as Runs
from lifetimescale.runs.runs import check_runs as check_runs
from lifetimescale.runs.scores import read_scores as read_scores
