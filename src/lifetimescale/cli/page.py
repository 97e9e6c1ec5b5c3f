"""`lifetimescale page`."""

import pathlib

from lifetimescale.cli.options import InputError
from lifetimescale.cli.render import print_lines


def page(*, out: str) -> None:
    """The calculator: plans in a browser, as one HTML file that needs no network.

    lifetimescale page --out calculator.html

    Args:
        out: The file to write, like calculator.html; one that is there already is replaced.
    """
    from lifetimescale.files import write_whole
    from lifetimescale.page import calculator

    path, text = pathlib.Path(out), calculator()
    if path.is_dir():
        raise InputError(f"--out: {out} is a folder: give a file, like {path / 'calculator.html'}")
    try:
        write_whole(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        raise InputError(
            f"--out: {out} cannot be written ({error.strerror}): give a file in a folder of yours"
        ) from None
    print_lines(
        [f"Wrote {out} ({len(text.encode()) / 1000:.0f} kB): open it in a browser, or put it on any web server."]
    )
