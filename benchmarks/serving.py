"""Costs of serving against 791 measured throughputs of five stacks on six chips, and against what hosts charge.

Every row is predicted from its own figures: chip, shape, batch, chips and lengths, at a price at which a request costs
seconds of one chip. Two errors of a prediction p of y tokens per second and chip: |p/y - 1|, and the distance
exp|log(p/y)| - 1, which is as great for a half as for a double. Then the four constants of `Stack` are fitted again, on
random halves, by the optimiser that fits laws. Exits with 1 if the median distance is 15 % or more, or fewer than 95 %
lie within a factor of 2, by the shipped constants (with true shapes or those of N alone) or on the first held-out half.
"""

import argparse
import csv
import functools
import itertools
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import timing
from rich.table import Table
from timing import console

import lifetimescale as lts
from lifetimescale.fitting.coordinates import coordinates
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.huber import Huber
from lifetimescale.fitting.minimum import minimise

ROWS = Path(__file__).parents[2] / "shared" / "data" / "serving_rows.csv"
MOST_MEDIAN, LEAST_WITHIN = 0.15, 0.95
TRUE, FITTED = "Roofline, true shapes", "FixedUtilization, fitted to these rows"
CONSTANTS = ("compute", "bandwidth", "launch", "growth")
KNEE, SQUARES = 0.1, 1.0  # of the Huber loss of log(p/y): 3 % of the rows lie beyond 0.7

# Dollars per 1e6 output tokens with 4e6 input tokens, the cheapest and the median open host (litellm 1.109.1 on PyPI),
# and the chips of a replica at batch 32: the least power of 2 that holds it, but two machines of 8 for 405B.
MARKET = {
    "Llama 3.1 8B": (8.03e9, 0.12, 0.14, 1.0),
    "Qwen3 32B": (32.76e9, 0.30, 0.70, 1.0),
    "Llama 3.1 70B": (70.55e9, 0.72, 1.32, 2.0),
    "Llama 3.1 405B": (405.8e9, 4.0, 11.0, 16.0),
}
PRICE, PROMPT, OUTPUT = 2.50, 1000.0, 250.0  # of an H100, dollars per hour; tokens of a request

Rows = namedtuple(
    "Rows",
    "n_params layers d_attn kv_bytes_per_token weight_bytes peak_flops mem_bw mem batch chips in_len out_len "
    "out_tok_s_per_chip element",  # columns of the file, and the bytes of a cached element
)
Names = Sequence[Mapping[str, str]]


