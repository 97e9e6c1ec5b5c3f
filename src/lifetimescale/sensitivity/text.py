"""Tables and numbers as plain text."""

import math
from collections.abc import Sequence

from lifetimescale.units import format_count


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length, the first of them the heads: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = row
    cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([name.ljust(widths[0]), *cells]).rstrip()


def decimals(value: float) -> str:
    """An elasticity or an index."""
    return f"{round(value, 3) + 0.0:.3f}" if math.isfinite(value) else "-"


def amount(value: float) -> str:
    """A number of a plan: four digits, or three and a suffix if it is large."""
    if not math.isfinite(value):
        return "no plan"
    return f"{value:.4g}" if abs(value) < 1e3 else format_count(value)


def by_size(values: dict[str, float]) -> list[str]:
    """Names by falling magnitude of their numbers, those without one last."""
    return sorted(values, key=lambda name: -abs(values[name]) if math.isfinite(values[name]) else math.inf)
