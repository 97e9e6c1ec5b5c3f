"""`lifetimescale figures`."""

import contextlib
import pathlib
from typing import Any, Literal

from lifetimescale.cli.inputs import start
from lifetimescale.cli.options import Flag, InputError
from lifetimescale.cli.progress import progress
from lifetimescale.cli.render import print_json, print_lines, print_table

NEEDS_RUNS = ("3", "4", "5", "7")
WITHOUT_RUNS = (
    f"Figures {', '.join(NEEDS_RUNS[:-1])} and {NEEDS_RUNS[-1]} need the 47 runs of the paper: give them by --runs, a "
    "CSV file with params, tokens, loss, gauntlet_average and its five categories (the runs are in the authors' "
    "repository, nikhilsardana/beyond-chinchilla)."
)


def figures(
    *,
    out: str | None = None,
    runs: str | None = None,
    format: Literal["svg", "png", "pdf"] = "svg",
    json: Flag = False,
) -> None:
    """The figures and tables of Beyond Chinchilla-Optimal, made again: pictures, and their numbers as CSV.

    lifetimescale figures --out figures/

    lifetimescale figures --out figures/ --runs runs.csv --format png

    Args:
        out: The folder to write to.
        runs: CSV or Parquet with the params, tokens, loss and scores of the paper's 47 runs, for figures 3, 4, 5, 7.
        format: Of the pictures.
        json: Print one JSON object.
    """
    if out is None:
        raise InputError("give the folder of the figures: lifetimescale figures --out figures/")
    start()
    with _as_input_errors(out):
        _check_pictures(format)
        report = _written(pathlib.Path(out), runs, format)
    print_json(report) if json else _print(report)


@contextlib.contextmanager
def _as_input_errors(out: str):
    """What the library refuses, a missing matplotlib, and a folder that cannot be written to."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(str(error)) from None
    except ValueError as error:
        raise InputError(f"--runs: {error}") from None
    except OSError as error:
        raise InputError(f"--out: cannot write to {out} ({error.strerror}): give a folder of your own") from None


def _check_pictures(picture: str) -> None:
    """Refuse before anything is computed where matplotlib is missing."""
    from lifetimescale.plots.drawing import kind

    kind(f"figure.{picture}")


def _written(folder: pathlib.Path, runs: str | None, picture: str) -> dict[str, Any]:
    """The files, by what they show, and the figures that were left out for want of runs."""
    from lifetimescale import paper

    drawn = paper.figures()
    if runs is not None:
        drawn += paper.figures_of_runs(paper.read_experiment(runs))
    items = [*sorted(drawn, key=lambda figure: figure.number), *paper.tables()]
    with progress("drawing") as advance:
        files = paper.write_all(items, folder, picture=picture, progress=advance)
    report = {"out": str(folder), "files": files, "left_out": [] if runs else list(NEEDS_RUNS)}
    return report if runs else report | {"advice": WITHOUT_RUNS}


def _print(report: dict[str, Any]) -> None:
    rows = [
        [row["icml"], row["v1"], row["title"], ", ".join(filter(None, (row["picture"], row["numbers"])))]
        for row in report["files"]
    ]
    print_table("", ["ICML", "v1", "what it shows", "files"], rows, numbers=False)
    print_lines(
        ["", f"All of it is in {report['out']}, with index.csv.", *([report["advice"]] if report["left_out"] else [])]
    )
