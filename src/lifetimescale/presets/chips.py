"""Chips by name."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from jaxtyping import ArrayLike

from lifetimescale.costs import Chip
from lifetimescale.presets.tables import lookup, tables, tuples


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


def chip_preset(name: str) -> ChipPreset:
    """All that is known of a chip, by name; raises as `chip` does."""
    return lookup("chip", name, chip_presets(), chip_presets())


@functools.cache
def chip_presets() -> Mapping[str, ChipPreset]:
    """All chips, by name."""
    return {name: ChipPreset(name, **tuples(table, "seen")) for name, table in tables("chips.toml").items()}
