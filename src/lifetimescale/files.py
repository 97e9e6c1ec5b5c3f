"""Files that are whole or not there: whatever is killed, no reader ever meets half of one."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Callable

PARTIAL = ".lifetimescale-partial"
"""The ending of files that are not whole yet; no file of anybody else ends so."""


def write_whole(path: pathlib.Path, write: Callable[[pathlib.Path], object]) -> None:
    """Write a file under a name of its own, flush it to the disk, and give it its true name.

    Several processes may write the same file at once, if it is the same that they write, and clear what is partial.

    Args:
        path: of the file.
        write: writes it at the path that it is given.

    Raises:
        OSError: it cannot be written; nothing is left of it, and a file that was there before is as it was.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        write(part)
        try:
            _flush(part)
            part.replace(path)
        except FileNotFoundError:  # another process has cleared it away
            return write_whole(path, write)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return _flush(path.parent)


def clear_partial(folder: pathlib.Path) -> None:
    """Remove what killed processes have left of files that they were writing in a folder."""
    for part in folder.glob(f"*{PARTIAL}"):
        part.unlink(missing_ok=True)


def _flush(path: pathlib.Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # which flushes names by itself, and opens no folders
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
