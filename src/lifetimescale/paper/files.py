"""The files of figures and tables: the same bytes every time."""

import csv
import io
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from lifetimescale.files import write_whole
from lifetimescale.paper.items import Columns, Figure, Table
from lifetimescale.plots import drawing

DIGITS = 10  # fewer than processors differ in, and more than anyone reads
INDEX = "index.csv"


def _unwatched(done: int, total: int) -> None:
    """Nobody waits."""


def write_all(
    items: Sequence[Figure | Table],
    folder: pathlib.Path,
    *,
    picture: str = "svg",
    progress: Callable[[int, int], object] = _unwatched,
) -> list[dict[str, str]]:
    """Write each figure as a picture with its numbers beside it, each table as CSV, and an index of them all.

    Args:
        items: what to write.
        folder: is made if it is not there.
        picture: the kind of the pictures: "svg", "png" or "pdf".
        progress: is told after each item how many are written, and how many there are.

    Returns:
        The rows of the index: name, its place in the ICML paper and in the first version (empty
        where it was not there), title, picture (empty for a table) and numbers.

    Raises:
        ValueError: there is no such kind.
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for item in items:
        index.append(_write(item, folder, picture))
        progress(len(index), len(items))
    _write_csv(folder / INDEX, {name: [row[name] for row in index] for name in index[0]})
    return index


def _write(item: Figure | Table, folder: pathlib.Path, picture: str) -> dict[str, str]:
    numbers = f"{item.name}.csv"
    _write_csv(folder / numbers, item.columns())
    kind = type(item).__name__
    row = {"name": item.name, "icml": _place(kind, item.number), "v1": _place(kind, item.first), "title": item.title}
    if isinstance(item, Table):
        return row | {"picture": "", "numbers": numbers}
    drawing.write(item.draw(item.headline), folder / f"{item.name}.{picture}")
    return row | {"picture": f"{item.name}.{picture}", "numbers": numbers}


def _place(kind: str, number: str) -> str:
    """Where it stands: Figure 2a, Table 3, or the text."""
    return f"{kind} {number}" if number[:1].isdigit() else number


def _write_csv(path: pathlib.Path, columns: Columns) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    data = text.getvalue().encode()
    write_whole(path, lambda part: part.write_bytes(data))


def _cell(value: Any) -> str:
    """Text as it is, a number by its digits, and nothing for nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{float(value):.{DIGITS}g}"
