"""Loss laws: (params, tokens) -> loss, and (params, tokens, design) -> loss. One formula, one class."""

from lifetimescale.laws.base import AbstractDesignLaw as AbstractDesignLaw
from lifetimescale.laws.base import AbstractLaw as AbstractLaw
from lifetimescale.laws.base import FittedRange as FittedRange
from lifetimescale.laws.base import check_design as check_design
from lifetimescale.laws.base import coefficients as coefficients
from lifetimescale.laws.coupled import AbstractCoupled as AbstractCoupled
from lifetimescale.laws.coupled import Chinchilla as Chinchilla
from lifetimescale.laws.coupled import Coupled as Coupled
from lifetimescale.laws.coupled import Kaplan as Kaplan
from lifetimescale.laws.distilled import Distilled as Distilled
from lifetimescale.laws.effective import AbstractEffective as AbstractEffective
from lifetimescale.laws.effective import Logs as Logs
from lifetimescale.laws.experts import FineGrainedExperts as FineGrainedExperts
from lifetimescale.laws.experts import MixtureOfExperts as MixtureOfExperts
from lifetimescale.laws.experts import SparseExperts as SparseExperts
from lifetimescale.laws.farseer import Farseer as Farseer
from lifetimescale.laws.function import FunctionLaw as FunctionLaw
from lifetimescale.laws.precision import LowPrecision as LowPrecision
from lifetimescale.laws.precision import QuantizedAfterTraining as QuantizedAfterTraining
from lifetimescale.laws.repeated import DataConstrained as DataConstrained
from lifetimescale.laws.sampled import TestTime as TestTime
from lifetimescale.laws.shape import AspectRatio as AspectRatio
from lifetimescale.laws.turning import Turning as Turning
