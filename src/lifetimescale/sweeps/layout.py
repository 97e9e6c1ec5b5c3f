"""How a sweep lies in a folder: a file for each box, with a label inside that says which, and a manifest."""

import dataclasses
import json
import pathlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = "manifest.json"
LABEL = "lifetimescale"


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of the boxes, in their order: tables of scenarios, or what reductions keep of each box.

    Args:
        folder: where the sweep lies.
        count: of the boxes.
        reduced: whether it has reductions.
    """

    folder: pathlib.Path
    count: int
    reduced: bool

    def __getitem__(self, index: int) -> pathlib.Path:
        name = f"part-{index:0{max(5, len(str(self.count - 1)))}d}"
        return self.folder / "parts" / f"{name}.npz" if self.reduced else self.folder / f"{name}.parquet"

    def __iter__(self) -> Iterator[pathlib.Path]:
        return (self[index] for index in range(self.count))


def read_label(path: pathlib.Path) -> dict[str, Any] | None:
    """The label of a whole file; None where the file is not there, or not whole."""
    try:
        return json.loads(_npz_label(path) if path.suffix == ".npz" else _parquet_label(path))
    except (OSError, pa.ArrowException, zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError):
        return None


def label(fingerprint: str, index: int) -> dict[str, Any]:
    """What the file of a box says of itself."""
    return {"fingerprint": fingerprint, "box": index}


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """The manifest; empty where there is none, or none that can be read.

    Raises:
        ValueError: it is that of something else.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or "fingerprint" not in content:
        raise ValueError(f"{folder / MANIFEST} is not that of a sweep: give a folder of its own to the sweep")
    return content


def held_fingerprint(folder: pathlib.Path) -> str | None:
    """Whose the files of a folder without a manifest are; None where there are none."""
    paths = (path for pattern in ("part-*.parquet", "parts/part-*.npz") for path in sorted(folder.glob(pattern)))
    labels = (read_label(path) for path in paths)
    return next((found.get("fingerprint") for found in labels if found is not None), None)


def _parquet_label(path: pathlib.Path) -> bytes:
    return pq.read_metadata(path).metadata[LABEL.encode()]


def _npz_label(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        with zipfile.ZipFile(file) as members:
            if members.testzip() is not None:
                raise ValueError(f"{path} is damaged")
        file.seek(0)
        with np.load(file) as arrays:
            return arrays[LABEL].tobytes()
