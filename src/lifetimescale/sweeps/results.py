"""What a sweep gives back: columns by name, with the dimensions, coordinates and units to read them by."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import jax
import numpy as np

from lifetimescale.scenarios import AbstractBlock, Scenarios

if TYPE_CHECKING:
    import xarray

AT_ONCE = 2**20  # rows of draws whose numbers are worked out in one call


@dataclasses.dataclass(frozen=True, eq=False)
class Results(Mapping[str, np.ndarray]):
    """The results of a sweep: `results["params"]` is an array with one axis for each dimension of the scenarios.

    Columns that lie in a folder are read when asked for, one by one.

    Args:
        dimensions: the size of each, by name.
        coordinates: of each column of the scenarios, the dimension that it varies along and its values.
        columns: the outputs by name.
        units: of the columns, where they are known.
        reductions: the results of each reduction, by name; there are columns or reductions.
    """

    dimensions: Mapping[str, int]
    coordinates: Mapping[str, tuple[str, np.ndarray]]
    columns: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    reductions: "Mapping[str, Results]" = dataclasses.field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each dimension."""
        return tuple(self.dimensions.values())

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def dataset(self) -> "xarray.Dataset":
        """All columns as an xarray Dataset, with coordinates and units; needs the extra `grids`.

        Raises:
            ModuleNotFoundError: xarray is not installed.
        """
        try:
            import xarray
        except ModuleNotFoundError:
            raise ModuleNotFoundError('a Dataset needs xarray: pip install "lifetimescale[grids]"') from None
        units = {name: {"units": unit} for name, unit in self.units.items()}
        columns = {name: (tuple(self.dimensions), column, units.get(name, {})) for name, column in self.columns.items()}
        coordinates = {name: (along, values, units.get(name, {})) for name, (along, values) in self.coordinates.items()}
        return xarray.Dataset(columns, coordinates)


def coordinates(scenarios: Scenarios, dimensions: tuple[str, ...]) -> dict[str, tuple[str, np.ndarray]]:
    """The columns of the scenarios along some of their dimensions."""
    blocks = [block for block in scenarios.blocks if block.dimension in dimensions]
    return {name: (block.dimension, values) for block in blocks for name, values in _values(block).items()}


def _values(block: AbstractBlock) -> dict[str, np.ndarray]:
    columns = jax.jit(block.columns)
    ends = range(0, block.size, AT_ONCE)
    parts = [columns(block.rows(start, min(block.size, start + AT_ONCE))) for start in ends]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in block.names}
