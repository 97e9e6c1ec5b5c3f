"""Reading runs from a file: every check of the input stands at this door."""

import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from lifetimescale.runs.filters import apply_filters
from lifetimescale.runs.runs import Runs, requirement, usable
from lifetimescale.runs.table import Cells, Table, as_number, listed, numbers, read_table, shorten, shown
from lifetimescale.units import parse_count

SPELLINGS = {
    "params": ("n_params", "params", "parameters", "num_params", "total_params", "N", "model_parameters"),
    "tokens": ("n_tokens", "tokens", "training_tokens", "train_tokens", "num_tokens", "total_tokens", "D"),
    "loss": (
        *("loss", "smoothed_loss", "final_loss", "val_loss", "validation_loss", "eval_loss", "test_loss"),
        *("train_loss", "training_loss", "L"),
    ),
    "compute": ("flops", "flop", "compute", "training_flops", "training_flop", "training_compute", "C"),
    "weight": ("weight", "weights"),
}
SECOND_SPELLINGS = {"params": ("model size",)}
"""Looked for where none of the first is there: a "model size" is often a name beside the count."""


def read_runs(
    path: str | os.PathLike[str],
    *,
    params: str | None = None,
    tokens: str | None = None,
    loss: str | None = None,
    compute: str | None = None,
    weight: str | None = None,
    max_tokens_per_param: float | int | None = None,
    where: str | Sequence[str] = (),
    design: str | Sequence[str] | Mapping[str, str] = (),
) -> Runs:
    """Training runs from a table with a header: a .csv, a .tsv or a .parquet file.

    Columns are found by their common spellings, in upper or lower case and with any signs between: n_params, N,
    "Training tokens", val_loss. A number may end in K, M, B, T or Q. Rows stay in their order, and none is left out
    but by the rules given here, of which `Runs.left_out` keeps count. Where there are no tokens, D = C/(6 N).

    Args:
        path: the file.
        params: the column of N, where its spelling is not common, or more than one is.
        tokens: the column of D.
        loss: the column of L.
        compute: the column of C, training FLOP; where it is named, D is found from it even if there are tokens.
        weight: the column of weights; all are 1 where there is none.
        max_tokens_per_param: the largest D/N to use.
        where: rows to use, as "epochs<=1" or ["train_dataset=rpj", "seed!="] (with any seed), by = == != < <= > or
            >=; what reads as a number is compared as one. A row that is not used may hold anything.
        design: the columns of design variables, as ["unique_tokens"]; or, where the file calls them otherwise,
            {"unique_tokens": "n_tokens_unique"}.

    Returns:
        The runs.

    Raises:
        ValueError: the file, a column, a cell or a filter cannot be used, or no rows are left; the message says which
            and what to do. Rows are counted from 1, without the header.

    >>> import pathlib, tempfile
    >>> from lifetimescale.runs import read_runs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "runs.csv")
    ...     _ = path.write_text("Params,Tokens,val_loss,seed\\n1B,20B,2.58,1\\n2B,40B,2.40,1\\n2B,40B,2.41,2\\n")
    ...     print(read_runs(path, where="seed=1"))
    2 runs of 1.00B to 2.00B params, 20.0B to 40.0B tokens, loss 2.4 to 2.58; 1 left out (seed=1)
    """
    if tokens is not None and compute is not None:
        raise ValueError("tokens and compute both say how long a run was: name one of them")
    if max_tokens_per_param is not None and not max_tokens_per_param > 0:
        raise ValueError(f"max_tokens_per_param is {max_tokens_per_param}: give a number above 0")
    table = read_table(pathlib.Path(path))
    named = {"params": params, "tokens": tokens, "loss": loss, "compute": compute, "weight": weight}
    columns, varied = _columns(table, named), _design_columns(table, design)
    table, left_out = apply_filters(table, where)
    values = {role: checked_numbers(table, role, column) for role, column in columns.items()}
    varied = {name: checked_numbers(table, "design", column) for name, column in varied.items()}
    if "compute" in columns:
        values["tokens"] = _tokens(table, columns, values["params"], values.pop("compute"))
    if max_tokens_per_param is not None:
        short = _short_runs(table, values, max_tokens_per_param)
        values, varied = ({name: column[short] for name, column in kept.items()} for kept in (values, varied))
        left_out += [] if short.all() else [(f"tokens per param <= {max_tokens_per_param:g}", int((~short).sum()))]
    return Runs(**values, left_out=tuple(left_out), design=varied)


