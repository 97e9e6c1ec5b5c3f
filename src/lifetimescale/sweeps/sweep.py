"""The door: sweeps over scenarios, in memory or in a folder, and what one would take."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from lifetimescale.scenarios import Scenarios
from lifetimescale.sweeps.cluster import run_on_ray
from lifetimescale.sweeps.folder import Folder, Trial
from lifetimescale.sweeps.job import Job, make_job
from lifetimescale.sweeps.local import run
from lifetimescale.sweeps.program import Program
from lifetimescale.sweeps.reductions import AbstractReduction
from lifetimescale.sweeps.results import Results
from lifetimescale.sweeps.store import Memory

CHUNK = 2**20
ENGINES = ("local", "ray")
TRIED = 6  # chunks that an estimate is made from: enough for the writers to be in step with the devices


def sweep(
    scenario: Callable[..., Any],
    scenarios: Scenarios,
    *,
    outputs: Sequence[str] | None = None,
    reductions: Mapping[str, AbstractReduction] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    chunk: float | int = CHUNK,
    dtype: str | None = None,
    devices: Sequence[Any] | None = None,
    engine: str = "local",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Results:
    """Plan every one of many scenarios, in chunks, on all devices of this machine or of several.

    One program is compiled for all chunks. While a chunk is solved, those before it are written by threads, one more
    than there are cores (16 at most), and each of them holds a chunk in memory, however many chunks there are. With
    `out`, each chunk is a Parquet file that is whole or not there, and a sweep that was killed goes on with
    `resume=True` to the same bytes. Where `jax.distributed` has joined several processes, each does its own chunks; all
    of them share `out`.

    Args:
        scenario: a `Planner`; or any function, written for JAX, of the columns of the scenarios by name, which are
            arrays that broadcast, to a `Plan`, a `Cheapest`, or a dict of arrays.
        scenarios: from `grid`, `table`, `draws` and their products.
        outputs: what is kept of each plan, `("params", "tokens", "total", "status")` by default; also `baseline.total`,
            `parts.training`, `deployment.batch` and the like, or the keys of a dict.
        reductions: by name, what is kept of all scenarios together instead: `Summary`, `Quantiles`, `Least`.
        out: a folder; without one, results stay in memory.
        resume: go on with what `out` already has.
        chunk: scenarios solved at once at most, and in one file.
        dtype: "float32" or "float64", of the floating-point columns of single scenarios; that of the session by
            default.
        devices: of JAX; all of this process by default.
        engine: "local", or "ray" for a pool of actors on a Ray cluster; the folder must be on a disk that all share.
        workers: actors of Ray, as many of these as find a place; one for each GPU, or else each machine, by default.
        progress: is called with the scenarios that are done, and all that there are.

    Returns:
        The results; without columns where other processes have yet to finish their chunks.

    Raises:
        ValueError: what is asked for does not exist, or the folder holds another sweep.
        OSError: the folder or the disk takes no more; what is finished stays, and the message says how much that is.
        KeyboardInterrupt: likewise, where it is interrupted.
        ModuleNotFoundError: the engine is not installed.

    >>> import lifetimescale as lts
    >>> scenarios = lts.grid({"loss": "1.9:2.3:5", "inference_tokens": "1e9:1e15:7:log"})
    >>> results = sweep(lts.Planner(lts.law("chinchilla"), lts.Flops(0.0)), scenarios)
    >>> results["params"].shape
    (5, 7)
    """
    if engine not in ENGINES:
        raise ValueError(f'no engine {engine!r}: choose "local" or "ray"')
    if workers is not None and workers < 1:
        raise ValueError(f"{workers} workers do nothing: give 1 or more")
    job = make_job(scenario, scenarios, outputs, reductions, chunk, dtype, devices)
    if out is None:
        if engine == "ray":
            raise ValueError('the workers of the engine "ray" meet in a folder: give out=...')
        if jax.process_count() > 1:
            raise ValueError("several processes meet in a folder: give out=...")
        store, indices = Memory(job), range(job.boxes.count)
        run(Program(job, devices), store, indices, _reporter(job, indices, indices, progress))
        return store.results()
    folder = Folder(job, out)
    try:
        missing = {*folder.open(resume=resume or jax.process_count() > 1)}
        own = range(jax.process_index(), job.boxes.count, jax.process_count())
        todo = [index for index in own if index in missing]
        report = _reporter(job, own, todo, progress)
        if todo and engine == "ray":
            run_on_ray(job, folder.path, todo, workers, report)
        elif todo:
            run(Program(job, devices), folder, todo, report)
        folder.finish([index for index in missing if index not in own])
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"{folder.path}: {reason}: {folder.progress()}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{folder.path}: {folder.progress()}") from None
    return folder.results()


class Estimate(NamedTuple):
    """What a sweep would take on this machine.

    Args:
        scenarios: how many there are.
        chunks: and files.
        bytes: of the files.
        seconds: once the program is compiled, but for a disk that is slower than packing.
    """

    scenarios: int
    chunks: int
    bytes: int
    seconds: float


def estimate(
    scenario: Callable[..., Any],
    scenarios: Scenarios,
    *,
    outputs: Sequence[str] | None = None,
    reductions: Mapping[str, AbstractReduction] | None = None,
    chunk: float | int = CHUNK,
    dtype: str | None = None,
    devices: Sequence[Any] | None = None,
) -> Estimate:
    """What a sweep would take, by solving and packing a few of its chunks; the arguments are those of `sweep`."""
    job = make_job(scenario, scenarios, outputs, reductions, chunk, dtype, devices)
    trial, program, sample = Trial(job), Program(job, devices), range(min(TRIED, job.boxes.count))
    run(program, trial, sample[:1], lambda index: None)
    trial.bytes.clear()
    start = time.perf_counter()
    run(program, trial, sample, lambda index: None)
    seconds = time.perf_counter() - start
    part = job.scenarios.size / sum(map(job.boxes.size, sample))
    return Estimate(job.scenarios.size, job.boxes.count, round(sum(trial.bytes) * part), seconds * part)


def _reporter(
    job: Job, own: Sequence[int], todo: Sequence[int], progress: Callable[[int, int], None] | None
) -> Callable[[int], None]:
    """What tells `progress`, as boxes are stored, how many of one's own scenarios are."""
    total = sum(map(job.boxes.size, own))
    done = total - sum(map(job.boxes.size, todo))

    def report(index: int) -> None:
        nonlocal done
        done += job.boxes.size(index)
        if progress is not None:
            progress(done, total)

    return report
