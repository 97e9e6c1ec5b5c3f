"""How fast the general route plans a real serving cost, beside SciPy's find_root on the paper's simpler problem.

`Roofline` with batch and chips given is a cost like any other; where it is to choose them, every evaluation of it is a
geometric program in two variables, and it is reported apart. Exits with 1 if the first is slower than find_root.
"""

import argparse
import sys
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

LAW = "chinchilla"
COEFFICIENTS = ("E", "A", "B", "alpha", "beta")
SIZES = (100_000, 1_000)  # where the batch and the chips are given, and where they are chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9, help="rounds; every figure is the median of them")
    parser.add_argument("--json", type=timing.Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    many, few = SIZES
    given = race({"find_root": find_root(many), "fixed utilisations": simple(many), **given_deployments(many)}, options)
    chosen = race(chosen_deployments(few), options)
    show(many, few, given, chosen)
    timing.write(options.json, {"given": given, "chosen": chosen})
    slowest = max(seconds for name, seconds in given.items() if name.startswith("roofline"))
    if slowest > given["find_root"]:
        console.print(
            f"the roofline is planned {slowest / given['find_root']:.2f} times as slowly as find_root", style="red"
        )
        sys.exit(1)


def race(contenders: dict[str, Callable[[], Any]], options: argparse.Namespace) -> dict[str, float]:
    """Median seconds of each."""
    return timing.interleaved(contenders, options.repeats)


def scenarios(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Requests of 1000 prompt and 250 output tokens, and target losses."""
    rng = np.random.default_rng(0)
    return 10 ** rng.uniform(7, 12, size), rng.uniform(1.9, 2.6, size)


def find_root(size: int) -> Callable[[], Any]:
    requests, loss = scenarios(size)
    law = peers.constants(*(float(getattr(lts.law(LAW), name)) for name in COEFFICIENTS))
    return lambda: peers.find_root(law, 1250 * requests, loss)


def simple(size: int) -> Callable[[], Any]:
    return planner(size, lambda chip, demand: lts.FixedUtilization(chip, demand=demand, precision="fp8"), "general")


def given_deployments(size: int) -> dict[str, Callable[[], Any]]:
    def batch_and_chips(chip, demand):
        return lts.Roofline(chip, demand, "fp8", batch=64, chips=8)

    def full_batch(chip, demand):
        return lts.Roofline(chip, demand, "fp8", chips=8)

    return {
        "roofline, batch 64 on 8 chips": planner(size, batch_and_chips),
        "roofline, the largest batch on 8 chips": planner(size, full_batch),
    }


def chosen_deployments(size: int) -> dict[str, Callable[[], Any]]:
    def free(chip, demand):
        return lts.Roofline(chip, demand, "fp8")

    def quick(chip, demand):
        return lts.Roofline(chip, demand, "fp8", time_per_token=0.03)

    return {
        "batch and chips chosen": planner(size, free),
        "the same, within 30 ms per token": planner(size, quick),
        "batch and chips chosen, for a budget": planner(size, free, for_budget=True),
        "the same for a budget, within 30 ms per token": planner(size, quick, for_budget=True),
    }


def planner(
    size: int, serving: Callable[[lts.Chip, lts.Demand], Any], method: str = "auto", *, for_budget: bool = False
) -> Callable[[], Any]:
    """A call that plans every scenario, or what the totals of those plans buy."""
    requests, loss = (jnp.asarray(numbers) for numbers in scenarios(size))
    chip, law = lts.chip("h100", price=2.5), lts.law(LAW)
    cost = lts.Training(chip, mfu=0.41) + serving(chip, lts.Demand(requests, 1000.0, 250.0))
    target: dict[str, Any] = {"budget": lts.plan(law, cost, loss=loss).total} if for_budget else {"loss": loss}

    def call():
        best = lts.plan(law, cost, method=method, **target)
        return best.params, best.tokens, best.total, best.status

    assert not np.asarray(call()[3]).any()
    return call


def show(many: int, few: int, given: dict[str, float], chosen: dict[str, float]) -> None:
    table = Table(title=f"plans a second, float64; {timing.machine()}", title_justify="left")
    for column in ("", "plans", "us a plan", "as fast as find_root"):
        table.add_column(column, justify="right" if column else "left")
    for rows, size in ((given, many), (chosen, few)):
        for name, seconds in rows.items():
            ratio = given["find_root"] / many / (seconds / size)
            table.add_row(name, f"{size:,}", f"{1e6 * seconds / size:.2f}", f"{ratio:.3g}")
    console.print(table)


if __name__ == "__main__":
    main()
