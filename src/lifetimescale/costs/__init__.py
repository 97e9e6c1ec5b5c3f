"""Costs: (params, tokens) -> FLOPs or dollars; they add and scale."""

from lifetimescale.costs.base import AbstractCost as AbstractCost
from lifetimescale.costs.base import Curvature as Curvature
from lifetimescale.costs.base import Limits as Limits
from lifetimescale.costs.base import Rates as Rates
from lifetimescale.costs.base import Scaled as Scaled
from lifetimescale.costs.base import Sum as Sum
from lifetimescale.costs.chip import BYTES as BYTES
from lifetimescale.costs.chip import Chip as Chip
from lifetimescale.costs.chip import Demand as Demand
from lifetimescale.costs.function import FunctionCost as FunctionCost
from lifetimescale.costs.recipes import api_cost as api_cost
from lifetimescale.costs.recipes import data_cost as data_cost
from lifetimescale.costs.recipes import fine_tuning_cost as fine_tuning_cost
from lifetimescale.costs.recipes import teacher_cost as teacher_cost
from lifetimescale.costs.roofline import Roofline as Roofline
from lifetimescale.costs.roofline import Stack as Stack
from lifetimescale.costs.shape import AbstractShape as AbstractShape
from lifetimescale.costs.shape import Ladder as Ladder
from lifetimescale.costs.shape import Shape as Shape
from lifetimescale.costs.terms import TRAINING_FLOPS as TRAINING_FLOPS
from lifetimescale.costs.terms import FixedUtilization as FixedUtilization
from lifetimescale.costs.terms import Flops as Flops
from lifetimescale.costs.terms import Monomial as Monomial
from lifetimescale.costs.terms import Training as Training
