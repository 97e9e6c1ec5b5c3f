"""The boxes of a sweep one after another on this machine: while one is solved, those before it are written."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from lifetimescale.sweeps.program import Program
from lifetimescale.sweeps.store import AbstractStore

# Threads that write, and one box more than that is held in memory. On two cores three of them write 6 % more than two,
# as the disk keeps one waiting; one alone writes 25 % less.
WRITERS = min(16, 1 + (os.cpu_count() or 1))


def run(program: Program, store: AbstractStore, indices: Iterable[int], report: Callable[[int], None]) -> None:
    """Solve some boxes and store them; what is being written when it is interrupted is written to its end.

    Args:
        program: solves a box.
        store: takes it.
        indices: of the boxes.
        report: is told of each box that is stored.
    """
    under_way: deque[tuple[int, Future]] = deque()

    def settle() -> None:
        index, written = under_way.popleft()
        store.take(index, written.result())
        report(index)

    with ThreadPoolExecutor(WRITERS) as pool:
        try:
            for index in indices:
                under_way.append((index, pool.submit(store.write, index, program, program.start(index))))
                if len(under_way) > WRITERS:
                    settle()
            while under_way:
                settle()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
