"""Files that are whole or not there: whatever is killed, no reader ever meets half of one."""

import contextlib
import os
import pathlib
from collections.abc import Callable


def write_whole(path: pathlib.Path, write: Callable[[pathlib.Path], object], *, writer: int = 0) -> None:
    """Write a file under another name, flush it to the disk, and give it its own name.

    Args:
        path: of the file.
        write: writes it at the path that it is given.
        writer: which of several processes this is, where they may write the same file at once.

    Raises:
        OSError: it cannot be written; nothing is left of it, and a file that was there before is as it was.
    """
    part = path.with_name(f"{path.name}.part{writer or ''}")
    try:
        write(part)
        _flush(part)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def _flush(path: pathlib.Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # which flushes names by itself, and opens no folders
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
