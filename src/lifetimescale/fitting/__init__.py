"""From training runs to a law, how sure it is, and how well it predicts."""

from lifetimescale.fitting.bootstrap import bootstrap as bootstrap
from lifetimescale.fitting.bootstrap import intervals as intervals
from lifetimescale.fitting.bootstrap import standard_errors as standard_errors
from lifetimescale.fitting.fit import Fit as Fit
from lifetimescale.fitting.fit import fit as fit
from lifetimescale.fitting.planted import planted_runs as planted_runs
from lifetimescale.fitting.prediction import Prediction as Prediction
from lifetimescale.fitting.prediction import compare as compare
from lifetimescale.fitting.prediction import leave_one_size_out as leave_one_size_out
from lifetimescale.fitting.prediction import predict as predict
from lifetimescale.fitting.prediction import split as split
from lifetimescale.fitting.score import ScoreFit as ScoreFit
from lifetimescale.fitting.score import fit_score as fit_score
