"""Results in a folder: each box a file that is whole or not there, and a manifest of them all."""

import io
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifetimescale.files import clear_partial, write_whole
from lifetimescale.sweeps.job import Job, Rows, along
from lifetimescale.sweeps.layout import LABEL, MANIFEST, Files, held_fingerprint, label, read_label, read_manifest
from lifetimescale.sweeps.program import Program
from lifetimescale.sweeps.reading import read_sweep
from lifetimescale.sweeps.reductions import State
from lifetimescale.sweeps.results import Results
from lifetimescale.sweeps.store import AbstractStore, merge, reduced, units

# Bytes of equal place are put together and packed quickly: on one core 18 million rows a second of five float64
# columns, where zstd's level 1 packs 13 million into 2 % less (benchmarks/sweep.py).
PARQUET: Mapping[str, Any] = {
    "compression": "zstd",
    "compression_level": -5,
    "use_dictionary": False,
    "write_statistics": False,
    "write_batch_size": 2**15,
    "data_page_size": 2**18,
}
CHECKS = 8  # files whose labels are read at once


class Folder(AbstractStore):
    """Results in a folder: `open` it before use, and `finish` it after.

    Args:
        job: the sweep.
        path: of the folder.
    """

    def __init__(self, job: Job, path: str | os.PathLike[str]):
        self.job, self.path = job, pathlib.Path(path)
        self.files = Files(self.path, job.boxes.count, bool(job.reductions))

    def open(self, *, resume: bool) -> list[int]:
        """Make the folder this sweep's, or go on with what it has.

        Returns:
            The boxes that are missing.

        Raises:
            ValueError: it holds another sweep, or this one and it is not to be resumed.
            OSError: it cannot be made or written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        manifest = read_manifest(self.path)
        held = manifest.get("fingerprint") or held_fingerprint(self.path)
        if held not in (None, self.job.fingerprint):
            raise ValueError(
                f"{self.path} holds another sweep ({self._difference(manifest)}): give another folder, or delete it"
            )
        if held is not None and not resume:
            raise ValueError(f"{self.path} holds this sweep already: resume it, or give another folder")
        if self.files.reduced:
            self.files[0].parent.mkdir(exist_ok=True)
        missing = self._missing(range(self.job.boxes.count))
        if not manifest or (manifest.get("finished") and missing):
            self._write_manifest({"finished": False})
        return missing

    def _missing(self, indices: Sequence[int]) -> list[int]:
        """Which of some boxes are missing."""
        with ThreadPoolExecutor(CHECKS) as pool:
            there = pool.map(self.has, indices)
        return [index for index, is_there in zip(indices, there, strict=True) if not is_there]

    def has(self, index: int) -> bool:
        """Whether the file of a box is whole, and of this sweep."""
        return read_label(self.files[index]) == self._label(index)

    def progress(self) -> str:
        """In words, what there is."""
        if not self.path.is_dir():
            return "nothing is stored"
        count = self.job.boxes.count
        stored = count - len(self._missing(range(count)))
        return f"{stored} of {count} chunks are stored and stay, go on by resuming"

    def write(self, index: int, program: Program, computed: Any) -> None:
        if self.job.reductions:
            parts = program.fetch_parts(index, computed)
            write_whole(self.files[index], lambda path: self._write_parts(index, parts, path))
        else:
            table = box_table(self.job, index, program.fetch_rows(index, computed))
            write_whole(self.files[index], lambda path: write_parquet(table, path))

    def take(self, index: int, written: Any) -> None:
        """The file is written; there is nothing more to do."""

    def finish(self, others: Sequence[int]) -> None:
        """Write what follows from all boxes, and the manifest of a finished sweep, if all are there.

        Args:
            others: the boxes that other processes were to store.
        """
        if self._missing(others):
            return
        if self.job.reductions:
            for name, result in self._reduced().items():
                table = _flat(result)
                write_whole(self.path / f"{name}.parquet", lambda path, table=table: pq.write_table(table, path))
        for folder in {self.path, self.files[0].parent}:
            clear_partial(folder)
        self._write_manifest({"finished": True, "files": [self._file(index) for index in range(self.job.boxes.count)]})

    def _file(self, index: int) -> dict[str, Any]:
        path = self.files[index]
        name = path.relative_to(self.path).as_posix()
        return {"name": name, "scenarios": self.job.boxes.size(index), "bytes": path.stat().st_size}

    def results(self) -> Results:
        """The results of all boxes; without columns where some are missing."""
        if read_manifest(self.path).get("finished"):
            return read_sweep(self.path)
        return Results(self.job.scenarios.sizes, {}, {}, {})

    def _label(self, index: int) -> dict[str, Any]:
        return label(self.job.fingerprint, index)

    def _write_parts(self, index: int, parts: dict[str, State], path: pathlib.Path) -> None:
        arrays = {f"{name}/{key}": array for name, part in parts.items() for key, array in part.items()}
        text = np.frombuffer(json.dumps(self._label(index)).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, **{LABEL: text, **arrays})  # pyright: ignore[reportArgumentType]

    def _reduced(self) -> dict[str, Results]:
        states: dict[str, State] = {}
        for index, path in enumerate(self.files):
            parts: dict[str, State] = {name: {} for name in self.job.reductions}
            with np.load(path) as arrays:
                for key in arrays.files[1:]:  # all but the label
                    name, _, leaf = key.partition("/")  # names of reductions are names of files
                    parts[name][leaf] = arrays[key]
            merge(self.job, states, index, parts)
        return reduced(self.job, states)

    def _write_manifest(self, state: dict[str, Any]) -> None:
        job, scenarios = self.job, self.job.scenarios
        content = {
            "fingerprint": job.fingerprint,
            "specification": job.specification,
            "dimensions": scenarios.sizes,
            "coordinates": {name: scenarios.dimensions[scenarios.dimension_of(name)] for name in scenarios.names},
            "outputs": {} if job.reductions else {name: job.unit_of(name) for name in job.outputs},
            "reductions": {name: list(reduction.by) for name, reduction in job.reductions.items()},
        }
        text = json.dumps(content | state, indent=1) + "\n"
        write_whole(self.path / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))

    def _difference(self, manifest: dict[str, Any]) -> str:
        """In words, what another sweep differs in."""
        held, own = manifest.get("specification", {}), self.job.specification
        names = [name for name in own if name != "versions" and held.get(name) != own[name]]
        versions = held.get("versions", {})
        names += [f"the version of {name}" for name in own["versions"] if versions.get(name) != own["versions"][name]]
        return "its " + ", ".join(names) + (" differ" if len(names) > 1 else " differs") if held else "by its files"


class Trial(AbstractStore):
    """Packs boxes as a folder does, and keeps the number of their bytes alone."""

    def __init__(self, job: Job):
        self.job, self.bytes = job, []

    def write(self, index: int, program: Program, computed: Any) -> int:
        if self.job.reductions:
            parts = program.fetch_parts(index, computed)
            return sum(array.nbytes for part in parts.values() for array in part.values())
        packed = io.BytesIO()
        write_parquet(box_table(self.job, index, program.fetch_rows(index, computed)), packed)
        return packed.tell()

    def take(self, index: int, written: Any) -> None:
        self.bytes.append(written)


def box_table(job: Job, index: int, rows: Rows) -> pa.Table:
    """A box as a table of all its columns, with its label."""
    place, shape = job.scenarios.dimension_of, next(iter(rows.outputs.values())).shape
    columns = {name: spread(column, place(name), shape) for name, column in rows.columns.items()}
    known = units(job, {name: name for name in columns | rows.outputs})
    return _table(columns | rows.outputs, known, {LABEL: json.dumps(label(job.fingerprint, index))})


def write_parquet(table: pa.Table, where: Any) -> None:
    """Write a box; integers are not split by their bytes."""
    floating = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    pq.write_table(table, where, use_byte_stream_split=floating, **PARQUET)  # pyright: ignore[reportArgumentType]


def _flat(result: Results) -> pa.Table:
    """A table with a row for every combination of the dimensions of a result."""
    place = [*result.dimensions].index
    coordinates = {
        name: spread(values, place(dimension), result.shape) for name, (dimension, values) in result.coordinates.items()
    }
    return _table(coordinates | dict(result.columns), result.units, {})


def spread(vector: np.ndarray, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    """A vector along one axis of an array, the same along all others."""
    return np.broadcast_to(along(axis, vector, len(shape)), shape)


def _table(columns: Mapping[str, np.ndarray], units: Mapping[str, str], metadata: dict[str, str]) -> pa.Table:
    arrays = {name: pa.array(np.reshape(column, -1)) for name, column in columns.items()}
    known = {name: {"unit": units[name]} if name in units else None for name in arrays}
    fields = [pa.field(name, array.type, nullable=False, metadata=known[name]) for name, array in arrays.items()]
    return pa.table([*arrays.values()], pa.schema(fields, metadata))
