"""Sweeps end to end: rows a second into Parquet, beside the bare solver and beside loops that write the same files.

Every figure is a process of its own, in turns, so that its peak memory is its own; medians of the rounds. What XLA
compiled is kept between them, as the command line keeps it. A row is five floating-point columns: loss, demand, params,
tokens, total. With --reduced, nothing is stored but reductions: that is for accelerators, and for 1e9 scenarios and
more. Exits with 1 if on a CPU sweeps of 1e8 have less than half of the rate of the bare solver in both types.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import peers
import timing
from rich.table import Table
from timing import console

import lifetimescale as lts
from lifetimescale.sweeps.folder import write_parquet
from lifetimescale.sweeps.job import make_job
from lifetimescale.sweeps.program import Program

LAW = "chinchilla"
COEFFICIENTS = ("E", "A", "B", "alpha", "beta")
LOSSES = 100
CHUNK = 2**20
OUTPUTS = ("params", "tokens", "total")
COLUMNS = ("loss", "inference_tokens", *OUTPUTS)
SLOW = 10_000_000  # scenarios that the slow peers take at most
SWEEPS = ("float64", "float32")
REDUCTIONS = {
    "by-loss": lts.Summary("total", ("loss",)),
    "spread": lts.Quantiles("tokens_per_param"),
    "smallest": lts.Least("params", ("loss",)),
}


def main() -> None:
    parser = timing.parser(__doc__, "1e6,1e7,1e8")
    parser.set_defaults(repeats=3)
    parser.add_argument("--reduced", action="store_true", help="reductions alone, without files and peers")
    parser.add_argument("--folder", type=pathlib.Path, help="where the files are written (the temporary folder)")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, size = options.one
        print(json.dumps(CONTENDERS[name](int(size))))
        return
    names = [name for name in CONTENDERS if ("reduced" in name or "bare" in name) == options.reduced or "bare" in name]
    figures = {size: race(names, size, options) for size in options.sizes}
    show(figures)
    timing.write(options.json, figures)
    check(figures)


def race(names: list[str], size: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The median figures of every contender at one size."""
    entered = [name for name in names if name not in PEERS or size <= SLOW]
    rounds = [{name: alone(name, size, options) for name in entered} for _ in range(options.repeats)]
    return {
        name: {key: statistics.median(turn[name][key] for turn in rounds) for key in rounds[0][name]}
        for name in entered
    }


