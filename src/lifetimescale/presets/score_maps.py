"""Published score maps by name: from the loss of a law to the error of its models on benchmarks."""

import dataclasses
import functools
from collections.abc import Mapping

from lifetimescale.presets.saved import SCORES
from lifetimescale.presets.tables import lookup, tables
from lifetimescale.scores import AbstractScore


@dataclasses.dataclass(frozen=True)
class ScorePreset:
    """A published score map: what its coefficients are, what loss it takes, what it gives, and what to beware of."""

    name: str
    title: str
    family: str
    coefficients: Mapping[str, float]
    loss_meaning: str
    score_meaning: str
    source: str
    warning: str

    def score_map(self) -> AbstractScore:
        """The map itself."""
        return SCORES[self.family](**self.coefficients)


def score_map(name: str) -> AbstractScore:
    """A published score map by name; `score_presets()` lists them.

    Args:
        name: of the models and their tasks, like "gadre2024_redpajama_17"; it goes with the law of the same models.

    Raises:
        ValueError: there is no such preset; the message has the nearest name.

    >>> print(f"{score_map('gadre2024_redpajama_17').loss_for(0.45):.3f}")
    2.365
    """
    return score_preset(name).score_map()


def score_preset(name: str) -> ScorePreset:
    """All that is known of a published score map, by name; raises as `score_map` does."""
    return lookup("score map", name, score_presets(), score_presets())


@functools.cache
def score_presets() -> Mapping[str, ScorePreset]:
    """All published score maps, by name."""
    return {name: ScorePreset(name, **table) for name, table in tables("scores.toml").items()}
