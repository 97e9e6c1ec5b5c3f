"""The boxes of a sweep on a Ray cluster: actors solve and store them, and what one loses is done again."""

import dataclasses
import functools
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax

from lifetimescale.sweeps.folder import Folder
from lifetimescale.sweeps.job import Job
from lifetimescale.sweeps.local import run
from lifetimescale.sweeps.program import Program

INLINE = 100_000  # bytes that Ray sends along with a call
AT_ONCE = 8  # boxes that an actor is given at a time, so that it writes one while it solves the next


class Worker:
    """An actor's part: one compiled program, and the folder that all of them share."""

    def __init__(self, pickled: bytes, path: str, wide: bool, fingerprint: str):
        from ray import cloudpickle

        self.precision = functools.partial(jax.enable_x64, wide)
        with self.precision():  # from the start, as float64 numbers are read as float32 without it
            job = cloudpickle.loads(pickled)
            self.same, self.versions = job.fingerprint == fingerprint, job.specification["versions"]
            self.store, self.program = Folder(job, path), Program(job)

    def ready(self) -> None:
        """Answers once the actor has a place.

        Raises:
            ValueError: it would compute something else.
        """
        if not self.same:
            raise ValueError(
                f"a worker would compute something else than what is asked for, with {self.versions}: give all "
                "machines of the cluster the same versions, and devices of one kind"
            )

    def run(self, indices: list[int]) -> list[int]:
        """Solve and store some boxes, but those that an actor before this one has stored."""
        missing = [index for index in indices if not self.store.has(index)]
        with self.precision():
            run(self.program, self.store, missing, lambda index: None)
        return indices


def run_on_ray(
    job: Job, path: str | os.PathLike[str], indices: Sequence[int], workers: int | None, report: Callable[[int], None]
) -> None:
    """Solve boxes by actors of Ray, which starts a lost one anew and repeats what it was at.

    Args:
        job: the sweep.
        path: a folder that all machines of the cluster share.
        indices: of the boxes.
        workers: how many actors at most; by default one for each GPU, or for each machine if there are none.
        report: is told of each box that is stored.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ValueError: the machines of the cluster are not alike.
        OSError: the disk takes no more.
    """
    try:
        import ray
        import ray.exceptions
    except ModuleNotFoundError:
        raise ModuleNotFoundError('the engine "ray" needs Ray: pip install "lifetimescale[cluster]"') from None
    started = not ray.is_initialized()
    if started:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="os.fork")  # a program follows at once, so nothing can deadlock
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    try:
        _run_all(job, os.path.abspath(path), indices, workers, report)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    finally:
        if started:
            ray.shutdown()


def _run_all(job: Job, path: str, indices: Sequence[int], workers: int | None, report: Callable[[int], None]) -> None:
    import ray
    from ray.util import ActorPool

    count, share = _places(ray, min(workers or len(indices), len(indices)), by_default=workers is None)
    actor = ray.remote(max_restarts=-1, max_task_retries=-1, **share)(Worker)
    pickled: Any = _pickled(job)
    if len(pickled) > INLINE:
        pickled = ray.put(pickled)  # one copy for all of them, kept by this name while they may be started anew
    actors: list[Any] = [actor.remote(pickled, path, job.wide, job.fingerprint) for _ in range(count)]
    awaited = {worker.ready.remote(): worker for worker in actors}
    pool = ActorPool([])
    batches = [list(indices[start : start + AT_ONCE]) for start in range(0, len(indices), AT_ONCE)]
    for batch in batches:
        pool.submit(lambda worker, batch: worker.run.remote(batch), batch)
    for _ in batches:
        if len(awaited) == count:
            ray.wait([*awaited])  # for the first that has a place; the others join when they have, and need not
        placed, _ = ray.wait([*awaited], num_returns=len(awaited), timeout=0) if awaited else ([], [])
        for answer in placed:
            ray.get(answer)
            pool.push(awaited.pop(answer))
        for index in pool.get_next_unordered():
            report(index)


def _places(ray: Any, most: int, *, by_default: bool) -> tuple[int, dict[str, Any]]:
    """How many actors find a place now, and what each takes of the cluster.

    More of them would wait for each other: one that is lost could not come back while another has its place.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    free = ray.available_resources()
    gpus = int(sum(node.get("GPU", 0) for node in nodes))
    if gpus:
        return max(1, min(most, gpus, int(free.get("GPU", 0)))), {"num_gpus": 1}
    wanted = min(most, len(nodes)) if by_default else most
    cpus = max(1, int(min(node.get("CPU", 1) for node in nodes)) // -(-wanted // len(nodes)))
    room = sum(int(node.get("CPU", 0)) // cpus for node in nodes)
    count = max(1, min(wanted, room, int(free.get("CPU", 0)) // cpus))
    return count, {"num_cpus": cpus, "scheduling_strategy": "SPREAD"}


def _pickled(job: Job) -> bytes:
    """A copy of the job, without the hash that it has worked out: each worker works it out anew."""
    from ray import cloudpickle

    return cloudpickle.dumps(dataclasses.replace(job))  # pyright: ignore[reportPrivateImportUsage]
