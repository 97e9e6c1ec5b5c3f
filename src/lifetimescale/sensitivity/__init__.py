"""Sensitivity: which numbers move a plan, at a point, from end to end of a range, and under uncertainty."""

from lifetimescale.sensitivity.elasticities import Elasticities as Elasticities
from lifetimescale.sensitivity.elasticities import elasticities as elasticities
from lifetimescale.sensitivity.sobol import SobolIndices as SobolIndices
from lifetimescale.sensitivity.sobol import sobol as sobol
from lifetimescale.sensitivity.tornado import Tornado as Tornado
from lifetimescale.sensitivity.tornado import tornado as tornado