class Score(NamedTuple):
    """How well the rows of a group are predicted: medians of the two errors, and the share within a factor of 2."""

    name: str
    rows: int
    error: float
    distance: float
    within: float

    def cells(self) -> list[str]:
        return [f"{value:.1%}" for value in self[2:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="random halves (default 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    console.print(timing.machine(), highlight=False)
    figures: dict[str, Any] = {"machine": timing.machine(), "market": market(), "latency": latency()}
    wrong = []
    if ROWS.exists():
        rows, names = read()
        scores, residuals = predicted(rows)
        groups = grouped(names, residuals[TRUE], residuals[FITTED])
        worst(rows, names, np.asarray(residuals[TRUE]))
        halves, figured = refitted(rows, options.seeds), [score._asdict() for score in scores]
        wrong = list(complaints([*figured[:2], halves[0]]))
        figures |= {"scores": figured, "groups": groups, "halves": halves}
    else:
        console.print(f"No measurements, as {ROWS.name} is absent", highlight=False)
    timing.write(options.json, figures)
    for sentence in wrong:
        console.print(sentence, style="red")
    sys.exit(bool(wrong))


def complaints(scores: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is not as good as claimed, in sentences."""
    for each in scores:
        if not each["distance"] < MOST_MEDIAN:
            yield f"{each['name']}: a median distance of {each['distance']:.1%}"
        if not each["within"] >= LEAST_WITHIN:
            yield f"{each['name']}: {each['within']:.1%} within a factor of 2"


def read() -> tuple[Rows, Names]:
    """The numbers as columns, and every row as it stands."""
    with ROWS.open() as file:
        names = list(csv.DictReader(file))
    columns = [np.array([float(row[name]) for row in names]) for name in Rows._fields[:-1]]
    return Rows(*columns, element=np.array([2.0 if row["precision"] == "fp16" else 1.0 for row in names])), names


def roofline(rows: Rows, stack: lts.Stack | None = None, shape: lts.AbstractShape | None = None) -> lts.Roofline:
    """What a request of each row costs, in seconds of one chip; with one byte an element, the shape counts bytes."""
    if shape is None:
        shape = lts.Shape(rows.layers, rows.d_attn, rows.kv_bytes_per_token, rows.weight_bytes / rows.n_params)
    return lts.Roofline(**asked(rows), batch=rows.batch, chips=rows.chips, shape=shape, stack=stack)


def from_params(rows: Rows) -> lts.Ladder:
    """The shape that models of N parameters have, whatever the row says, with 8 heads of 128 cached."""
    return lts.Ladder(cache=2048 * rows.element, stored_ratio=rows.weight_bytes / rows.n_params)


def fixed(rows: Rows, used: Mapping[str, Any]) -> lts.FixedUtilization:
    """The same by two utilisations."""
    return lts.FixedUtilization(**asked(rows), **used)


def asked(rows: Rows) -> dict[str, Any]:
    """One request, on a chip with the row's peak at a dollar a second."""
    chip = lts.Chip(3600.0, fp8=rows.peak_flops, memory=rows.mem, bandwidth=rows.mem_bw)
    return {"chip": chip, "demand": lts.Demand(1.0, rows.in_len, rows.out_len), "precision": "fp8"}


def residual(cost: lts.AbstractCost, rows: Rows) -> jax.Array:
    """log(p/y), of tokens per second and chip; a cost of serving does not ask for training tokens."""
    return jnp.log(rows.out_len / cost(rows.n_params, 1.0) / rows.out_tok_s_per_chip)


def score(name: str, residuals: Any) -> Score:
    logs = np.asarray(residuals)
    distances = np.expm1(np.abs(logs))
    errors = (np.median(np.abs(np.expm1(logs))), np.median(distances), np.mean(distances <= 1))
    return Score(name, len(logs), *map(float, errors))


def tested(name: str, constants: Mapping[str, float], rows: Rows) -> dict[str, Any]:
    """The constants, and how well they predict the rows."""
    return {**constants, **score(name, residual(roofline(rows, lts.Stack(**constants)), rows))._asdict()}


@functools.partial(jax.jit, static_argnames=("cost", "build", "names"))
def fit(cost: Callable[..., Any], build: Callable[..., Any], names: tuple[str, ...], start: Any, rows: Rows, knee: Any):
    """The numbers, by name, of least Huber loss of the residuals, from the corners of a box about the start."""

    def of_row(numbers: Any, *row: Any) -> jax.Array:
        return residual(cost(Rows(*row), numbers), Rows(*row))

    plane = coordinates(build, dict.fromkeys(names, True), fixed={}, tied={}, bounds={})
    corners = jnp.array(list(itertools.product((0.5, 2.0), repeat=len(names)))) * start
    problem = Problem(of_row, plane, Huber(knee, 0.5), tuple(map(jnp.asarray, rows)), jnp.ones(len(rows.batch)))
    found = minimise(problem, corners, optimizer=None, advance=len(corners), steps=100)
    return plane.walked(near=True).coefficients(found.position)


def fit_stack(rows: Rows, knee: float = KNEE) -> dict[str, float]:
    """The four constants, fitted."""
    start = jnp.stack([getattr(lts.Stack(), name) for name in CONSTANTS])
    return {name: float(x) for name, x in fit(roofline, lts.Stack, CONSTANTS, start, rows, knee).items()}


def predicted(rows: Rows) -> tuple[list[Score], dict[str, jax.Array]]:
    """Scores and prints the four models; their residuals, by name."""
    paper = {"prefill": 0.5, "decode": 0.01}
    used = fit(fixed, dict, tuple(paper), jnp.array([*paper.values()]), rows, KNEE)
    costs = {TRUE: roofline(rows), "Roofline, shapes from N alone": roofline(rows, shape=from_params(rows))}
    costs |= {FITTED: fixed(rows, used), "FixedUtilization, 0.5 and 0.01 (paper)": fixed(rows, paper)}
    residuals = {name: residual(cost, rows) for name, cost in costs.items()}
    table = titled(f"{len(rows.batch)} rows, median errors", "", "|p/y - 1|", "exp|log(p/y)| - 1", "within 2x")
    for each in (scores := [score(name, logs) for name, logs in residuals.items()]):
        table.add_row(each.name, *each.cells())
    table.caption = f"Fitted utilisations: {float(used['prefill']):.3f} and {float(used['decode']):.4f}."
    console.print(table)
    return scores, residuals


def grouped(names: Names, ours: jax.Array, theirs: jax.Array) -> list[dict[str, Any]]:
    """Scores and prints Roofline beside the fitted utilisations, by group."""
    columns = [f"{model}, {what}" for model in ("Roofline", "Fixed") for what in ("|p/y-1|", "distance", "within 2x")]
    table, figures = titled("True shapes beside fitted utilisations, by group", "", "rows", *columns), []
    by_size = sorted(names, key=lambda row: float(row["n_params"]))
    for key in ("stack", "hardware", "precision", "model"):
        for value in dict.fromkeys(row[key] for row in by_size):
            chosen = np.array([row[key] == value for row in names])
            pair = [score(value, np.asarray(each)[chosen]) for each in (ours, theirs)]
            table.add_row(value, str(pair[0].rows), *pair[0].cells(), *pair[1].cells())
            figures.append({"by": key, "roofline": pair[0]._asdict(), "fixed": pair[1]._asdict()})
        table.add_section()
    console.print(table)
    return figures


def worst(rows: Rows, names: Names, logs: np.ndarray) -> None:
    """Prints the ten rows that true shapes predict worst."""
    table = titled("The worst ten", "", "batch", "chips", "in/out", "measured", "predicted", "p/y")
    for i in np.argsort(-np.abs(logs))[:10]:
        row, y, ratio = names[i], rows.out_tok_s_per_chip[i], np.exp(logs[i])
        setting = row["batch"], row["chips"], f"{row['in_len']}/{row['out_len']}"
        of = f"{row['stack']} {row['model']} {row['hardware']} {row['precision']}"
        table.add_row(of, *setting, f"{y:.0f}", f"{y * ratio:.0f}", f"{ratio:.2f}")
    console.print(table)


def refitted(rows: Rows, seeds: int) -> list[dict[str, Any]]:
    """Fits on random halves, tests on the others, and prints."""
    table = titled("The four constants", "", "compute", "bandwidth", "launch, µs", "growth", "distance", "within 2x")

    def show(name: str, half: Mapping[str, Any]) -> None:
        constants = (f"{half[key] * (1e6 if key == 'launch' else 1):.3g}" for key in CONSTANTS)
        table.add_row(name, *constants, f"{half['distance']:.1%}", f"{half['within']:.1%}")

    show("shipped", tested("", {name: float(getattr(lts.Stack(), name)) for name in CONSTANTS}, rows))
    for knee in (KNEE, SQUARES):
        show(f"fitted to all rows, knee {knee:g}", tested("", fit_stack(rows, knee), rows))
    halves = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(rows.batch))
        first, second = (Rows(*(column[half] for column in rows)) for half in np.array_split(order, 2))
        halves.append(tested(f"Roofline fitted to the other half, seed {seed}", fit_stack(first), second))
    table.add_section()
    show("fitted to a half, seed 0; on the other", halves[0])
    for name, of in (("least", min), ("greatest", max)):
        keys = (*CONSTANTS, "distance", "within")
        show(f"{name} of each, {seeds} seeds", {key: of(half[key] for half in halves) for key in keys})
    table.caption = f"Halves: knee {KNEE:g}. Those shipped are those of knee {SQUARES:g}, rounded."
    console.print(table)
    return halves


def market() -> dict[str, Any]:
    """Prints what 1e6 output tokens with four times the input cost on H100s, and what hosts charge."""
    params, cheapest, median, chips = (np.array(column) for column in zip(*MARKET.values(), strict=True))
    h100 = eqx.tree_at(lambda chip: chip.price, lts.chip("h100"), PRICE)
    demand = lts.Demand(1e6 / OUTPUT, PROMPT, OUTPUT)
    best, full = lts.Roofline(h100, demand, "fp8"), lts.Roofline(h100, demand, "fp8", batch=32.0, chips=chips)
    optimum, batch = (np.asarray(cost(params, 1.0)) for cost in (best, full))
    title = f"Dollars per 1e6 output and 4e6 input tokens, H100 at ${PRICE:.2f}, fp8, {PROMPT:g}/{OUTPUT:g}"
    table = titled(title, "", "cheapest host", "optimum", "ratio", "median host", "batch 32", "chips", "ratio")
    for name, *hosts, low, high in zip(MARKET, cheapest, median, optimum, batch, strict=True):
        least = f"{hosts[0]:.2f}", f"{low:.3f}", f"{low / hosts[0]:.2f}"
        table.add_row(name, *least, f"{hosts[1]:.2f}", f"{high:.3f}", f"{MARKET[name][-1]:g}", f"{high / hosts[1]:.2f}")
    slopes = [float(np.log(x[-1] / x[0]) / np.log(params[-1] / params[0])) for x in (cheapest, optimum)]
    elasticity = jax.vmap(jax.grad(lambda log_params: jnp.log(best(jnp.exp(log_params), 1.0))))
    sizes = {"1B": 1e9, "10B": 1e10, "70B": 7e10, "400B": 4e11}
    local = dict(zip(sizes, elasticity(jnp.log(jnp.array([*sizes.values()]))).tolist(), strict=True))
    words = ", ".join(f"{slope:.2f} at {size}" for size, slope in local.items())
    table.caption = f"d log price/d log N, 8B to 405B: market {slopes[0]:.2f}, optimum {slopes[1]:.2f} ({words})."
    console.print(table)
    return {"optimum": optimum.tolist(), "batch 32": batch.tolist(), "slopes": slopes, "local slopes": local}


def latency() -> dict[str, list[float]]:
    """Prints the elasticities of the least time of a step, over the chips, in N and in the bandwidth."""
    params, bandwidth, a = 7e10, 3.35e12, 8e-6
    stacks, figures = {"limit": lts.Stack(1.0, 1.0, a, growth=0.5), "shipped": lts.Stack()}, {}
    for (name, stack), peak in zip(stacks.items(), (1e30, 9.89e14), strict=True):
        log_seconds = functools.partial(least_log_seconds, stack, peak)
        value, slopes = jax.value_and_grad(log_seconds, (0, 1))(jnp.log(params), jnp.log(bandwidth))
        figures[name] = [float(jnp.exp(value)), *map(float, slopes)]
    layers, weights = float(lts.Ladder().layers(jnp.asarray(params))), 2 * params / bandwidth
    off = figures["limit"][0] / (3 * 2 ** (-2 / 3) * (a * layers) ** (2 / 3) * weights ** (1 / 3)) - 1
    words = [f"{each[0] * 1e3:.2f} ms, as N^{each[1]:.3f} B^{each[2]:.3f}" for each in figures.values()]
    console.print(
        "Least time per token of 70B in bf16 on H100s, batch 1, over the number of chips G: with launches of 8 µs a "
        f"layer that grow as sqrt(G), and no compute, {words[0]} ({off:+.0e} from the closed form "
        f"3 2^(-2/3) a^(2/3) W^(1/3)); with the shipped constants {words[1]}.",
        highlight=False,
    )
    return figures


def least_log_seconds(stack: lts.Stack, peak: float, params: jax.Array, bandwidth: jax.Array) -> jax.Array:
    """The logarithm of the least time of a step: what is used of one second, where memory limits nothing."""
    unlimited = lts.Chip(0.0, bf16=peak, memory=1e20, bandwidth=jnp.exp(bandwidth))
    given = {"batch": 1.0, "shape": lts.Ladder(cache=0.0), "stack": stack, "time_per_token": 1.0}
    cost = lts.Roofline(unlimited, lts.Demand(1.0, prompt=0.0, output=1.0), **given)
    return cost.limits(jnp.exp(params), jnp.exp(params)).capacity


def titled(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    return table


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
