"""A file as a table of cells: nothing is taken for a number here, and every cell knows its place in the file."""

import contextlib
import csv
import dataclasses
import difflib
import io
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Bool, Float, Int

from lifetimescale.units import parse_count

Cells = Sequence[Any] | np.ndarray
"""Text, or the numbers of a Parquet file; what is missing is an empty text."""


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a file that are still in use.

    Args:
        source: the file, for messages.
        header: the names of the columns.
        column: all cells of the column with that index.
        rows: which rows of the file are in use, counted from 0.
        lines: the line of each row of a text file.
    """

    source: str
    header: tuple[str, ...]
    column: Callable[[int], Cells]
    rows: Int[np.ndarray, " n"]
    lines: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Bool[np.ndarray, " n"]) -> "Table":
        """Those of the rows."""
        return dataclasses.replace(self, rows=self.rows[chosen])

    def check(self, name: str) -> None:
        """Refuse a column that is not there, or is there twice."""
        count = self.header.count(name)
        if count == 0:
            lower = {column.lower(): column for column in self.header}
            nearest = difflib.get_close_matches(name.lower(), lower, n=1)
            hint = f"did you mean {shown(lower[nearest[0]])}?" if nearest else f"there are {listed(self.header)}"
            raise ValueError(f"{self.source} has no column {shown(name)}: {hint}")
        if count > 1:
            raise ValueError(f"{self.source} has {count} columns called {shown(name)}: rename all but one")

    def cells(self, name: str) -> Cells:
        """The cells of a column, in the rows in use."""
        self.check(name)
        cells = self.column(self.header.index(name))
        if len(cells) == len(self):
            return cells
        return cells[self.rows] if isinstance(cells, np.ndarray) else [cells[row] for row in self.rows.tolist()]

    def check_cells(self, name: str, right: Bool[np.ndarray, " n"], reason: str) -> None:
        """Refuse the first cell of a column that is not right, and quote it."""
        if not right.all():
            cell = str(self.cells(name)[int(np.argmin(right))]).strip()
            self.refuse(~right, f"{shown(cell)} {reason}", name=name)

    def refuse(self, wrong: Bool[np.ndarray, " n"], reason: str, *, name: str | None = None) -> NoReturn:
        """Say what is wrong with the first of these rows, and how many more there are."""
        row, more = int(self.rows[np.argmax(wrong)]), int(wrong.sum()) - 1
        line = f" (line {self.lines[row]})" if self.lines else ""
        column = f", column {shown(name)}" if name else ""
        others = f"; {more} more {'row is' if more == 1 else 'rows are'} wrong" if more else ""
        raise ValueError(f"{self.source}, row {row + 1}{line}{column}: {reason}{others}")


def numbers(cells: Cells) -> Float[np.ndarray, " n"]:
    """Cells as numbers, with NaN for those that are none."""
    try:
        return np.asarray(cells, float)
    except ValueError:
        return np.array([as_number(cell) for cell in cells])


def as_number(cell: str | float) -> float:
    """A number as Python or `parse_count` reads it; NaN for anything else.

    >>> as_number("1e9"), as_number("7B"), as_number("seven")
    (1000000000.0, 7000000000.0, nan)
    """
    try:
        return float(cell)
    except ValueError:
        with contextlib.suppress(ValueError):
            return parse_count(str(cell))
    return float("nan")


def shorten(text: str) -> str:
    """At most 40 characters."""
    return text if len(text) <= 40 else text[:39] + "…"


def shown(cell: Any) -> str:
    """A cell or a name in quotes, on one line and not too long."""
    return repr(shorten(str(cell)))


def listed(names: Iterable[Any], *, most: int = 20) -> str:
    """The first so many names, and the number of the others."""
    quoted = [shown(name) for name in names]
    return ", ".join(quoted[:most]) + (f" and {len(quoted) - most} more" if len(quoted) > most else "")


def read_table(path: pathlib.Path) -> Table:
    """Read a file by its suffix: .parquet, .tsv with tabs, and anything else with commas.

    Raises:
        ValueError: it cannot be read or has no rows; the message says what to do.
    """
    data, suffix = _data(path), path.suffix.lower()
    table = _parquet(path, data) if suffix == ".parquet" else _text(path, data, "\t" if suffix == ".tsv" else ",")
    if len(table) == 0:
        raise ValueError(f"{path} has a header and no rows: give at least one")
    return table


def _data(path: pathlib.Path) -> bytes:
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the path of a .csv, .tsv or .parquet file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist: give the path of a .csv, .tsv or .parquet file") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): check the path and its permissions") from None


def _text(path: pathlib.Path, data: bytes, delimiter: str) -> Table:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path} is not text in UTF-8 (line {line}): save it as UTF-8, or as .parquet") from None
    rows, lines = _rows(path, text, delimiter)
    if not rows:
        raise ValueError(f"{path} is empty: give a line with the names of the columns, then one row a line")
    header, rows, lines = tuple(name.strip() for name in rows[0]), rows[1:], lines[1:]
    table = Table(str(path), header, lambda index: [cells[index] for cells in rows], np.arange(len(rows)), lines)
    wrong = np.array([len(cells) != len(header) for cells in rows], bool)
    if wrong.any():
        count = len(rows[int(np.argmax(wrong))])
        advice = "put a cell that holds the separator in quotes" if count > len(header) else "leave no cell out"
        table.refuse(wrong, f"it has {count} cells, but the header has {len(header)}: {advice}")
    return table


def _rows(path: pathlib.Path, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The cells of each row, and its line; lines without any character are no rows."""
    # not strict, a quotation mark that is never closed would swallow the rest of the file without a word
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    rows, lines, line = [], [], 1
    try:
        for cells in reader:
            if cells:
                rows.append(cells)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}: close every quotation mark, and double it in quotes") from None
    return rows, lines


def _parquet(path: pathlib.Path, data: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read()
        table.validate(full=True)
        header = tuple(name.strip() for name in table.column_names)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise ValueError(f"{path} cannot be read as Parquet: write it again, or save it as .csv") from None
    return Table(str(path), header, lambda index: _arrow_cells(table.column(index)), np.arange(len(table)))


def _arrow_cells(column: Any) -> Cells:
    import pyarrow as pa

    if column.null_count == 0 and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return column.to_numpy()
    return [_arrow_cell(value) for value in column.to_pylist()]


def _arrow_cell(value: Any) -> str | float:
    if value is None:
        return ""
    # numbers stay what they are; True is no 1
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
