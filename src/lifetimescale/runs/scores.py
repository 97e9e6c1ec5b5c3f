"""Losses and benchmark scores of the same models, from a file."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lifetimescale.runs.filters import apply_filters
from lifetimescale.runs.read import checked_numbers, find_column
from lifetimescale.runs.table import numbers, read_table, shown

Pair = tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]


def read_scores(
    path: str | os.PathLike[str], *, score: str, loss: str | None = None, where: str | Sequence[str] = ()
) -> Pair:
    """The losses and the scores of models, for `fit_score`, from a file that `read_runs` could read.

    Args:
        path: the file.
        score: the column of the score, any finite number.
        loss: the column of the loss, where its spelling is not common.
        where: rows to use, as in `read_runs`.

    Raises:
        ValueError: the file, a column, a cell or a filter cannot be used; the message says which and what to do.
    """
    table = read_table(pathlib.Path(path))
    _, column = find_column(table, ("loss",), {"loss": loss})
    table, _ = apply_filters(table, where)
    losses, cells = checked_numbers(table, "loss", column), table.cells(score)
    scores = numbers(cells)
    wrong = ~np.isfinite(scores)
    if wrong.any():
        table.refuse(wrong, f"{shown(cells[int(np.argmax(wrong))])} is no score: give a finite number", name=score)
    return losses, scores