def _columns(table: Table, named: dict[str, str | None]) -> dict[str, str]:
    """The column of each role, with either tokens or compute."""
    length = ("tokens", "compute") if named["compute"] is None else ("compute",)
    columns = dict(find_column(table, roles, named) for roles in (("params",), length, ("loss",)))
    weight = _column(table, "weight", named["weight"])
    return columns if weight is None else columns | {"weight": weight}


def _design_columns(table: Table, design: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """The column of each design variable."""
    names = [design] if isinstance(design, str) else design
    columns = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    for column in columns.values():
        table.check(column)
    return columns


def find_column(table: Table, roles: Sequence[str], named: dict[str, str | None]) -> tuple[str, str]:
    """The first of these roles that has a column, and the column."""
    for role in roles:
        if (column := _column(table, role, named[role])) is not None:
            return role, column
    spelt = ", nor one of ".join(_spelt(role) for role in roles)
    either = ", and either would do" if len(roles) > 1 else ""
    raise ValueError(f"{table.source} has no column of {spelt}{either}: {_advice(table, roles)}")


def _column(table: Table, role: str, name: str | None) -> str | None:
    """The column that is named, or else the one with a common spelling, if there is one."""
    found = [name] if name is not None else _spelt_like(table, SPELLINGS[role])
    found = found or _spelt_like(table, SECOND_SPELLINGS.get(role, ()))
    if len(set(found)) > 1:
        rivals = " and ".join(shown(column) for column in dict.fromkeys(found))
        raise ValueError(f"{table.source}: {rivals} could each be the {role}: name one, as {role}={found[0]!r}")
    if not found:
        return None
    table.check(found[0])
    return found[0]


def _spelt_like(table: Table, spellings: tuple[str, ...]) -> list[str]:
    plain = {_plain(spelling) for spelling in spellings}
    return [column for column in table.header if _plain(column) in plain]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _spelt(role: str) -> str:
    return f"{role} (spelt {', '.join((*SPELLINGS[role], *SECOND_SPELLINGS.get(role, ())))})"


def _advice(table: Table, roles: Sequence[str]) -> str:
    """What to do about a missing column."""
    if not np.isnan(numbers(table.header)).any():
        return "begin the file with the names of the columns"
    if len(table.header) == 1 and (sign := re.search(r"[,;\t|]", table.header[0])):
        return f"the cells seem to be separated by {sign[0]!r}, so save them as .csv with commas or as .tsv with tabs"
    return f"name one by {' or '.join(f'{role}=' for role in roles)}, there are {listed(table.header)}"


def checked_numbers(table: Table, role: str, column: str) -> Float[np.ndarray, " n"]:
    """The numbers of a column, which are all such as its role needs."""
    cells = table.cells(column)
    values = numbers(cells)
    _check(table, role, column, cells, values)
    return values


def _check(table: Table, role: str, column: str, cells: Cells, values: Float[np.ndarray, " n"]) -> None:
    wrong = ~usable(values, role=role)
    if wrong.any():
        table.refuse(wrong, _reason(role, column, str(cells[int(np.argmax(wrong))]).strip()), name=column)


def _reason(role: str, column: str, text: str) -> str:
    """What is wrong with a cell, and what to do."""
    if not text:
        return f"the cell is empty: fill it in, or leave such rows out by where={column + '!='!r}"
    try:
        parse_count(shorten(text))
    except ValueError as error:
        if np.isnan(as_number(text)):
            return str(error)
    subject = column if role == "design" else role
    return f"{shown(text)} is out of range: every {subject} must be {requirement(role)}"


def _tokens(table: Table, columns: dict[str, str], params: Any, compute: Any) -> Float[np.ndarray, " n"]:
    """D = C/(6 N)."""
    with np.errstate(all="ignore"):  # what overflows is refused
        tokens = compute / params / 6
    _check(table, "tokens", f"{columns['compute']}/(6 {columns['params']})", tokens, tokens)
    return tokens


def _short_runs(table: Table, values: dict[str, Any], most: float | int) -> Bool[np.ndarray, " n"]:
    """Which runs have at most so many tokens per parameter; some do."""
    with np.errstate(over="ignore"):
        ratio = values["tokens"] / values["params"]
    short = ratio <= most * (1 + 1e-9)  # 100 keeps ratios of 100 that were rounded
    if not short.any():
        least = f"the least ratio is {ratio.min():g}"
        raise ValueError(f"{table.source}: max_tokens_per_param={most:g} leaves none of the {len(table)} rows: {least}")
    return short
