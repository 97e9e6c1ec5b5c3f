"""Fits and their bootstraps against SciPy and optax on the same runs; then, on planted runs, coverage and scaling.

The grid is Hoffmann's of 4500 starts, the data the 240 runs of Besiroglu et al. A contender that is slow takes a seeded
sample of the starts (of the draws, in the bootstrap) and its time is scaled to all of them, which a tilde marks. Every
optimum is judged by one objective, in extended precision, of the coefficients found. Exits with 1 if our fit is not at
the optimum, or our refits are above SciPy's.
"""

import argparse
import functools
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import fit_peers
import jax
import jax.numpy as jnp
import numpy as np
import timing
from fit_peers import Array, Contender, Found, clocked
from plan import Target
from rich.table import Table
from timing import console

import lifetimescale as lts
from lifetimescale.compilation import compiled
from lifetimescale.fitting.descent import Problem, values
from lifetimescale.fitting.minimum import ENOUGH, SAMPLE, STAGES, polish, walk_down
from lifetimescale.fitting.starting import Kind, table

RUNS = Path(__file__).parents[2] / "shared" / "data" / "besiroglu2024_chinchilla.csv"
OPTIMUM = 0.00101827401780060315  # of those 240 runs
TABLES = ("grid", "bootstrap", "coverage", "scaling")
CLOSE, DIGITS, SAME = 1e-10, 1e-14, 1e-6
LEAST_SAME = 0.99  # of our refits

ADVANCE, STEPS = 256, 60  # of our two searches; 256 is the default
FEW, LANES, LANE_STEPS = 450, 256, 120  # starts of the tuned SciPy; starts and steps of optax
DEFAULT, ALL = f"ours, default (best {ADVANCE} walked)", "ours, all walked"
UNTUNED = {method: f"scipy {method} as it comes, 1 core" for method in ("L-BFGS-B", "BFGS")}
TUNED, SCREENED = "scipy L-BFGS-B tuned, all cores", f"the same, best {ADVANCE} walked"
OPTAX = "optax.lbfgs, vmapped"

SIZES, DRAWS = (100, 1000, 10_000, 100_000, 1_000_000), (100, 1000, 10_000)


class Walked(NamedTuple):
    """A line of the grid's table; the shares are of the starts that were walked."""

    name: str
    walked: int
    first: float
    seconds: float
    share: float
    gap: float
    close: float
    same: float
    success: float | None


class Soon(NamedTuple):
    """What brings the best of all starts that near the optimum."""

    goal: str
    evaluations: int
    seconds: float


class Scaled(NamedTuple):
    """A line of the last table."""

    what: str
    size: int
    first: float
    seconds: float
    evaluations: int | None


