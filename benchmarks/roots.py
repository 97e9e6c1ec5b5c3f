"""The library's bracketed root against optimistix, on the function that the general route of `plan` solves.

Both go through the same jit(vmap) on the same scenarios. Bisection is given a bracket that holds every root; Newton's
method starts where ours does, and has no guard. Exits with 1 if ours is not at the exact solution.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
import timing
from rich.table import Table
from timing import console

import lifetimescale as lts
from lifetimescale.planning.curves import CoupledLoss
from lifetimescale.planning.search import _imbalance
from lifetimescale.roots import root

TOLERANCE = 1e-12
BELOW, ABOVE = 1.0, 20.0  # the bracket of Bisection about the start; no root here is more than 12 above it
OURS = "lifetimescale.roots.root"

Answer = tuple[jax.Array, jax.Array]  # position, whether converged


class Result(NamedTuple):
    """A line of the table, and of the JSON."""

    name: str
    seconds: float
    converged: float
    from_ours: float
    from_exact: float


def arguments(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> tuple[CoupledLoss, Any, Any]:
    """What the general route hands to its root."""
    return CoupledLoss(law.coupled(), loss), law, lts.Flops(demand)


def ours(problem: tuple[CoupledLoss, Any, Any]) -> Answer:
    found = root(_imbalance, problem[0].start(), problem)
    return found.position, found.status == lts.Status.OK


def bisection(problem: tuple[CoupledLoss, Any, Any]) -> Answer:
    start = problem[0].start()
    bracket = {"lower": start - BELOW, "upper": start + ABOVE}
    return _optimistix(optx.Bisection(rtol=TOLERANCE, atol=TOLERANCE, flip=False), problem, bracket)


def newton(problem: tuple[CoupledLoss, Any, Any]) -> Answer:
    return _optimistix(optx.Newton(rtol=TOLERANCE, atol=TOLERANCE), problem, {})


def _optimistix(solver: Any, problem: tuple[CoupledLoss, Any, Any], options: dict[str, Any]) -> Answer:
    found = optx.root_find(_imbalance, solver, problem[0].start(), problem, options=options, throw=False)
    return found.value, found.result == optx.RESULTS.successful


def exact(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> jax.Array:
    """The logit of the share of params by the exact route: alpha A/N^alpha = beta B/D^beta (1 + phi)."""
    best = lts.plan(law, lts.Flops(demand), loss=loss, method="exact")
    return CoupledLoss(law.coupled(), loss).start() + jnp.log1p(demand / (3 * best.tokens))


def main() -> None:
    options = timing.parser(__doc__, "1e5").parse_args()
    console.print(timing.machine(), highlight=False)
    tables = {size: measure(size, options.repeats) for size in options.sizes}
    figures = {str(size): [result._asdict() for result in results] for size, results in tables.items()}
    timing.write(options.json, {"machine": timing.machine(), "roots": figures})
    sys.exit(any(not results[0].from_exact <= TOLERANCE for results in tables.values()))


def measure(size: int, repeats: int) -> list[Result]:
    """Times and prints all solvers on one batch."""
    random = np.random.default_rng(2024)
    demand, loss = jnp.asarray(10 ** random.uniform(9, 15, size)), jnp.asarray(random.uniform(1.8, 2.6, size))
    law = lts.law("chinchilla")
    assert isinstance(law, lts.AbstractCoupled)
    solvers = {OURS: ours, "optimistix.Bisection": bisection, "optimistix.Newton": newton}
    calls = {name: functools.partial(batched(solver), law, demand, loss) for name, solver in solvers.items()}
    seconds = timing.interleaved(calls, repeats)
    positions, solution = np.asarray(calls[OURS]()[0]), np.asarray(exact(law, demand, loss))
    results = [judge(name, seconds[name], calls[name](), positions, solution) for name in calls]
    show(size, repeats, results)
    return results


def batched(solver: Callable[[Any], Answer]) -> Callable[..., Answer]:
    """A solver of one scenario over all of them, compiled."""

    @jax.jit
    def solve(law: lts.AbstractCoupled, demand: jax.Array, loss: jax.Array) -> Answer:
        return jax.vmap(lambda demand, loss: solver(arguments(law, demand, loss)))(demand, loss)

    return solve


def judge(name: str, seconds: float, answer: Answer, positions: np.ndarray, solution: np.ndarray) -> Result:
    position, converged = (np.asarray(each) for each in answer)
    errors = [float(np.max(np.abs(position - other)[converged], initial=0)) for other in (positions, solution)]
    return Result(name, seconds, float(np.mean(converged)), *errors)


def show(size: int, repeats: int, results: Sequence[Result]) -> None:
    table = Table(title=f"{size:,} roots, float64, median of {repeats}", title_justify="left", caption_justify="left")
    for column in ("", "ms", "scenarios/s", "time / ours", "converged", "from ours", "from the exact"):
        table.add_column(column, justify="right" if column else "left")
    for result in results:
        ratio, errors = result.seconds / results[0].seconds, (result.from_ours, result.from_exact)
        speed, share = timing.speed(result.seconds, size), f"{result.converged:.2%}"
        table.add_row(result.name, *speed, f"{ratio:.2f}x", share, *(f"{error:.1e}" for error in errors))
    table.caption = (
        f"optimistix: rtol and atol {TOLERANCE:g}, throw=False, at most 256 steps. The last two columns: the worst "
        "distance, of those converged, from our positions and from the exact route's; a position is the logit of the "
        "share of params in the loss above the floor."
    )
    console.print(table)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
