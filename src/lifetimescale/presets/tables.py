"""How presets are read and found: one TOML table each, and the nearest name where there is none."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any


def tables(file: str) -> dict[str, dict[str, Any]]:
    """The tables of a file of this folder, by name."""
    return tomllib.loads(resources.files("lifetimescale.presets").joinpath(file).read_text(encoding="utf-8"))


def tuples(table: dict[str, Any], field: str) -> dict[str, Any]:
    """The table with one of its lists as a tuple, empty where there is none."""
    return table | {field: tuple(table.get(field, ()))}


def lookup(kind: str, name: str, presets: Mapping[str, Any], listed: Iterable[str]) -> Any:
    """The preset of that name.

    Raises:
        ValueError: there is none; the message has the nearest name, or all that are listed.
    """
    if name in presets:
        return presets[name]
    nearest = difflib.get_close_matches(name.lower(), presets, n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(listed)}."
    raise ValueError(f"no {kind} named {name!r}: {hint}")
