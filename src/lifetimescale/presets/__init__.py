"""Published laws and chips, by name, each with its meaning, its range, its source and its warning."""

import dataclasses
import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from jaxtyping import ArrayLike

from lifetimescale.costs import Chip
from lifetimescale.laws import AbstractCoupled, FittedRange
from lifetimescale.presets.saved import LAWS
from lifetimescale.presets.saved import load as load
from lifetimescale.presets.saved import save as save


@dataclasses.dataclass(frozen=True)
class LawPreset:
    """A published law: what its coefficients are, what its variables mean, and what to beware of.

    `covariance` is that of (log A, log B, log E, alpha, beta) where it is known, else None.
    """

    name: str
    title: str
    family: str
    coefficients: Mapping[str, float]
    params_meaning: str
    tokens_meaning: str
    loss_meaning: str
    range: Mapping[str, list[float]]
    source: str
    warning: str
    aliases: tuple[str, ...] = ()
    covariance: Mapping[str, Any] | None = None

    def law(self) -> AbstractCoupled:
        """The law itself."""
        ranges = {name: (low, high) for name, (low, high) in self.range.items()}
        return LAWS[self.family](**self.coefficients, fitted=FittedRange(**ranges))


@dataclasses.dataclass(frozen=True)
class ChipPreset:
    """A chip as its data sheet has it; `price` (dollars per hour) only where the paper or its authors' code has one."""

    name: str
    title: str
    year: int
    peak: Mapping[str, float]
    source: str
    memory: float | None = None
    bandwidth: float | None = None
    power: float | None = None
    price: float | None = None
    price_source: str = ""
    note: str = ""
    seen: tuple[Mapping[str, Any], ...] = ()


def law(name: str) -> AbstractCoupled:
    """A published law by name; `law_presets()` lists them.

    Args:
        name: "chinchilla" has the coefficients of arXiv:2401.00448; "besiroglu2024" is the better choice for a real
            decision.

    Raises:
        ValueError: there is no such preset; the message has the nearest name.

    >>> float(law("chinchilla").alpha).__round__(3)
    0.336
    """
    return law_preset(name).law()


def chip(name: str, *, price: ArrayLike | None = None) -> Chip:
    """A chip by name; `chip_presets()` lists them.

    Args:
        name: "a100-80gb", "h100", "b200" mean the SXM parts; the others are spelt out, like "h100-pcie".
        price: dollars per hour; only the chips of the paper and of its authors' code have a default.

    Raises:
        ValueError: there is no such preset (the message has the nearest name), or it has no price and none is given.
    """
    preset = chip_preset(name)
    price = preset.price if price is None else price
    if price is None:
        raise ValueError(f"chip {name} has no default price: give one in dollars per hour, price=2.50")
    known = {"memory": preset.memory, "bandwidth": preset.bandwidth}
    rest = {field: value for field, value in known.items() if value is not None}
    return Chip(price, **preset.peak, **rest)


def law_preset(name: str) -> LawPreset:
    """All that is known of a published law, by name or alias; raises as `law` does."""
    presets = law_presets()
    by_alias = {alias: preset for preset in presets.values() for alias in preset.aliases}
    return _lookup("law", name, {**presets, **by_alias}, presets)


def chip_preset(name: str) -> ChipPreset:
    """All that is known of a chip, by name; raises as `chip` does."""
    return _lookup("chip", name, chip_presets(), chip_presets())


@functools.cache
def law_presets() -> Mapping[str, LawPreset]:
    """All published laws, by name."""
    return {name: LawPreset(name, **_tuples(table, "aliases")) for name, table in _tables("laws.toml").items()}


@functools.cache
def chip_presets() -> Mapping[str, ChipPreset]:
    """All chips, by name."""
    return {name: ChipPreset(name, **_tuples(table, "seen")) for name, table in _tables("chips.toml").items()}


def _tables(file: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(resources.files("lifetimescale.presets").joinpath(file).read_text(encoding="utf-8"))


def _tuples(table: dict[str, Any], field: str) -> dict[str, Any]:
    return table | {field: tuple(table.get(field, ()))}


def _lookup(kind: str, name: str, presets: Mapping[str, Any], listed: Iterable[str]) -> Any:
    if name in presets:
        return presets[name]
    nearest = difflib.get_close_matches(name.lower(), presets, n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(listed)}."
    raise ValueError(f"no {kind} named {name!r}: {hint}")
