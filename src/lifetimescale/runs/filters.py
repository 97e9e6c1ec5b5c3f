"""Which rows of a table to use: "train_dataset=rpj", "epochs<=1"."""

import operator
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from lifetimescale.runs.table import Cells, Table, as_number, listed, numbers, shown

COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
OPERATORS = ("=", "==", "!=", *COMPARISONS)


def apply_filters(table: Table, rules: str | Sequence[str]) -> tuple[Table, list[tuple[str, int]]]:
    """The rows that every rule keeps, and how many each of them left out, in turn.

    Raises:
        ValueError: a rule cannot be read, or leaves no rows; the message says what to do.
    """
    left_out = []
    for rule in [rules] if isinstance(rules, str) else rules:
        column, sign, wanted = _parse(table, rule)
        kept = table.take(_chosen(table, column, sign, wanted))
        if len(kept) == 0:
            there = listed(dict.fromkeys(table.cells(column)), most=5)
            raise ValueError(f"{table.source}: {rule!r} leaves none of {len(table)} rows: {shown(column)} has {there}")
        if len(kept) < len(table):
            left_out.append((rule.strip(), len(table) - len(kept)))
        table = kept
    return table, left_out


def _parse(table: Table, rule: str) -> tuple[str, str, str]:
    """Column, operator and value, parted at the first operator that follows the name of a column."""
    parts = [
        (rule[: sign.start()].strip(), sign[0], rule[sign.end() :].strip()) for sign in re.finditer("[=!<>]+", rule)
    ]
    signs = " ".join(OPERATORS)
    if not parts:
        raise ValueError(f"{rule!r} is no filter: write a column, one of {signs} and a value, like epochs<=1")
    column, sign, wanted = next((part for part in parts if part[0] in table.header), parts[0])
    table.check(column)
    if sign not in OPERATORS:
        raise ValueError(f"{rule!r} has the unknown operator {sign}: use one of {signs}, with a space before the value")
    return column, sign, wanted


def _chosen(table: Table, column: str, sign: str, wanted: str) -> Bool[np.ndarray, " n"]:
    cells, number = table.cells(column), as_number(wanted)
    if sign in COMPARISONS:
        if np.isnan(number):
            raise ValueError(f"{sign} cannot compare {shown(column)} with {shown(wanted)}: give a number")
        return COMPARISONS[sign](_comparable(table, column, sign, cells), number)
    if np.isnan(number):
        same = np.array([str(cell).strip() == wanted for cell in cells], bool)
    else:
        same = numbers(cells) == number
    return ~same if sign == "!=" else same


def _comparable(table: Table, column: str, sign: str, cells: Cells) -> Float[np.ndarray, " n"]:
    values = numbers(cells)
    wrong = np.isnan(values)
    if wrong.any():
        cell = shown(cells[int(np.argmax(wrong))])
        advice = f"leave such rows out by a filter before, like {column + '!='!r}"
        table.refuse(wrong, f"{cell} is not a number, which {sign} needs: {advice}", name=column)
    return values
