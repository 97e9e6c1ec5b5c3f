"""Reading traffic from a file: every check of the input stands at this door."""

import os
import pathlib
import re

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from lifetimescale.runs.table import Table, numbers, read_table
from lifetimescale.traffic.curves import TrafficTable

LAST_MONTH = 1200
"""Of a century; 202601 is meant as a date."""
_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def read_traffic(path: str | os.PathLike[str]) -> TrafficTable:
    """Traffic from a table with the columns `month` and `requests`: a .csv, a .tsv or a .parquet file.

    Months are counted from launch (1, 2, 3, ...), or are dates (2026-01) that begin with the month of launch. Month m
    falls at (m - 1/2)/12 years; a month that is not there has no requests. A number may end in K, M, B, T or Q.

    Args:
        path: the file.

    Raises:
        ValueError: the file, a column or a cell cannot be used, a month is there twice, or there are no requests; the
            message says which and what to do. Rows are counted from 1, without the header.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "traffic.csv")
    ...     _ = path.write_text("month,requests\\n2026-01,1.2M\\n2026-02,1.5M\\n2026-04,3M\\n")
    ...     print(f"{read_traffic(path).requests:.4g}")
    5.7e+06
    """
    table = read_table(pathlib.Path(path))
    months, requests = _months(table), _requests(table)
    return TrafficTable(jnp.asarray((months - 0.5) / 12), jnp.asarray(requests))


def _requests(table: Table) -> Float[np.ndarray, " n"]:
    requests = numbers(table.cells("requests"))
    right = np.isfinite(requests) & (requests >= 0)
    table.check_cells("requests", right, "is no number of requests: give 0 or more")
    if not requests.any():
        raise ValueError(f"{table.source} has no requests, all months are 0: give one month some")
    return requests


def _months(table: Table) -> Float[np.ndarray, " n"]:
    """The months, counted from launch as 1."""
    cells = table.cells("month")
    dates = [_DATE.fullmatch(str(cell).strip()) for cell in cells]
    months = numbers(cells)
    if dates[0]:
        months = np.array([12.0 * int(date[1]) + int(date[2]) if date else np.nan for date in dates])
        table.check_cells("month", ~np.isnan(months), "is no date like the first: write it like 2026-01")
        months -= months[0] - 1
        table.check_cells("month", months >= 1, "is before the first row's month: begin with the month of launch")
    whole = (months >= 1) & (months <= LAST_MONTH) & (months == np.floor(months))
    table.check_cells("month", whole, f"is no month: count 1, 2, 3 to {LAST_MONTH}, or write all like 2026-01")
    first = np.isin(np.arange(len(months)), np.unique(months, return_index=True)[1])
    table.check_cells("month", first, "is there already: give each month one row")
    return months
