"""Sweeps: many scenarios, in chunks, into memory or into a folder where nothing is lost."""

from lifetimescale.sweeps.job import pick as pick
from lifetimescale.sweeps.planner import Planner as Planner
from lifetimescale.sweeps.reading import read_sweep as read_sweep
from lifetimescale.sweeps.reductions import Least as Least
from lifetimescale.sweeps.reductions import Quantiles as Quantiles
from lifetimescale.sweeps.reductions import Summary as Summary
from lifetimescale.sweeps.results import Results as Results
from lifetimescale.sweeps.sweep import Estimate as Estimate
from lifetimescale.sweeps.sweep import estimate as estimate
from lifetimescale.sweeps.sweep import sweep as sweep
