"""Progress of long work, on stderr, and nowhere where that is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from lifetimescale.units import format_count


@contextlib.contextmanager
def progress(title: str, *, unit: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar; the function that it gives takes what is done and what there is to do.

    Args:
        title: what is done.
        unit: what is counted, for a rate of it a second.
    """
    console = Console(stderr=True)
    rate = () if unit is None else (_Rate(unit),)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *rate, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Rate(ProgressColumn):
    """How many a second, of late."""

    def __init__(self, unit: str):
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(
            "" if task.speed is None else f"{format_count(task.speed)} {self.unit}/s", style="progress.data.speed"
        )
