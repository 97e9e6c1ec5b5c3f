"""`lifetimescale laws` and `lifetimescale chips`."""

import dataclasses
from collections.abc import Callable
from typing import Any

from lifetimescale.cli.options import Flag, InputError
from lifetimescale.cli.render import print_json, print_lines, print_table
from lifetimescale.units import format_count


def laws(name: str | None = None, /, *, json: Flag = False) -> None:
    """The published laws, or all about one of them.

    lifetimescale laws

    lifetimescale laws besiroglu2024

    Args:
        name: One law.
        json: Print one JSON object.
    """
    from lifetimescale import presets

    catalog = {key: _fields(preset) for key, preset in presets.law_presets().items()}
    rows = [[key, preset["title"]] for key, preset in catalog.items()]
    _show(presets.law_preset, catalog, ["law", "what it is"], rows, name, json=json)


def chips(name: str | None = None, /, *, json: Flag = False) -> None:
    """The chips, or all about one of them.

    lifetimescale chips

    lifetimescale chips h100

    Args:
        name: One chip.
        json: Print one JSON object.
    """
    from lifetimescale import presets
    from lifetimescale.costs import BYTES

    catalog = {key: _fields(preset) for key, preset in presets.chip_presets().items()}
    rows = [[key, preset["title"], *(_peak(preset, precision) for precision in BYTES), _price(preset)]
            for key, preset in catalog.items()]  # fmt: skip
    columns = ["chip", "what it is", *(f"{precision} FLOP/s" for precision in BYTES), "default $/h"]
    _show(presets.chip_preset, catalog, columns, rows, name, json=json)


def _fields(preset: Any) -> dict[str, Any]:
    fields = {field.name: getattr(preset, field.name) for field in dataclasses.fields(preset)}
    return {key: value for key, value in fields.items() if value not in (None, "", ())}


def _peak(preset: dict[str, Any], precision: str) -> str:
    return format_count(preset["peak"][precision]) if precision in preset["peak"] else ""


def _price(preset: dict[str, Any]) -> str:
    return f"{preset['price']:.2f}" if "price" in preset else ""


def _show(
    find: Callable[[str], Any],
    catalog: dict[str, dict[str, Any]],
    columns: list[str],
    rows: list[list[str]],
    name: str | None,
    *,
    json: bool,
) -> None:
    if name is not None:
        try:
            key = find(name).name
        except ValueError as error:
            raise InputError(str(error)) from None
        catalog = {key: catalog[key]}
    if json:
        print_json(catalog)
    elif name is None:
        print_table("", columns, rows, numbers=False)
    else:
        print_lines([f"{field}: {_text(value)}" for fields in catalog.values() for field, value in fields.items()])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
