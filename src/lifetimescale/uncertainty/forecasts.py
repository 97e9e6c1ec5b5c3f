"""Forecasts of demand and prices from a file, each with its weight."""

import os
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lifetimescale.runs.table import Table, numbers, read_table
from lifetimescale.units import is_whole

WEIGHT = "weight"


class Forecasts(eqx.Module):
    """Scenarios of some numbers, with weights.

    Args:
        columns: the numbers by name, one of every scenario.
        weights: of the scenarios, in any unit.
    """

    columns: dict[str, Float[Array, " n"]]
    weights: Float[Array, " n"]

    def sample(self, size: float | int, *, key: PRNGKeyArray) -> dict[str, Float[Array, " size"]]:
        """So many draws, in random order, to go with draws of a law: each scenario as often as its weight says.

        At evenly spaced shares from one random start, so a scenario is there its share of the time to within one.

        Args:
            size: how many.
            key: of `jax.random`.

        Raises:
            ValueError: it is not a whole number above 0.
        """
        if not is_whole(size) or size < 1:
            raise ValueError(f"size={size}: sample a whole number, at least 1")
        size = int(size)
        shift, order = jax.random.split(key)
        ends = jnp.cumsum(self.weights) / jnp.sum(self.weights)
        shares = (jnp.arange(size, dtype=ends.dtype) + jax.random.uniform(shift, dtype=ends.dtype)) / size
        chosen = jnp.searchsorted(ends, shares, side="right")
        chosen = jax.random.permutation(order, jnp.minimum(chosen, len(self.weights) - 1))
        return {name: column[chosen] for name, column in self.columns.items()}


def read_forecasts(path: str | os.PathLike[str]) -> Forecasts:
    """Forecasts from a table: a column for each number, named as in `Planner`, and `weight` if they are not alike.

    Args:
        path: a .csv, a .tsv or a .parquet file; a number may end in K, M, B, T or Q.

    Raises:
        ValueError: the file, a column or a cell cannot be used; the message says which and what to do.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "forecasts.csv")
    ...     _ = path.write_text("inference_tokens,weight\\n1T,3\\n5T,1\\n")
    ...     print(read_forecasts(path).columns["inference_tokens"])
    [1.e+12 5.e+12]
    """
    table = read_table(pathlib.Path(path))
    names = [name for name in table.header if name != WEIGHT]
    if not names or not len(table):
        raise ValueError(f"{table.source} has no forecasts: give a column for each number, such as inference_tokens")
    columns = {name: _column(table, name) for name in names}
    weights = _column(table, WEIGHT) if WEIGHT in table.header else np.ones(len(table))
    if not weights.any():
        raise ValueError(f"{table.source} has no weights but 0: give one forecast some")
    return Forecasts({name: jnp.asarray(column) for name, column in columns.items()}, jnp.asarray(weights))


def _column(table: Table, name: str) -> Float[np.ndarray, " n"]:
    column = numbers(table.cells(name))
    right = np.isfinite(column) & (column >= 0)
    table.check_cells(name, right, "is no number of 0 or more: write it like 2T or 0.25")
    return column
