"""`lifetimescale laws` and `lifetimescale chips`."""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

from lifetimescale.cli.options import Flag, InputError
from lifetimescale.cli.render import print_json, print_lines, print_table
from lifetimescale.units import format_count


def laws(name: str | None = None, /, *, json: Flag = False) -> None:
    """The published laws, with their design variables in brackets, or all about one of them.

    lifetimescale laws

    lifetimescale laws besiroglu2024

    Args:
        name: One law.
        json: Print one JSON object.
    """
    from lifetimescale import presets
    from lifetimescale.cli.inputs import start

    start()
    catalog = {key: _law_fields(preset) for key, preset in presets.law_presets().items()}
    rows = [[key, preset["title"] + _in_brackets(preset.get("variables", ()))] for key, preset in catalog.items()]
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


def _law_fields(preset: Any) -> dict[str, Any]:
    """The fields of a law, with its design variables in place of their meanings: what they are and where they lie."""
    fields = _fields(preset)
    meaning = fields.pop("design_meaning", {})
    if meaning:
        variables = preset.law().variables
        fields["variables"] = {name: {"meaning": text, **_choice(variables[name])} for name, text in meaning.items()}
    return fields


def _in_brackets(names: Iterable[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _choice(choice: Any) -> dict[str, Any]:
    """The numbers to choose from, or the ends, of a design variable; nothing where a plan has to be given it."""
    from lifetimescale.design import OneOf

    if isinstance(choice, OneOf):
        return {"choices": [float(number) for number in choice.choices]}
    ends = {"least": float(choice.least), "most": float(choice.most)}
    return ends if math.isfinite(ends["most"]) else {}


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
        print_lines([line for fields in catalog.values() for line in _lines(fields)])


def _lines(fields: dict[str, Any]) -> list[str]:
    variables = [f"design variable {key}: {_variable(value)}" for key, value in fields.get("variables", {}).items()]
    return [f"{field}: {_text(value)}" for field, value in fields.items() if field != "variables"] + variables


def _variable(variable: dict[str, Any]) -> str:
    where = "A plan is given it, or a range of it."
    if "choices" in variable:
        where = f"Plans choose one of {', '.join(map(_text, variable['choices']))}."
    elif "least" in variable:
        where = f"Plans choose from {_text(variable['least'])} to {_text(variable['most'])}."
    return f"{variable['meaning']} {where}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} ({_text(item)})" if isinstance(item, dict) else f"{key} {_text(item)}"
                         for key, item in value.items())  # fmt: skip
    if isinstance(value, list | tuple):
        return "; ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
