"""Scenarios of a sweep: axes in every combination, tables, random draws, and their products."""

from lifetimescale.scenarios.blocks import AbstractBlock as AbstractBlock
from lifetimescale.scenarios.blocks import grid as grid
from lifetimescale.scenarios.blocks import table as table
from lifetimescale.scenarios.distributions import AbstractDistribution as AbstractDistribution
from lifetimescale.scenarios.distributions import LogNormal as LogNormal
from lifetimescale.scenarios.distributions import LogUniform as LogUniform
from lifetimescale.scenarios.distributions import Uniform as Uniform
from lifetimescale.scenarios.distributions import as_distributions as as_distributions
from lifetimescale.scenarios.distributions import check_seed as check_seed
from lifetimescale.scenarios.draws import draws as draws
from lifetimescale.scenarios.product import Boxes as Boxes
from lifetimescale.scenarios.product import Scenarios as Scenarios
