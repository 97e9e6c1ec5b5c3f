"""Published laws by name."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from lifetimescale.laws import AbstractLaw
from lifetimescale.presets.curves import reference_curves
from lifetimescale.presets.saved import build
from lifetimescale.presets.tables import lookup, tables, tuples


@dataclasses.dataclass(frozen=True)
class LawPreset:
    """A published law: what its coefficients are, what its variables mean, and what to beware of.

    `design_meaning` has a sentence for each design variable; `range` has the design variables whose range is known
    beside params, tokens and tokens_per_param. The coefficients of a law within the law are a table of their own.
    `covariance` is that of (log A, log B, log E, alpha, beta) where it is known, else None.
    """

    name: str
    title: str
    family: str
    coefficients: Mapping[str, Any]
    params_meaning: str
    tokens_meaning: str
    loss_meaning: str
    range: Mapping[str, list[float]]
    source: str
    warning: str
    design_meaning: Mapping[str, str] = dataclasses.field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    covariance: Mapping[str, Any] | None = None

    def law(self) -> AbstractLaw:
        """The law itself."""
        return build(self.family, self.coefficients, self.range)


def law(name: str) -> AbstractLaw:
    """A published law by name; `law_presets()` lists them.

    Args:
        name: "chinchilla" has the coefficients of arXiv:2401.00448; "besiroglu2024" is the better choice for a real
            decision.

    Raises:
        ValueError: there is no such preset, or it is a reference curve; the message has the name or call to take.

    >>> print(f"{law('chinchilla').alpha:.3f}")
    0.336
    >>> print(f"{law('ludziejewski2025_moe')(1e9, 2e10, {'experts': 8}):.3f}")
    2.509
    """
    return law_preset(name).law()


def law_preset(name: str) -> LawPreset:
    """All that is known of a published law, by name or alias; raises as `law` does."""
    presets = law_presets()
    if name in reference_curves():
        raise ValueError(reference_curves()[name].why_not_a_law)
    by_alias = {alias: preset for preset in presets.values() for alias in preset.aliases}
    return lookup("law", name, {**presets, **by_alias}, presets)


@functools.cache
def law_presets() -> Mapping[str, LawPreset]:
    """All published laws, by name."""
    return {name: LawPreset(name, **tuples(table, "aliases")) for name, table in tables("laws.toml").items()}
