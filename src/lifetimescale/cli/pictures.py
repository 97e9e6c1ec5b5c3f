"""`--plot`: one picture of what a command has found, checked before anything is computed."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from lifetimescale.cli.options import InputError, as_wrong

PANEL = (6.4, 4.6)  # inches
Picture = Annotated[str | None, Parameter(name="--plot")]


def check_picture(path: str | None) -> None:
    """Raise InputError where a picture cannot be written there, or matplotlib is missing."""
    if path is None:
        return
    if not pathlib.Path(path).parent.is_dir():
        raise InputError(f"--plot: the folder of {path} does not exist: make it first")
    if pathlib.Path(path).is_dir():
        raise InputError(f"--plot: {path} is a folder: name a file in it")
    with as_wrong("--plot", ModuleNotFoundError):
        from lifetimescale.plots.drawing import kind

        kind(path)


def draw_plan(path: str, law: Any, cost: Any, report: dict[str, Any]) -> None:
    """A plan on the universal curve, or what it costs where its law has none; and on its curve of equal loss."""
    import lifetimescale as lts
    from lifetimescale import plots
    from lifetimescale.laws import AbstractCoupled

    plan = lts.price(law, cost, params=report["params"], tokens=report["tokens"], design=report.get("design"))
    first = plots.universal_curve if isinstance(plan.law, AbstractCoupled) else plots.breakdown
    _draw(path, [lambda ax: first(plan, ax), lambda ax: plots.iso_loss(plan, ax)])


def draw_decision(path: str, decision: Any) -> None:
    """What a decision costs above the best of every draw."""
    from lifetimescale import plots

    _draw(path, [lambda ax: plots.overpays(decision, ax)])


def draw_fit(path: str, fitted: Any) -> None:
    """The runs, the law, and what lies between them."""
    from lifetimescale import plots

    _draw(path, [lambda ax: plots.losses(fitted, ax), lambda ax: plots.residuals(fitted, ax)])


def draw_tornado(path: str, found: Any) -> None:
    """A tornado as bars."""
    from lifetimescale import plots

    _draw(path, [lambda ax: plots.tornado(found, ax)])


def _draw(path: str, panels: Sequence[Callable[[Any], Any]]) -> None:
    """The panels side by side in one figure, in a file."""
    from matplotlib.figure import Figure

    from lifetimescale.plots import write

    width, height = PANEL
    figure = Figure(figsize=(width * len(panels), height), layout="constrained")
    with as_wrong("--plot"):
        axes = [draw(figure.add_subplot(1, len(panels), place + 1)) for place, draw in enumerate(panels)]
    try:
        write(axes[0], path)
    except OSError as error:
        raise InputError(f"--plot: {path} cannot be written ({error.strerror or error}): choose another") from None
