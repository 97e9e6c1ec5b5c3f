"""One compiled program for all boxes of a sweep, over all devices that this process has."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec, SingleDeviceSharding

from lifetimescale.compilation import compiled
from lifetimescale.scenarios import AbstractBlock
from lifetimescale.sweeps.job import Job, Rows
from lifetimescale.sweeps.reductions import State

NAME = "scenarios"


class Program:
    """A job, compiled for some devices: they share the longest dimension of a box, and each works by itself.

    No device waits for another, nothing passes between them, and a box that does not divide evenly is filled up with
    its own last row, which is cut off again.
    """

    def __init__(self, job: Job, devices: Sequence[Any] | None = None):
        devices = jax.local_devices() if devices is None else [*devices]
        self.job = job
        box = job.boxes.box
        self.shared = int(np.argmax(box))
        self.lengths = [-(-n // len(devices)) * len(devices) if k == self.shared else n for k, n in enumerate(box)]
        evaluate, reduce = job.evaluate, job.reduce
        if len(devices) == 1:  # without a mesh, for which all would be traced anew
            self.shardings: list[Any] = [SingleDeviceSharding(devices[0])] * len(box)
        else:
            mesh = jax.make_mesh((len(devices),), (NAME,), axis_types=(AxisType.Auto,), devices=devices)
            given = tuple(self._along(0 if k == self.shared else None, 1) for k in range(len(box)))
            self.shardings = [NamedSharding(mesh, spec) for spec in given]
            apart = functools.partial(jax.shard_map, mesh=mesh, check_vma=False)
            evaluate = apart(evaluate, in_specs=(given,), out_specs=self._row_specs())
            reduce = apart(reduce, in_specs=(self._row_specs(), given), out_specs=self._part_specs())
        self.evaluate, self.reduce = compiled(evaluate), compiled(reduce)
        self.held: list[Any] = [None] * len(box)

    def start(self, index: int) -> Any:
        """Have the devices begin with a box; returns before they are done.

        Reductions are a program of their own: in one with the plans, XLA computes these anew for each of them.
        """
        given, valid = zip(*(self._given(k, part) for k, part in enumerate(self.job.boxes[index])), strict=True)
        rows = self.evaluate(given)
        return self.reduce(rows, valid) if self.job.reductions else rows

    def _given(self, k: int, part: slice) -> Any:
        """Some rows of a block on the devices, and which count; most dimensions have those of the box before."""
        if self.held[k] is None or self.held[k][0] != part:
            filled = _filled(self.job.scenarios.blocks[k], part, self.lengths[k])
            valid = np.arange(self.lengths[k]) < part.stop - part.start
            self.held[k] = part, jax.device_put((filled, valid), self.shardings[k])
        return self.held[k][1]

    def fetch_rows(self, index: int, rows: Rows) -> Rows:
        """The numbers of a box on this machine, once the devices are done."""
        sizes = self.job.boxes.lengths(index)
        place = self.job.scenarios.dimension_of
        return Rows(
            {name: self._kept(rows.columns[name])[: sizes[place(name)]] for name in self.job.scenarios.names},
            {name: self._kept(rows.outputs[name])[tuple(map(slice, sizes))] for name in self.job.outputs},
        )

    def _kept(self, array: jax.Array) -> np.ndarray:
        """On this machine, in the type that is kept; a program that rounds is half again as slow on CPUs."""
        values = np.asarray(array)
        return values.astype(self.job.dtype, copy=False) if np.issubdtype(values.dtype, np.floating) else values

    def fetch_parts(self, index: int, parts: dict[str, dict[str, jax.Array]]) -> dict[str, State]:
        """What is kept of a box, on this machine, once the devices are done; theirs is merged in their order."""
        return {name: self._merged(index, name, part) for name, part in parts.items()}

    def _merged(self, index: int, name: str, part: dict[str, jax.Array]) -> State:
        reduction = self.job.reductions[name]
        lengths = self.job.boxes.lengths(index)
        sizes = [lengths[k] for k in self.job.dimensions(reduction)]
        arrays = {key: _wide(np.asarray(value))[(slice(None), *map(slice, sizes))] for key, value in part.items()}
        count = len(next(iter(arrays.values())))
        return functools.reduce(reduction.merge, [{k: array[i] for k, array in arrays.items()} for i in range(count)])

    def _row_specs(self) -> Any:
        place, rank = self.job.scenarios.dimension_of, len(self.lengths)
        columns = {name: self._along(0 if place(name) == self.shared else None, 1) for name in self.job.scenarios.names}
        return Rows(columns, {name: self._along(self.shared, rank) for name in self.job.outputs})

    def _part_specs(self) -> Any:
        return {name: self._part_spec(name) for name in self.job.reductions}

    def _part_spec(self, name: str) -> PartitionSpec:
        by = self.job.dimensions(self.job.reductions[name])
        return self._along(1 + by.index(self.shared) if self.shared in by else 0, 1 + len(by))

    def _along(self, axis: int | None, rank: int) -> PartitionSpec:
        return PartitionSpec(*(NAME if place == axis else None for place in range(rank)))


def _filled(block: AbstractBlock, part: slice, length: int) -> Any:
    """The rows of a block, filled up with the last one."""
    missing = length - (part.stop - part.start)
    return jax.tree.map(lambda rows: np.pad(rows, (0, missing), mode="edge"), block.rows(part.start, part.stop))


def _wide(array: np.ndarray) -> np.ndarray:
    """Merged in float64 and int64, whatever the devices compute in."""
    kinds = {"f": np.float64, "i": np.int64, "u": np.int64}
    return array.astype(kinds.get(array.dtype.kind, array.dtype))
