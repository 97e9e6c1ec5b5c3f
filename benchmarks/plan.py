"""Plans and their gradients against SciPy, hand-tuned NumPy and the memory's limit, on the same arrays in one run.

Exits with 1 if any contender disagrees with the float64 kernel. Set XLA_FLAGS and NPY_DISABLE_CPU_FEATURES to see what
the figures owe to the width of the vectors on either side.
"""

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gradients
import jax
import jax.numpy as jnp
import numpy as np
import peers
import timing
from peers import ALL_THREADS, ONE_THREAD
from rich.table import Table
from timing import Row, console

import lifetimescale as lts
from lifetimescale.planning.search import exact_at_loss

AT = 1_000_000  # the scenarios that the targets are for; the slow peers and the general route take no more
SUBSAMPLE = 2000  # scenarios of the loop of brentq
FLOAT64, FLOAT32 = np.dtype("float64"), np.dtype("float32")
TOLERANCE = {FLOAT64: 1e-10, FLOAT32: 1e-4}

KERNEL, EAGER, IN_JIT, GENERAL = "ours, kernel", "ours, plan (eager)", "ours, plan (in jit)", "ours, general route"
COPY = "copy"
SINGLE, HALF = ", float64", ", float32"
FIND_ROOT, NEWTON, BRENTQ = "scipy elementwise.find_root", "scipy newton, vectorised", "scipy brentq, a loop"
FEWER_STEPS = f"{ALL_THREADS}, 3 steps"


class Contender(NamedTuple):
    """One way to find params, tokens and total of every scenario."""

    call: Callable[[], Any]
    dtype: np.dtype = FLOAT64
    slow: bool = False
    share: float = 1  # of the scenarios; the time is scaled by it


class Target(NamedTuple):
    """A ratio that was promised."""

    text: str
    ratio: float
    bound: float
    aim: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound

    def __str__(self) -> str:
        aim = "" if self.aim is None else f", aim {self.aim:g}x"
        wanted = f"wanted {'at most' if self.at_most else 'at least'} {self.bound:g}x{aim}"
        return f"{'reached    ' if self.reached else 'not reached'} {self.ratio:6.2f}x ({wanted}): {self.text}"