def alone(name: str, size: int, options: argparse.Namespace) -> dict[str, float]:
    """One contender in a process of its own."""
    cache = pathlib.Path(tempfile.gettempdir()) / "lifetimescale-bench-jax"
    kept = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    folder = {} if options.folder is None else {"TMPDIR": str(options.folder)}
    command = [sys.executable, __file__, "--one", name, str(size)]
    done = subprocess.run(command, env={**os.environ, **kept, **folder}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def scenarios(size: int) -> lts.Scenarios:
    """Losses and demands; from 1e9 on, coefficients of the law besides, as no axis is so long."""
    coefficients = LOSSES if size >= 10**9 else 1
    demands = f"1e9:1e15:{size // LOSSES // coefficients}:log"
    losses = lts.grid({"loss": f"1.9:2.3:{LOSSES}"})
    return losses * lts.grid({"A": f"400:420:{coefficients}", "inference_tokens": demands})


def planner() -> lts.Planner:
    jax.config.update("jax_enable_x64", True)
    return lts.Planner(lts.law(LAW), lts.Flops(0.0))


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds of a call, and the most memory that the process has held."""
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def swept(dtype: str) -> Callable[[int], dict[str, float]]:
    """A sweep into files, and the time to resume it when it is finished."""

    def contender(size: int) -> dict[str, float]:
        plan, grid = planner(), scenarios(size)
        with tempfile.TemporaryDirectory() as folder:
            options: dict[str, Any] = {"outputs": OUTPUTS, "dtype": dtype, "out": f"{folder}/out"}
            found = measured(lambda: lts.sweep(plan, grid, **options))
            again = measured(lambda: lts.sweep(plan, grid, resume=True, **options))
            return found | {"resume": again["seconds"], "bytes": _bytes(folder) / size}

    return contender


def _bytes(folder: str) -> int:
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*.parquet"))


def reduced(dtype: str) -> Callable[[int], dict[str, float]]:
    """A sweep that keeps nothing but reductions."""

    def contender(size: int) -> dict[str, float]:
        plan, grid = planner(), scenarios(size)
        with jax.enable_x64(dtype == "float64"):
            plan = jax.tree.map(lambda leaf: leaf.astype(dtype), plan)
            return measured(lambda: lts.sweep(plan, grid, reductions=REDUCTIONS, chunk=chunk()))

    return contender


def chunk() -> int:
    """An accelerator wants more at once than the caches of a CPU."""
    return CHUNK if jax.default_backend() == "cpu" else 2**26


def bare(dtype: str) -> Callable[[int], dict[str, float]]:
    """The sweep's own program over all of its chunks, compiled before, its results left where they are."""

    def contender(size: int) -> dict[str, float]:
        plan = planner()
        with jax.enable_x64(dtype == "float64"):
            plan = jax.tree.map(lambda leaf: leaf.astype(dtype), plan)
            job = make_job(plan, scenarios(size), OUTPUTS, None, chunk(), dtype)
            program = Program(job)
            jax.block_until_ready(program.start(0))
            return measured(lambda: _run(program, job.boxes.count)) | _bandwidth(dtype, size)

    return contender


def _run(program: Program, count: int) -> None:
    before = None
    for index in range(count):
        now = program.start(index)
        jax.block_until_ready(before)
        before = now
    jax.block_until_ready(before)


def _bandwidth(dtype: str, size: int) -> dict[str, float]:
    """Seconds that writing three columns of so many rows takes, at the rate at which the device copies."""
    source = jnp.zeros(2**24 if jax.default_backend() == "cpu" else 2**28, dtype)
    copy = jax.jit(lambda array: array + 1)
    jax.block_until_ready(copy(source))
    times = []
    for _ in range(9):
        start = time.perf_counter()
        jax.block_until_ready(copy(source))
        times.append(time.perf_counter() - start)
    return {"memory_limit": statistics.median(times) / (2 * source.size) * len(OUTPUTS) * size}


def flat(size: int) -> dict[str, float]:
    """`plan` in a jit of one's own, on arrays of all scenarios of a chunk, again and again."""
    plan = planner()
    loss = jnp.full(CHUNK, 2.0)
    demand = jnp.geomspace(1e9, 1e15, CHUNK)
    call = jax.jit(lambda loss, demand: [getattr(plan(loss=loss, inference_tokens=demand), name) for name in OUTPUTS])
    jax.block_until_ready(call(loss, demand))
    chunks = -(-size // CHUNK)

    def work() -> None:
        for _ in range(chunks):
            jax.block_until_ready(call(loss, demand))

    found = measured(work)
    return found | {"seconds": found["seconds"] * size / (chunks * CHUNK)}


def by_numpy(solve: Callable[..., Any]) -> Callable[[int], dict[str, float]]:
    """A loop over chunks that solves in NumPy or SciPy, and writes the same files."""

    def contender(size: int) -> dict[str, float]:
        law = peers.constants(*(float(getattr(lts.law(LAW), name)) for name in COEFFICIENTS))
        losses, demands = np.linspace(1.9, 2.3, LOSSES), np.geomspace(1e9, 1e15, size // LOSSES)

        def work(folder: str) -> None:
            for start in range(0, size, CHUNK):
                row = np.arange(start, min(size, start + CHUNK))
                loss, demand = losses[row // len(demands)], demands[row % len(demands)]
                columns: dict[str, Any] = dict(zip(COLUMNS, (loss, demand, *solve(law, demand, loss)), strict=True))
                write_parquet(_table(columns), f"{folder}/{start}.parquet")

        with tempfile.TemporaryDirectory() as folder:
            return measured(lambda: work(folder)) | {"bytes": _bytes(folder) / size}

    return contender


def _table(columns: dict[str, np.ndarray]) -> Any:
    import pyarrow as pa

    fields = [pa.field(name, pa.float64(), nullable=False) for name in columns]
    return pa.table([*map(pa.array, columns.values())], pa.schema(fields))


PEERS = {
    "SciPy find_root, the same files": by_numpy(peers.find_root),
    "tuned NumPy, the same files": by_numpy(peers.Tuned(1 << 14, threads=timing.cores()).models),
}
CONTENDERS: dict[str, Callable[[int], dict[str, float]]] = {
    **{f"sweep, {dtype} files": swept(dtype) for dtype in SWEEPS},
    **{f"bare solver, {dtype}": bare(dtype) for dtype in SWEEPS},
    "plan in a jit, flat arrays": flat,
    **{f"sweep, reduced, {dtype}": reduced(dtype) for dtype in SWEEPS},
    **PEERS,
}


def show(figures: dict[int, dict[str, dict[str, float]]]) -> None:
    table = Table(title=f"sweeps; {timing.machine()}", title_justify="left")
    titles = ("", "scenarios", "s", "Mrow/s", "of bare", "peak MB", "bytes/row", "resume s", "of memory limit")
    for column in titles:
        table.add_column(column, justify="right" if column else "left")
    for size, contenders in figures.items():
        for name, found in contenders.items():
            bare_ = contenders["bare solver, float64"]["seconds"]
            rest = (f"{found[key]:.3g}" if key in found else "" for key in ("bytes", "resume"))
            limit = f"{found['memory_limit'] / found['seconds']:.0%}" if "memory_limit" in found else ""
            speed, ratio = f"{size / found['seconds'] / 1e6:.2f}", f"{bare_ / found['seconds']:.2f}"
            columns = (name, f"{size:.0e}", f"{found['seconds']:.3g}", speed, ratio, f"{found['peak_mb']:.0f}")
            table.add_row(*columns, *rest, limit)
    console.print(table)


def check(figures: dict[int, dict[str, dict[str, float]]]) -> None:
    largest = figures[max(figures)]
    ratios = [
        largest["bare solver, float64"]["seconds"] / found["seconds"]
        for name, found in largest.items()
        if "files" in name and "sweep" in name
    ]
    if jax.default_backend() == "cpu" and max(figures) >= 10**8 and ratios and max(ratios) < 0.5:
        console.print(f"a sweep has {max(ratios):.2f} of the rate of the bare solver", style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
