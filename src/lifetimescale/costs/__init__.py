"""Costs: (params, tokens) -> FLOPs or dollars; they add and scale."""

from lifetimescale.costs.base import AbstractCost as AbstractCost
from lifetimescale.costs.base import Rates as Rates
from lifetimescale.costs.base import Scaled as Scaled
from lifetimescale.costs.base import Sum as Sum
from lifetimescale.costs.chip import BYTES as BYTES
from lifetimescale.costs.chip import Chip as Chip
from lifetimescale.costs.chip import Demand as Demand
from lifetimescale.costs.terms import TRAINING_FLOPS as TRAINING_FLOPS
from lifetimescale.costs.terms import FixedUtilization as FixedUtilization
from lifetimescale.costs.terms import Flops as Flops
from lifetimescale.costs.terms import Monomial as Monomial
from lifetimescale.costs.terms import Training as Training
