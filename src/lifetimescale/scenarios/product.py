"""The product of blocks of scenarios, and its division into boxes of equal shape."""

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from lifetimescale.scenarios.blocks import AbstractBlock


@dataclasses.dataclass(frozen=True, eq=False)
class Scenarios:
    """Every combination of the rows of some blocks, of which the last varies fastest.

    `grid`, `table` and `draws` make them, and they multiply: `grid(...) * draws(...)` is every combination of both.

    Args:
        blocks: each with the columns that vary together along one dimension.

    Raises:
        ValueError: two dimensions, or two columns, have one name.
    """

    blocks: "tuple[AbstractBlock, ...]"

    def __post_init__(self):
        for kind, names in (("dimensions", self.dimensions), ("columns", self.names)):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"two {kind} are named {min(twice)!r}: give each a name of its own")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the dimensions: an axis has its own name, tables have "row", draws have "draw"."""
        return tuple(block.dimension for block in self.blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(name for block in self.blocks for name in block.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each dimension."""
        return tuple(block.size for block in self.blocks)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each dimension, by name."""
        return dict(zip(self.dimensions, self.shape, strict=True))

    @property
    def size(self) -> int:
        """How many scenarios there are."""
        return math.prod(self.shape)

    def dimension_of(self, name: str) -> int:
        """Which dimension a column varies along."""
        return next(index for index, block in enumerate(self.blocks) if name in block.names)

    def columns(self) -> dict[str, jax.Array]:
        """Every column by name, with a row for each scenario."""
        columns = {}
        for place, block in enumerate(self.blocks):
            along = [1] * place + [block.size] + [1] * (len(self.blocks) - place - 1)
            for name, column in block.columns(block.rows(0, block.size)).items():
                columns[name] = jnp.broadcast_to(column.reshape(along), self.shape).ravel()
        return columns

    def describe(self) -> list[dict[str, Any]]:
        """All that the scenarios depend on, as JSON."""
        return [block.describe() for block in self.blocks]

    def __mul__(self, other: "Scenarios") -> "Scenarios":
        return Scenarios(self.blocks + other.blocks) if isinstance(other, Scenarios) else NotImplemented


@dataclasses.dataclass(frozen=True)
class Boxes:
    """Scenarios in boxes of equal shape, each of consecutive scenarios: the last dimensions whole, one in pieces.

    In a box the numbers of each dimension are a vector of their own, so that what depends on one of them alone is
    computed once, and sums along a dimension are sums along an axis.

    Args:
        shape: of all scenarios.
        most: scenarios in a box at most; a box has more than a third of that, or is all there is.
    """

    shape: tuple[int, ...]
    most: int

    @functools.cached_property
    def box(self) -> tuple[int, ...]:
        """The shape of a box; the last piece of a dimension may be shorter."""
        box, room = [], self.most
        for size in reversed(self.shape):
            pieces = math.ceil(size / max(1, room))
            box.append(math.ceil(size / pieces))
            room = room // size if pieces == 1 else 1
        return tuple(reversed(box))

    @functools.cached_property
    def pieces(self) -> tuple[int, ...]:
        """How many pieces each dimension is in."""
        return tuple(math.ceil(size / length) for size, length in zip(self.shape, self.box, strict=True))

    @property
    def count(self) -> int:
        """How many boxes there are."""
        return math.prod(self.pieces)

    def __getitem__(self, index: int) -> tuple[slice, ...]:
        """Where a box lies, as a slice of each dimension."""
        slices = []
        for size, length, pieces in reversed([*zip(self.shape, self.box, self.pieces, strict=True)]):
            index, piece = divmod(index, pieces)
            slices.append(slice(piece * length, min(size, (piece + 1) * length)))
        return tuple(reversed(slices))

    def lengths(self, index: int) -> tuple[int, ...]:
        """The shape of one box."""
        return tuple(part.stop - part.start for part in self[index])

    def size(self, index: int) -> int:
        """How many scenarios one box has."""
        return math.prod(self.lengths(index))

    def rows(self, index: int) -> slice:
        """Which scenarios a box has, counted with the last dimension fastest."""
        start = 0
        for size, part in zip(self.shape, self[index], strict=True):
            start = start * size + part.start
        return slice(start, start + self.size(index))
