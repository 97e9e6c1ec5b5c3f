"""What a figure and a table of the paper are."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes

Columns = dict[str, Any]
"""Numbers and words by column: sequences or arrays, all of one length."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper.

    Args:
        name: of its file.
        number: in the ICML paper, "2"; or where else it stands.
        first: its number in the first version; empty where it was not there.
        title: what it shows.
        columns: computes it.
    """

    name: str
    number: str
    first: str
    title: str
    columns: Callable[[], Columns]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of the paper.

    Args:
        name: of its files.
        number: in the ICML paper, "2a".
        first: its number in the first version; empty where it was not there.
        title: what it shows.
        columns: computes the numbers that are drawn.
        draw: draws it on new axes under a headline, and returns them.
    """

    name: str
    number: str
    first: str
    title: str
    columns: Callable[[], Columns]
    draw: Callable[[str], Axes]

    @property
    def headline(self) -> str:
        """Its numbers and its title."""
        earlier = f" (v1: {self.first})" if self.first else ""
        return f"Figure {self.number}{earlier}. {self.title}"


def stacked(parts: Sequence[Columns]) -> Columns:
    """Parts with the same columns, one below the other."""
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}
