"""Gradients of a batch of plans by all seven inputs, beside their values and central differences; run by plan.py."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import peers
import timing
from peers import ALL_THREADS, Array
from rich.table import Table
from timing import Row, console

import lifetimescale as lts

COEFFICIENTS = ("E", "A", "B", "alpha", "beta")
RESULTS = {"params": 0, "total": 2}  # and their places in what the peers return
JUDGED = 200  # scenarios whose gradients mpmath finds too
WIDTHS = tuple(10 ** (-power / 2) for power in range(4, 15))  # of the central differences, relative


def names(result: str) -> tuple[str, str, str]:
    """The rows of our gradient, of its own value and of the central differences."""
    return f"gradient of {result}, ours", f"{result}, ours", f"gradient of {result}, central differences"


def coefficients(size: int) -> list[Array]:
    """A batch of laws, each coefficient within 1 % of the preset's."""
    law, random = lts.law("chinchilla"), np.random.default_rng(7)
    return [float(getattr(law, name)) * random.uniform(0.99, 1.01, size) for name in COEFFICIENTS]


def plans(result: str, *inputs: jax.Array) -> jax.Array:
    """Params or total, where all seven inputs are arrays."""
    return getattr(lts.plan(lts.Chinchilla(*inputs[:5]), lts.Flops(inputs[5]), loss=inputs[6]), result)


def measure(inputs: Sequence[Array], repeats: int) -> list[Row]:
    """Times and prints both gradients and what they cost otherwise."""
    few = [values[:JUDGED] for values in inputs]
    exact, tuned = dict(zip(RESULTS, peers.exact_gradients(few), strict=True)), best_tuned(inputs)
    calls: dict[str, Callable[[], Any]] = {f"both, {ALL_THREADS}": functools.partial(tuned.batch, inputs)}
    errors, words = {}, []
    for result, place in RESULTS.items():
        widths = best_widths(tuned, few, place, exact[result])
        words.append(f"for {result} " + " ".join(f"{width:.0e}" for width in widths))
        ours, value, differences = names(result)
        calls[value], calls[ours] = our_calls(result, inputs)
        calls[differences] = functools.partial(tuned.differences, inputs, place, widths)
        errors |= {name: worst(calls[name](), exact[result]) for name in (ours, differences)}
    seconds = timing.interleaved(calls, repeats)
    rows = [Row(name, seconds[name], errors.get(name)) for name in calls]
    show(inputs[0].size, repeats, rows, f"chunk {tuned.chunk}, half-widths {'; '.join(words)}")
    return rows


def our_calls(result: str, inputs: Sequence[Array]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The value, as an array, and the gradient of its sum."""
    value, arrays = functools.partial(plans, result), [jnp.asarray(values) for values in inputs]
    gradient = jax.grad(lambda *inputs: value(*inputs).sum(), argnums=tuple(range(len(inputs))))
    return functools.partial(jax.jit(value), *arrays), functools.partial(jax.jit(gradient), *arrays)


def best_tuned(inputs: Sequence[Array]) -> peers.Tuned:
    """The tuned NumPy with the chunk of the quickest central differences; their width does not matter for that."""
    tuned = {chunk: peers.Tuned(chunk, threads=timing.cores()) for chunk in peers.CHUNKS}
    equal = [1e-5] * len(inputs)
    calls = {chunk: functools.partial(each.differences, inputs, 0, equal) for chunk, each in tuned.items()}
    return tuned[timing.fastest(calls)]


def best_widths(tuned: peers.Tuned, few: Sequence[Array], place: int, exact: Array) -> list[float]:
    """For each input the width with the least error."""
    errors = [_errors(tuned.differences(few, place, [width] * len(few)), exact) for width in WIDTHS]
    return [WIDTHS[best] for best in np.argmin(errors, axis=0)]


def worst(gradient: Sequence[Any] | Array, exact: Array) -> float:
    """The greatest relative error of any derivative of the scenarios that mpmath judged."""
    return float(np.max(_errors(np.stack([np.asarray(each)[:JUDGED] for each in gradient]), exact)))


def _errors(gradient: Array, exact: Array) -> Array:
    return np.max(np.abs(gradient / exact - 1), axis=1)


def show(size: int, repeats: int, rows: Sequence[Row], words: str) -> None:
    table = Table(title=f"{size:,} gradients by 7 inputs, float64, median of {repeats}", title_justify="left")
    for column in ("", "ms", "scenarios/s", "time / own value", "/ differences", "worst error"):
        table.add_column(column, justify="right" if column else "left")
    seconds = {row.name: row.seconds or float("nan") for row in rows}
    ratios = {}
    for result in RESULTS:
        ours, value, differences = names(result)
        ratios[ours] = (f"{seconds[ours] / seconds[value]:.2f}x", f"{seconds[differences] / seconds[ours]:.3g}x")
    for row in rows:
        error = "" if row.error is None else f"{row.error:.1e}"
        table.add_row(row.name, *timing.speed(seconds[row.name], size), *ratios.get(row.name, ("", "")), error)
    table.caption_justify = "left"
    table.caption = (
        f"'/ differences': times as fast as they. Worst error: relative, of any derivative of {JUDGED} scenarios, "
        f"against mpmath. Central differences: 14 evaluations of {ALL_THREADS}, with arrays of coefficients, after "
        f"which a second result would cost little more; {words}."
    )
    console.print(table)
