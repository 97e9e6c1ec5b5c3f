"""A sweep as a process of its own, for tests that kill it: `python sweep_process.py FOLDER MODE [PORT PROCESS]`."""

import os
import pathlib
import signal
import sys
import time
import warnings

import jax

BOXES = 40
PAUSE = 0.05  # seconds after each chunk of a slow sweep


def main(folder: str, mode: str, *joined: str) -> None:
    if joined:
        port, process = map(int, joined)
        jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=process)
    jax.config.update("jax_enable_x64", True)

    import lifetimescale as lts

    scenarios = lts.grid({"loss": "1.9:2.3:40", "inference_tokens": "1e9:1e15:2000:log"})
    scenarios *= lts.draws({"alpha": lts.Uniform(0.33, 0.34)}, 8, seed=1)
    planner = lts.Planner(lts.law("chinchilla"), lts.Flops(0.0))
    kept = {"reductions": {"by-loss": lts.Summary("total", ("loss",)), "spread": lts.Quantiles("params")}}
    options = kept if "reduced" in mode else {}
    if "ray" in mode:
        import ray

        ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR")
        options |= {"engine": "ray", "workers": 3, "progress": kill_a_worker}  # one of which finds no place
    if "slow" in mode:
        options |= {"progress": lambda done, total: time.sleep(PAUSE)}
    lts.sweep(planner, scenarios, out=folder, chunk=16_000, resume=True, **options)


killed: list[int] = []


def kill_a_worker(done: int, total: int) -> None:
    """Kill one of Ray's actors, when the first chunks are stored."""
    if not killed:
        killed.extend(workers()[:1])
        os.kill(killed[0], signal.SIGKILL)
        print("killed a worker", flush=True)


def workers() -> list[int]:
    """The processes of Ray's actors that are at work."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if words.startswith(b"ray::Worker"):
            found.append(int(path.parent.name))
    return sorted(found)


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("default", category=DeprecationWarning)  # Ray's
    warnings.filterwarnings("default", category=FutureWarning)
    warnings.filterwarnings("default", message="os.fork")
    main(*sys.argv[1:])
