"""A finished sweep read back from its folder, column by column."""

import math
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from lifetimescale.scenarios import Boxes
from lifetimescale.sweeps.layout import Files, read_manifest
from lifetimescale.sweeps.results import Results


def read_sweep(folder: str | os.PathLike[str]) -> Results:
    """The results of a finished sweep; each column is read when it is asked for.

    Any reader of Parquet takes the files too: DuckDB as `from 'results/*.parquet'`.

    Args:
        folder: the `out` of `sweep`.

    Raises:
        ValueError: there is no finished sweep in the folder.
    """
    path = pathlib.Path(folder)
    manifest = read_manifest(path)
    if not manifest.get("finished"):
        state = "an unfinished sweep, so run it again to the end" if manifest else "no sweep"
        raise ValueError(f"{path} holds {state}: give the folder of a finished one")
    dimensions, along = manifest["dimensions"], manifest["coordinates"]
    if manifest["reductions"]:
        found = {
            name: _reduction(path / f"{name}.parquet", by, dimensions, along)
            for name, by in manifest["reductions"].items()
        }
        return Results({}, {}, {}, {}, found)
    boxes = Boxes(tuple(dimensions.values()), manifest["specification"]["chunk"])
    files = Files(path, boxes.count, reduced=False)
    coordinates = _Lazy(
        tuple(along), lambda name: (along[name], _coordinate(files, boxes, name, [*dimensions].index(along[name])))
    )
    columns = _Lazy(tuple(manifest["outputs"]), lambda name: _whole_column(files, boxes, name))
    units = {name: unit for name, unit in manifest["outputs"].items() if unit}
    return Results(dimensions, coordinates, columns, units)


class _Lazy(Mapping[str, Any]):
    """Values that are read when asked for."""

    def __init__(self, names: tuple[str, ...], read: Callable[[str], Any]):
        self.names, self.read = names, read

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _whole_column(files: Files, boxes: Boxes, name: str) -> np.ndarray:
    found = np.empty(0)
    for index, path in enumerate(files):
        values = _column(path, name)
        if index == 0:
            found = np.empty(math.prod(boxes.shape), values.dtype)
        found[boxes.rows(index)] = values
    return found.reshape(boxes.shape)


def _column(path: pathlib.Path, name: str) -> np.ndarray:
    return pq.read_table(path, columns=[name])[name].to_numpy()


def _coordinate(files: Files, boxes: Boxes, name: str, place: int) -> np.ndarray:
    """A column of the scenarios along its dimension, from the boxes where all others are at their start."""
    parts = []
    for index in range(boxes.count):
        box = boxes[index]
        if all(part.start == 0 for k, part in enumerate(box) if k != place):
            edge = tuple(slice(None) if k == place else 0 for k in range(len(box)))
            parts.append(_column(files[index], name).reshape(boxes.lengths(index))[edge])
    return np.concatenate(parts)


def _reduction(path: pathlib.Path, by: list[str], dimensions: dict[str, int], along: dict[str, str]) -> Results:
    table = pq.read_table(path)
    sizes = {name: dimensions[name] for name in by}
    shape = tuple(sizes.values())
    columns = {name: table[name].to_numpy().reshape(shape) for name in table.column_names}
    coordinates = {}
    for name in [name for name in columns if along.get(name) in by]:
        edge = tuple(slice(None) if dimension == along[name] else 0 for dimension in by)
        coordinates[name] = (along[name], columns.pop(name)[edge])
    units = {
        field.name: field.metadata[b"unit"].decode() for field in table.schema if b"unit" in (field.metadata or {})
    }
    return Results(sizes, coordinates, columns, units)
