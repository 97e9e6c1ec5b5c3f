"""Published laws, score maps, reference curves and chips, by name, each with its meaning, its source, its warning."""

from lifetimescale.presets.chips import ChipPreset as ChipPreset
from lifetimescale.presets.chips import chip as chip
from lifetimescale.presets.chips import chip_preset as chip_preset
from lifetimescale.presets.chips import chip_presets as chip_presets
from lifetimescale.presets.curves import ReferenceCurve as ReferenceCurve
from lifetimescale.presets.curves import reference_curve as reference_curve
from lifetimescale.presets.curves import reference_curves as reference_curves
from lifetimescale.presets.laws import LawPreset as LawPreset
from lifetimescale.presets.laws import law as law
from lifetimescale.presets.laws import law_preset as law_preset
from lifetimescale.presets.laws import law_presets as law_presets
from lifetimescale.presets.saved import load as load
from lifetimescale.presets.saved import save as save
from lifetimescale.presets.score_maps import ScorePreset as ScorePreset
from lifetimescale.presets.score_maps import score_map as score_map
from lifetimescale.presets.score_maps import score_preset as score_preset
from lifetimescale.presets.score_maps import score_presets as score_presets
