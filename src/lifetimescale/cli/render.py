"""What the commands print: one JSON object for programs, a table and a sentence for people."""

import json
import math
from typing import Any

from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """One JSON object on stdout; what is not a number is null."""
    print(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None
    return value


def print_table(title: str, columns: list[str], rows: list[list[str]], *, numbers: bool = True) -> None:
    """A table; all columns but the first are numbers unless said otherwise."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if numbers and index else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def print_lines(lines: list[str]) -> None:
    """Sentences, wrapped to the terminal."""
    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False)
