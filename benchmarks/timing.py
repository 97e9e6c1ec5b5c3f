"""Timing contenders side by side, and the options and the description of the machine that the benchmarks share."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console

WARM = 0.05  # seconds: what is quicker gets an untimed call first, as the contender before it has emptied the caches
LEAST = 0.02  # seconds that one measurement lasts at least, by repeated calls

console = Console(width=150)


class Row(NamedTuple):
    """A line of a table, and of the JSON; no seconds where it was skipped, no error where there is none to find."""

    name: str
    seconds: float | None
    error: float | None


def interleaved(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of a call of each, measured in turns so that a drifting machine is unfair to none."""
    once = {name: min(_seconds(call, 1), _seconds(call, 1)) for name, call in contenders.items()}
    rounds = [{name: _turn(call, once[name]) for name, call in contenders.items()} for _ in range(repeats)]
    return {name: statistics.median(turn[name] for turn in rounds) for name in contenders}


def _turn(call: Callable[[], Any], once: float) -> float:
    if once < WARM:
        _seconds(call, 1)
    return _seconds(call, max(1, min(100, int(LEAST / once))))


def _seconds(call: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(call())
    return (time.perf_counter() - start) / calls


def parser(description: str | None, sizes: str) -> argparse.ArgumentParser:
    """The options of every benchmark; `sizes` is the default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_sizes, default=sizes, help=f"numbers of scenarios (default {sizes})")
    parser.add_argument("--repeats", type=int, default=15, help="rounds; every figure is the median of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


def _sizes(text: str) -> list[int]:
    return [int(float(size)) for size in text.split(",")]


def write(path: Path | None, figures: Any) -> None:
    """Writes the figures as JSON if a file is named."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")


def speed(seconds: float, scenarios: int) -> tuple[str, str]:
    """Milliseconds and scenarios per second, in words."""
    return f"{seconds * 1e3:.3f}" if seconds < 0.01 else f"{seconds * 1e3:.1f}", f"{scenarios / seconds:.2e}"


def fastest(calls: Mapping[int, Callable[[], Any]]) -> int:
    """The key of the quickest of a few."""
    seconds = interleaved({str(key): call for key, call in calls.items()}, 3)
    return min(calls, key=lambda key: seconds[str(key)])


def machine() -> str:
    """One line on what the figures depend on besides the code."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]["found"]  # pyright: ignore[reportOptionalSubscript]
    off = os.environ.get("NPY_DISABLE_CPU_FEATURES", "")
    found = [name for name in simd if name not in off.replace(",", " ").split()]
    return (
        f"{jax.devices()[0].device_kind}, {platform.machine()}, {cores()} cores, load {os.getloadavg()[0]:.1f}; "
        f"jax {jax.__version__}, XLA_FLAGS={os.environ.get('XLA_FLAGS', '')!r}; "
        f"numpy {np.__version__} with {' '.join(found) or 'baseline'}"
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