@jax.jit
def kernel(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> tuple[jax.Array, ...]:
    """Params, tokens and total by the exact formulas alone."""

    def scenario(demand: jax.Array, loss: jax.Array) -> tuple[jax.Array, ...]:
        found, total = exact_at_loss(law.coupled(), lts.Flops(demand).rates(), loss, jnp.asarray(True))
        return found.params, found.tokens, total

    return jax.vmap(scenario)(demand, loss)


def plan(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> lts.Plan:
    """What a user calls."""
    return lts.plan(law, lts.Flops(demand), loss=loss)


def general(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> lts.Plan:
    """The route of laws and costs that have no exact solution."""
    return lts.plan(law, lts.Flops(demand), loss=loss, method="general")


plan_in_jit = jax.jit(plan)


@jax.jit
def copy(demand: jax.Array, loss: jax.Array) -> tuple[jax.Array, ...]:
    """Two arrays in, three out, and one operation each, since XLA would return the same arrays for a plain copy."""
    return demand + loss, demand - loss, demand * loss


def main() -> None:
    options = timing.parser(__doc__, "1e4,1e5,1e6,1e7").parse_args()
    console.print(timing.machine(), highlight=False)
    tables = {size: values(size, options.repeats) for size in options.sizes}
    size = min(AT, max(options.sizes))
    derivatives = gradients.measure([*gradients.coefficients(size), *scenarios(size)], options.repeats)
    targets = list(promised(tables[AT], derivatives)) if AT in tables else []
    for target in targets:
        console.print(str(target), highlight=False)
    judged = [target._asdict() | {"reached": target.reached} for target in targets]
    figures = {"values": {str(size): _json(rows) for size, rows in tables.items()}, "gradients": _json(derivatives)}
    timing.write(options.json, {"machine": timing.machine(), **figures, "targets": judged})
    wrong = [row for rows in tables.values() for row in rows if complain(row)]
    sys.exit(bool(wrong))


def _json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [row._asdict() for row in rows]


def complain(row: Row) -> bool:
    """Whether the row disagrees with the kernel, which is then said."""
    tolerance = TOLERANCE[FLOAT32 if row.name.endswith(HALF) else FLOAT64]
    wrong = row.error is not None and not row.error <= tolerance
    if wrong:
        console.print(f"{row.name} disagrees with the kernel by {row.error:.1e}", style="red")
    return wrong


def values(size: int, repeats: int) -> list[Row]:
    """Checks, times and prints all contenders on one batch."""
    law, (demand, loss) = lts.law("chinchilla"), scenarios(size)
    assert isinstance(law, lts.AbstractCoupled)
    coefficients = [float(getattr(law, name)) for name in gradients.COEFFICIENTS]
    tuned, chunks = numpy_contenders(peers.constants(*coefficients), demand, loss)
    contenders = our_contenders(law, demand, loss) | scipy_contenders(coefficients, demand, loss) | tuned
    running = {name: each for name, each in contenders.items() if not (each.slow and size > AT)}
    exact = [np.asarray(column) for column in running[KERNEL + SINGLE].call()]
    errors = {name: disagreement(each, exact) for name, each in running.items() if not name.startswith(COPY)}
    seconds = timing.interleaved({name: each.call for name, each in running.items()}, repeats)
    rows = [
        Row(name, seconds[name] / each.share if name in running else None, errors.get(name))
        for name, each in contenders.items()
    ]
    show(size, repeats, rows, chunks)
    return rows


def scenarios(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Demand log-uniform in 1e9 to 1e15 tokens, loss uniform in 1.8 to 2.6."""
    random = np.random.default_rng(2024)
    return 10 ** random.uniform(9, 15, size), random.uniform(1.8, 2.6, size)


def our_contenders(law: lts.AbstractCoupled, demand: np.ndarray, loss: np.ndarray) -> dict[str, Contender]:
    """Ours and the memory's limit, in both types."""
    contenders = {}
    for suffix, dtype in ((SINGLE, FLOAT64), (HALF, FLOAT32)):
        arguments = jax.tree.map(functools.partial(jnp.asarray, dtype=dtype), (law, demand, loss))
        for name, call in {KERNEL: kernel, EAGER: plan, IN_JIT: plan_in_jit, GENERAL: general}.items():
            contenders[name + suffix] = Contender(functools.partial(call, *arguments), dtype, slow=name == GENERAL)
        contenders[COPY + suffix] = Contender(functools.partial(copy, *arguments[1:]), dtype)
    return contenders


def scipy_contenders(coefficients: list[float], demand: np.ndarray, loss: np.ndarray) -> dict[str, Contender]:
    """SciPy's three ways."""
    law, few = peers.constants(*coefficients), (demand[:SUBSAMPLE].tolist(), loss[:SUBSAMPLE].tolist())
    loop = functools.partial(peers.brentq, coefficients, *few)
    return {
        BRENTQ: Contender(loop, share=min(1, SUBSAMPLE / demand.size)),
        FIND_ROOT: Contender(functools.partial(peers.find_root, law, demand, loss), slow=True),
        NEWTON: Contender(functools.partial(peers.newton, law, demand, loss), slow=True),
    }


def numpy_contenders(law: peers.Constants, demand: np.ndarray, loss: np.ndarray) -> tuple[dict[str, Contender], str]:
    """The tuned NumPy, each with the best of its chunks, and which these are, in words."""
    contenders, words = {}, []
    kinds = {ONE_THREAD: (1, peers.HALLEY_STEPS), ALL_THREADS: (timing.cores(), peers.HALLEY_STEPS)}
    for name, (threads, steps) in (kinds | {FEWER_STEPS: (timing.cores(), 3)}).items():
        tuned = {chunk: peers.Tuned(chunk, threads=threads, steps=steps) for chunk in peers.CHUNKS}
        calls = {chunk: functools.partial(each.models, law, demand, loss) for chunk, each in tuned.items()}
        best = timing.fastest(calls)
        contenders[name] = Contender(calls[best])
        words.append(f"{best} for {name.removeprefix('tuned NumPy, ')}")
    return contenders, "; ".join(words)


def disagreement(contender: Contender, exact: Sequence[np.ndarray]) -> float:
    """The greatest relative difference from the kernel; infinite if the type is not the one asked for."""
    result = contender.call()
    columns = (result.params, result.tokens, result.total) if isinstance(result, lts.Plan) else result
    if any(column.dtype != contender.dtype for column in columns):
        return float("inf")
    pairs = zip(columns, exact, strict=True)
    return max(float(np.max(np.abs(np.asarray(column) / right[: column.size] - 1))) for column, right in pairs)


def show(size: int, repeats: int, rows: Sequence[Row], chunks: str) -> None:
    table = Table(title=f"{size:,} plans, median of {repeats}", title_justify="left", caption_justify="left")
    for column in ("", "ms", "scenarios/s", "/ find_root", "/ NumPy, 1", "/ NumPy, all", "of copy", "difference"):
        table.add_column(column, justify="right" if column else "left")
    seconds = {row.name: row.seconds for row in rows}
    for row in rows:
        table.add_row(row.name, *_cells(row, size, seconds))
    widths = {SINGLE: 40, HALF: 20}  # bytes of five numbers
    moved = {suffix: width * size / (seconds[COPY + suffix] or 1) / 1e9 for suffix, width in widths.items()}
    table.caption = (
        "'/ X': times as fast as X (tuned NumPy on 1 thread, on all). 'of copy': the share attained of the memory's "
        f"limit, which is copy: 2 arrays in, 3 out; in float64 40 B a scenario at {moved[SINGLE]:.0f} GB/s, in float32 "
        f"20 B at {moved[HALF]:.0f} GB/s. 'difference': the worst, from the first row. brentq: {min(size, SUBSAMPLE)} "
        f"scenarios, scaled. Chunks of the tuned NumPy, the best of {len(peers.CHUNKS)}: {chunks}."
    )
    console.print(table)


def _cells(row: Row, size: int, seconds: dict[str, float | None]) -> list[str]:
    if row.seconds is None:
        return ["skipped", f"above {AT:.0e}"]
    speedups = (seconds[peer] for peer in (FIND_ROOT, ONE_THREAD, ALL_THREADS))
    ratios = ["" if peer is None else f"{peer / row.seconds:.3g}x" for peer in speedups]
    limit = seconds[COPY + (HALF if row.name.endswith(HALF) else SINGLE)]
    share = f"{limit / row.seconds:.1%}" if limit and row.name.startswith("ours") else ""
    return [*timing.speed(row.seconds, size), *ratios, share, "" if row.error is None else f"{row.error:.1e}"]


def promised(rows: Sequence[Row], derivatives: Sequence[Row]) -> Iterator[Target]:
    """The targets."""
    seconds = {row.name: row.seconds or float("nan") for row in (*rows, *derivatives)}

    def faster(ours: str, peer: str, bound: float, aim: float | None = None) -> Target:
        return Target(f"{ours}, as fast as {peer}", seconds[peer] / seconds[ours], bound, aim)

    def within(ours: str, peer: str, bound: float) -> Target:
        return Target(f"{ours}, the time of {peer}", seconds[ours] / seconds[peer], bound, at_most=True)

    for ours in (KERNEL, EAGER, IN_JIT):
        yield faster(ours + SINGLE, FIND_ROOT, 12, 15)
        yield faster(ours + SINGLE, ONE_THREAD, 1.3, 1.6)
        yield faster(ours + SINGLE, ALL_THREADS, 1.3, 1.6)
        yield faster(ours + HALF, ONE_THREAD, 5)
        yield faster(ours + HALF, ALL_THREADS, 5)
    for ours in (EAGER, IN_JIT):
        yield within(ours + SINGLE, KERNEL + SINGLE, 1.5)
    yield faster(GENERAL + SINGLE, FIND_ROOT, 1.5)
    for result in gradients.RESULTS:
        ours, own_value, differences = gradients.names(result)
        yield within(ours, own_value, 3)
        yield faster(ours, differences, 10)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