def main() -> None:
    options = parser().parse_args()
    console.print(timing.machine(), highlight=False)
    runs, optimum = observations()
    rows, targets = {}, []
    with fit_peers.pool(timing.cores()) as workers:
        if "grid" in options.tables:
            rows["grid"], rows["soon"] = grid(runs, optimum, workers, options)
            targets += grid_targets({row.name: row for row in rows["grid"]})
        if "bootstrap" in options.tables:
            rows["bootstrap"], promised = coverage.race(runs, workers, options.repeats)
            targets += promised
    if "coverage" in options.tables:
        rows["coverage"] = coverage.measure(options.sets)
    if "scaling" in options.tables:
        rows["scaling"] = scaling(runs)
    for target in targets:
        console.print(str(target), highlight=False)
    figures = {name: [row._asdict() for row in each] for name, each in rows.items()}
    judged = [target._asdict() | {"reached": bool(target.reached)} for target in targets]
    timing.write(options.json, {"machine": timing.machine(), **figures, "targets": judged})
    wrong = list(complaints(rows))
    for sentence in wrong:
        console.print(sentence, style="red")
    sys.exit(bool(wrong))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=_tables, default=TABLES, help=f"some of {','.join(TABLES)} (default all)")
    parser.add_argument("--sample", type=int, default=60, help="starts of SciPy as it comes (default 60)")
    parser.add_argument("--full", action="store_true", help=f"all 4500 starts for the tuned SciPy, not {FEW}")
    parser.add_argument("--sets", type=int, default=200, help="planted sets of the coverage (default 200)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; every figure is the median of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


def _tables(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(TABLES):
        raise argparse.ArgumentTypeError(f"no table {', '.join(unknown)}: choose of {', '.join(TABLES)}")
    return names


def observations() -> tuple[lts.Runs, float | None]:
    """The runs, which are named, and their optimum where it is known."""
    if RUNS.exists():
        runs = lts.read_runs(RUNS, where="outlier_dropped=False")
        console.print(f"Besiroglu et al. 2024: {runs}", highlight=False)
        return runs, OPTIMUM
    runs = lts.planted_runs(lts.law("besiroglu2024"), 240, key=jax.random.key(0))
    console.print(f"Planted runs of besiroglu2024, as {RUNS.name} is absent: {runs}", highlight=False)
    return runs, None


def complaints(rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """What is wrong with ours, in sentences."""
    for row in rows.get("grid", []):
        if row.name in (DEFAULT, ALL) and not row.gap <= CLOSE:
            yield f"{row.name}: {row.gap:.1e} above the optimum"
    for row in rows.get("bootstrap", []):
        if row.name == coverage.OURS and not row.same >= LEAST_SAME:
            yield f"{row.name}: {1 - row.same:.1%} of the draws are above SciPy's optimum"


def grid(
    runs: lts.Runs, optimum: float | None, workers: Pool, options: argparse.Namespace
) -> tuple[list[Walked], list[Soon]]:
    """Times and prints the searches over the 4500 starts."""
    data = fit_peers.data(runs)
    timed = fit_peers.race(contenders(runs, workers, options), options.repeats)
    found = {name: _found(each.result) for name, each in timed.items()}
    least = {name: fit_peers.exact(data, each.x[np.nanargmin(each.value)]) for name, each in found.items()}
    optimum = optimum or min(least.values())
    rows = []
    for name, each in found.items():
        close, same = (float(np.mean(each.value <= optimum * (1 + bound))) for bound in (CLOSE, SAME))
        first, seconds, _, share, _ = timed[name]
        gap = least[name] / optimum - 1
        rows.append(Walked(name, len(each.value), first, seconds, share, gap, close, same, each.success))
    soon = how_soon(timed[ALL].result, optimum)
    show_grid(rows, soon, options.repeats)
    return rows, soon


def contenders(runs: lts.Runs, workers: Pool, options: argparse.Namespace) -> dict[str, Contender]:
    """Ours and the others; those that are slow start from a sample."""
    data, starts = fit_peers.data(runs), fit_peers.as_x(hoffmann())
    shuffled = np.random.default_rng(2024).permutation(starts)

    def sampled(search: Callable[[Array], Found], size: int, *, once: bool = False) -> Contender:
        return Contender(functools.partial(search, shuffled[:size]), min(1, size / len(starts)), once)

    few = len(starts) if options.full else FEW
    untuned = {
        name: sampled(functools.partial(fit_peers.as_it_comes, workers, method, runs), options.sample)
        for method, name in UNTUNED.items()
    }
    return {
        DEFAULT: Contender(functools.partial(lts.fit, lts.Chinchilla, runs)),
        ALL: Contender(functools.partial(lts.fit, lts.Chinchilla, runs, advance=len(starts), steps=STEPS)),
        TUNED: sampled(functools.partial(fit_peers.tuned, workers, data), few, once=options.full),
        SCREENED: Contender(functools.partial(fit_peers.screened, workers, data, starts, ADVANCE)),
        **untuned,
        OPTAX: sampled(fit_peers.lbfgs(data, LANE_STEPS), LANES, once=True),
    }


def hoffmann() -> dict[str, Array]:
    """The coefficients of the 4500 starts."""
    return table(Kind(lts.Chinchilla), "hoffmann", {}, {})


def _found(result: Found | lts.Fit) -> Found:
    """Where each start ended; of a fit, whose law alone is known, by making the same search again."""
    if isinstance(result, Found):
        return result
    value = np.asarray(search(result.problem, hoffmann(), STEPS, advance=result.advanced)[0])
    x = fit_peers.as_x(lts.coefficients(result.law))
    return Found(np.broadcast_to(x, (len(value), 5)), value, float(result.converged_share))


@functools.partial(compiled, static_argnames=("advance",))
def search(
    problem: Problem, coefficients: Mapping[str, Array], steps: int, *, advance: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What `fit` does: the value of each start that was walked, that of the best after the polish, and evaluations."""
    far, near = problem.walked(near=False), problem.walked(near=True)
    starts = far.coordinates.values_of({name: jnp.asarray(column) for name, column in coefficients.items()})
    screened = values(far, jax.vmap(far.coordinates.position)(starts))
    walk = walk_down(far, starts[jnp.argsort(screened)[:advance]], STAGES, steps=steps, enough=ENOUGH)
    best = near.coordinates.position(walk.position[jnp.argmin(walk.value)])
    return walk.value, polish(near, best).value, walk.steps


def how_soon(fitted: lts.Fit, optimum: float) -> list[Soon]:
    """The fewest evaluations of all starts that lead within 1e-10 and to 14 digits, and their seconds."""
    goals: dict[str, Callable[[float, float], bool]] = {
        "the best start within 1e-10": lambda walked, polished: walked <= CLOSE,
        "the best start within 1e-14": lambda walked, polished: walked <= DIGITS,
        "the same after Newton's polish": lambda walked, polished: polished <= DIGITS,
    }
    reached: dict[str, Soon] = {}
    for steps in range(STEPS + 1):
        call = functools.partial(search, fitted.problem, hoffmann(), steps, advance=fitted.advanced)
        walked, polished, evaluations = call()
        gaps = float(jnp.min(walked)) / optimum - 1, float(polished) / optimum - 1
        new = [goal for goal, holds in goals.items() if goal not in reached and holds(*gaps)]
        seconds = statistics.median(clocked(call)[0] for _ in range(3)) if new else 0
        reached |= {goal: Soon(goal, int(evaluations), seconds) for goal in new}
        if len(reached) == len(goals):
            break
    return list(reached.values())


def show_grid(rows: Sequence[Walked], soon: Sequence[Soon], repeats: int) -> None:
    size = len(hoffmann()["A"])
    table = Table(title=f"{size} starts, median of {repeats}", title_justify="left", caption_justify="left")
    columns = ("walked", "first, s", "seconds", "/ default", "/ all", "gap of best", "at 1e-10", "at 1e-6", "success")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    ours = {row.name: row.seconds for row in rows}
    for row in rows:
        seconds = f"{'~' if row.share < 1 else ''}{row.seconds:.3g}"
        ratios = [f"{row.seconds / ours[name]:.3g}x" for name in (DEFAULT, ALL)]
        shares = [f"{share:.1%}" for share in (row.close, row.same)]
        success = "" if row.success is None else f"{row.success:.1%}"
        table.add_row(
            row.name, str(row.walked), f"{row.first:.1f}", seconds, *ratios, f"{row.gap:.1e}", *shares, success
        )
    reached = "; ".join(f"{each.goal} {each.evaluations} evaluations, {each.seconds:.2f} s" for each in soon)
    table.caption = (
        "'first': the first call, which compiles ours and optax, not scaled. '/': times the time of ours. 'gap': of "
        "the best objective from the optimum, relative. 'at': share of the starts walked that end so near. 'success': "
        f"the share that the contender reports. optax: {LANE_STEPS} steps. Ours, all walked, has {reached}."
    )
    console.print(table)


def grid_targets(rows: Mapping[str, Walked]) -> Iterator[Target]:
    """What was promised; a search that is not that near the optimum has not kept it."""

    def faster(ours: str, gap: float, bound: float, aim: float | None = None) -> Target:
        ratio = rows[TUNED].seconds / rows[ours].seconds if rows[ours].gap <= gap else 0.0
        return Target(f"{ours}, to {gap:g}, as fast as the tuned SciPy from all starts", ratio, bound, aim)

    yield faster(ALL, CLOSE, 4)
    yield faster(ALL, DIGITS, 2)
    yield faster(DEFAULT, DIGITS, 20, 30)


def scaling(runs: lts.Runs) -> list[Scaled]:
    """Times and prints the default fit to more and more planted runs, and more and more draws of the bootstrap."""
    law, rows = lts.law("besiroglu2024"), []
    for size in SIZES:
        planted = lts.planted_runs(law, size, key=jax.random.key(size))
        call = functools.partial(lts.fit, lts.Chinchilla, planted)
        (first, _), (seconds, fitted) = clocked(call), clocked(call)
        rows.append(Scaled("fit, runs", size, first, seconds, int(fitted.steps)))
    fitted = lts.fit(lts.Chinchilla, runs)
    for draws in DRAWS:
        call = functools.partial(lts.bootstrap, fitted, draws=draws, key=jax.random.key(0))
        (first, _), (seconds, _) = clocked(call), clocked(call)
        rows.append(Scaled(f"bootstrap of {len(runs)} runs, draws", draws, first, seconds, None))
    show_scaling(rows)
    return rows


def show_scaling(rows: Sequence[Scaled]) -> None:
    table = Table(title="Scaling", title_justify="left", caption_justify="left")
    for column in ("", "number", "first call, s", "second call, s", "µs for each", "evaluations"):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        times = f"{row.first:.2f}", f"{row.seconds:.3g}", f"{row.seconds / row.size * 1e6:.3g}"
        table.add_row(row.what, f"{row.size:,}", *times, "" if row.evaluations is None else str(row.evaluations))
    table.caption = (
        f"Planted runs of besiroglu2024. Evaluations: of the {ADVANCE} starts that are walked, besides one of all; "
        f"above {SAMPLE} runs both are of a sample of so many, and the few best are walked on over all runs."
    )
    console.print(table)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
