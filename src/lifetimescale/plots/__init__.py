"""Pictures of what the library gives back: `(result, ax=None) -> ax`, with the extra `plots` (matplotlib).

Each draws on the axes that it is given, or on those of a new figure, and returns them: `write(ax, "plan.svg")` keeps
the picture, and `ax.figure` shows it in a notebook that has said `%matplotlib inline`. No setting of matplotlib is
changed. Colours are told apart by readers of any colour vision, and lines by their dashes too.
"""

try:
    import matplotlib as matplotlib
except ModuleNotFoundError:
    raise ModuleNotFoundError('pictures need matplotlib: pip install "lifetimescale[plots]"') from None

from lifetimescale.plots.breakdown import breakdown as breakdown
from lifetimescale.plots.clouds import cloud as cloud
from lifetimescale.plots.decisions import overpays as overpays
from lifetimescale.plots.drawing import write as write
from lifetimescale.plots.fits import losses as losses
from lifetimescale.plots.fits import residual_quantiles as residual_quantiles
from lifetimescale.plots.fits import residuals as residuals
from lifetimescale.plots.iso_loss import iso_loss as iso_loss
from lifetimescale.plots.maps import Contour as Contour
from lifetimescale.plots.maps import ratio_contours as ratio_contours
from lifetimescale.plots.maps import ratio_map as ratio_map
from lifetimescale.plots.sweeps import sweep as sweep
from lifetimescale.plots.tornado import tornado as tornado
from lifetimescale.plots.universal import Relative as Relative
from lifetimescale.plots.universal import relative as relative
from lifetimescale.plots.universal import universal_curve as universal_curve
