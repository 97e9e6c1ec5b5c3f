"""Loss laws: (params, tokens) -> loss. One formula, one class."""

from lifetimescale.laws.base import AbstractLaw as AbstractLaw
from lifetimescale.laws.base import FittedRange as FittedRange
from lifetimescale.laws.base import coefficients as coefficients
from lifetimescale.laws.coupled import AbstractCoupled as AbstractCoupled
from lifetimescale.laws.coupled import Chinchilla as Chinchilla
from lifetimescale.laws.coupled import Coupled as Coupled
from lifetimescale.laws.coupled import Kaplan as Kaplan
from lifetimescale.laws.function import FunctionLaw as FunctionLaw
