"""How fast every family of laws is planned with its design variables, beside SciPy's SLSQP, which a user would take.

Ours is one call of `plan` for all scenarios, compiled before. SLSQP takes one scenario at a time, in the logarithms of
params, tokens and the continuous design variables, with the formulas and their gradients written by hand and each
discrete choice tried in turn; it is timed on a sample of the same scenarios, and its time is scaled. Demand is
log-uniform in 1e10 to 1e14 tokens, the target uniform where the law has plans; float64. 'above': what our total is
above SLSQP's, whose own is first moved along its tokens (or params, where those are at a bound) to exactly the target.
SLSQP fails where it says so, misses the target by more than 1e-8, or costs 1e-6 more than ours. 'compiled': how long
JAX traces and compiles in the first call, by its own account. Exits with 1 if a law is planned less than 100 times as
fast as by SLSQP (40 times with a teacher of one's own, 3 times for a user's function, whose curves have no closed
form), if a plan costs more than SLSQP's by 1e-8, or if a scenario has none.
"""

import functools
import sys
import time
from collections.abc import Callable, Mapping
from math import exp, expm1, inf, log, log1p
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import timing
from rich.table import Table
from scipy import optimize
from timing import console

import lifetimescale as lts

SAMPLE = 64  # scenarios of the loop of SLSQP
SLOW = 10.0  # seconds: a call that takes longer is timed once
LEAST_RATIO, MOST_ABOVE, TOLERANCE, FAILED = 100, 1e-8, 1e-8, 1e-6
NESTED = {"own teacher": 40, "a user's function": 3}  # the ratios expected where every step along a curve is a search
SIZES = (log(1e6), log(1e14))
START = (log(2e9), log(1e11))
PRICE_OF_LAYERS, PRICE_OF_TOKENS, PRICE_OF_FILTER, PRICE_OF_PARAMS = 1e19, 1e11, 1e10, 1e11

Point = list[float]
Valued = tuple[float, Point]
"""A value and its gradient."""


class Contest(NamedTuple):
    """One law and how both sides plan with it.

    cost: ours, of a demand. targets: the range of losses. design: what `plan` is told. loss: SLSQP's, of its variables.
    price: likewise, of the demand too. more: (least, start, most) of its variables after log params and log tokens.
    options: the values of a discrete variable, which `loss` is given. further: another limit, at most 0.
    """

    law: lts.AbstractLaw
    cost: Callable[[Any], lts.AbstractCost]
    targets: tuple[float, float]
    loss: Callable[..., Valued]
    price: Callable[[Point, float], Valued]
    design: Mapping[str, Any] = {}
    more: tuple[tuple[float, float, float], ...] = ()
    options: tuple[tuple[float, ...], ...] = ((),)
    further: Callable[[Point], Valued] | None = None
    sizes: tuple[tuple[float, float], tuple[float, float]] = (SIZES, (log(1e7), log(1e16)))


class Result(NamedTuple):
    """A line of the table."""

    name: str
    ours: float  # scenarios per second
    slsqp: float
    compiled: float  # seconds
    median_above: float
    worst_above: float
    failures: int
    unplanned: int

    @property
    def ratio(self) -> float:
        return self.ours / self.slsqp

    @property
    def holds(self) -> bool:
        fast = self.ratio >= NESTED.get(self.name, LEAST_RATIO)
        return fast and self.worst_above <= MOST_ABOVE and not self.unplanned


def main() -> None:
    parser = timing.parser(__doc__, "1e5")
    parser.set_defaults(repeats=5)
    parser.add_argument("--laws", type=lambda names: names.split(","), help="only these, by the names of the table")
    options = parser.parse_args()
    contests = {name: make for name, make in CONTESTS.items() if name in (options.laws or CONTESTS)}
    tables = {}
    for size in options.sizes:
        tables[size] = [measure(name, make(), size, options.repeats) for name, make in contests.items()]
        show(size, options.repeats, tables[size])
    console.print(timing.machine(), highlight=False)
    figures = {size: [row._asdict() | {"holds": row.holds} for row in rows] for size, rows in tables.items()}
    timing.write(options.json, {"machine": timing.machine(), "laws": figures})
    sys.exit(not all(row.holds for rows in tables.values() for row in rows))


def measure(name: str, contest: Contest, size: int, repeats: int) -> Result:
    """Both sides of one contest."""
    random = np.random.default_rng(2024)
    demand, targets = 10 ** random.uniform(10, 14, size), random.uniform(*contest.targets, size)
    sample = [*zip(demand[:SAMPLE].tolist(), targets[:SAMPLE].tolist(), strict=True)]
    cost, loss = contest.cost(jnp.asarray(demand)), jnp.asarray(targets)

    def ours() -> Any:
        best = lts.plan(contest.law, cost, loss=loss, design=contest.design)
        return best.params, best.tokens, best.total, best.status, best.design

    def slsqp() -> list[tuple[float, bool]]:
        return [least(contest, *scenario) for scenario in sample]

    (_, _, total, status, _), compiled = compiling(ours)
    seconds, by_slsqp = race(ours, slsqp, repeats)
    totals = zip(np.asarray(total)[:SAMPLE].tolist(), slsqp(), strict=True)
    compared = [(mine / theirs - 1, good) for mine, (theirs, good) in totals]
    above = [over for over, good in compared if good] or [float("nan")]
    failures = sum(not good or over < -FAILED for over, good in compared)
    speeds = size / seconds, len(sample) / by_slsqp
    unplanned = int(np.count_nonzero(np.asarray(status)))
    return Result(name, *speeds, compiled, float(np.median(above)), max(above), failures, unplanned)


def race(ours: Callable[[], Any], slsqp: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median seconds of a call of each; of one call where ours is slow."""
    _, seconds = timed(ours)
    if seconds > SLOW:
        return seconds, timed(slsqp)[1]
    medians = timing.interleaved({"ours": ours, "SLSQP": slsqp}, repeats)
    return medians["ours"], medians["SLSQP"]


def compiling(call: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a first call, and the seconds of compilation in it."""
    durations = []

    def note(event: str, duration_secs: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            durations.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(note)
    result = jax.block_until_ready(call())
    jax.monitoring.unregister_event_duration_listener(note)
    return result, sum(durations)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = jax.block_until_ready(call())
    return result, time.perf_counter() - start


def least(contest: Contest, demand: float, target: float) -> tuple[float, bool]:
    """SLSQP's total at exactly the target, and whether it met that: the least of all discrete choices."""
    found = [by_slsqp(contest, option, demand, target) for option in contest.options]
    return min(found, key=lambda each: each[0] if each[1] else inf)


def by_slsqp(contest: Contest, option: tuple[float, ...], demand: float, target: float) -> tuple[float, bool]:
    """min of log cost with log loss at most that of the target, for one discrete choice."""
    bounds = [*contest.sizes, *((low, high) for low, _, high in contest.more)]
    start = [*START, *(middle for _, middle, _ in contest.more)]

    def logs(value: float, slope: Point) -> tuple[float, np.ndarray]:
        return log(value), np.array(slope) / value

    def limit(function: Callable[[Point], tuple[float, Any]]) -> dict[str, Any]:
        return {"type": "ineq", "fun": lambda x: -function(x)[0], "jac": lambda x: -np.asarray(function(x)[1])}

    def excess(x: Any) -> tuple[float, np.ndarray]:
        value, slope = logs(*contest.loss(x, *option))
        return value - log(target), slope

    result = optimize.minimize(
        lambda x: logs(*contest.price(x, demand)),
        [min(max(x, low), high) for x, (low, high) in zip(start, bounds, strict=True)],
        method="SLSQP",
        jac=True,
        bounds=bounds,
        constraints=[limit(function) for function in (excess, contest.further) if function],
        options={"ftol": 1e-12, "maxiter": 300},
    )
    x = result.x
    if contest.further is not None:
        x[2] += contest.further(x)[0]
    beyond, slope = excess(x)
    total, by = logs(*contest.price(x, demand))
    free = 1 if bounds[1][0] < x[1] < bounds[1][1] else 0
    return exp(total - by[free] / slope[free] * beyond), bool(result.success) and beyond <= TOLERANCE


def show(size: int, repeats: int, rows: list[Result]) -> None:
    title = f"{size:,} plans and their designs; SLSQP on {min(size, SAMPLE)} of them; median of {repeats}"
    table = Table(title=title, title_justify="left")
    columns = ("ours, plans/s", "SLSQP", "ratio", "compiled, s", "above, median", "worst", "SLSQP fails", "no plan", "")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        speeds = f"{row.ours:.2e}", f"{row.slsqp:.3g}", f"{row.ratio:.0f}x", f"{row.compiled:.1f}"
        quality = f"{row.median_above:.1e}", f"{row.worst_above:.1e}", f"{row.failures}", f"{row.unplanned}"
        table.add_row(row.name, *speeds, *quality, "holds" if row.holds else "missed")
    console.print(table)


def number(law: Any) -> Any:
    """The law with plain numbers."""
    return jax.tree.map(float, law)


def powers(E: float, A: float, B: float, alpha: float, beta: float, x: Point) -> tuple[float, float, float]:
    """E + A/N^alpha + B/D^beta and its slopes by both logarithms."""
    by_params, by_tokens = A * exp(-alpha * x[0]), B * exp(-beta * x[1])
    return E + by_params + by_tokens, -alpha * by_params, -beta * by_tokens


def flops(x: Point, demand: float, factor: float = 1.0) -> Valued:
    """N (6 D + 2 factor D_inf) and its slopes by log N and log D."""
    training, serving = 6 * exp(x[0] + x[1]), 2 * exp(x[0]) * factor * demand
    return training + serving, [training + serving, training]


def chinchilla() -> Contest:
    law = lts.law("chinchilla")
    c = number(law)

    def loss(x: Point) -> Valued:
        value, *slope = powers(c.E, c.A, c.B, c.alpha, c.beta, x)
        return value, slope

    return Contest(law, lts.Flops, (1.9, 2.6), loss, flops)


def coupled(c: Any, x: Point) -> Valued:
    """E + (A/N^alpha + B/D^beta)^gamma."""
    terms, *slope = powers(0, c.A, c.B, c.alpha, c.beta, x)
    value = terms**c.gamma
    return c.E + value, [c.gamma * value / terms * by for by in slope]


def kaplan() -> Contest:
    law: Any = lts.law("kaplan2020_joint_table2")
    return Contest(law, lts.Flops, (2.0, 3.0), functools.partial(coupled, number(law.coupled())), flops)


def worth(x: float, R: float) -> tuple[float, float]:
    """h(x) = x up to 1, 1 + R (1 - exp((1 - x)/R)) beyond, and its slope by log x over it."""
    if x <= 1:
        return x, 1.0
    value = 1 - R * expm1((1 - x) / R)
    return value, x * exp((1 - x) / R) / value


def repeated(c: Any, x: Point) -> Valued:
    """The loss by log N, log D and the logarithm of unique tokens."""
    log_g = log(c.alpha * c.A / (c.beta * c.B)) / (c.alpha + c.beta)
    log_useful = log_g + (log_g + x[2]) * c.beta / c.alpha
    params, by_params = worth(exp(x[0] - log_useful), c.R_N)
    tokens, by_tokens = worth(exp(x[1] - x[2]), c.R_D)
    value, n, d = powers(c.E, c.A, c.B, c.alpha, c.beta, [log_useful + log(params), x[2] + log(tokens)])
    return value, [n * by_params, d * by_tokens, n * (1 - by_params) * c.beta / c.alpha + d * (1 - by_tokens)]


def unique_tokens() -> Contest:
    law = lts.law("muennighoff2023")
    c, unique = number(law), 25e9

    def loss(x: Point) -> Valued:
        value, slope = repeated(c, [*x, log(unique)])
        return value, slope[:2]

    return Contest(law, lts.Flops, (2.2, 2.7), loss, flops, {"unique_tokens": unique})


def claimed(function: Callable[..., Any], price: float) -> lts.FunctionCost:
    """A monomial of the design, which claims to be one."""
    return lts.FunctionCost(function, {"price": price}, curvature=lts.Curvature.LOG_CONVEX, unit="FLOP")


def bought(N, D, price, unique_tokens):
    return price * unique_tokens + 0 * D


def tokens_bought() -> Contest:
    law = lts.law("muennighoff2023")

    def cost(demand: Any) -> lts.AbstractCost:
        return lts.Flops(demand) + claimed(bought, PRICE_OF_TOKENS)

    def price(x: Point, demand: float) -> Valued:
        value, slope = flops(x, demand)
        data = PRICE_OF_TOKENS * exp(x[2])
        return value + data, [*slope, data]

    design, more = {"unique_tokens": lts.Between(1e9, 1e12)}, ((log(1e9), log(3e10), log(1e12)),)
    return Contest(law, cost, (2.1, 2.6), functools.partial(repeated, number(law)), price, design, more)


def experts() -> Contest:
    law = lts.law("ludziejewski2025_moe")
    c = number(law)

    def loss(x: Point, experts: float) -> Valued:
        e = -log(1 / (experts - 1 + 1 / (1 / c.E_start - 1 / c.E_max)) + 1 / c.E_max)
        A, B = c.a * exp(c.delta * e), c.b * exp(c.omega * e)
        value, *slope = powers(c.c, A, B, -c.alpha - c.gamma * e, -c.beta - c.zeta * e, x)
        return value, slope

    return Contest(law, lts.Flops, (2.0, 2.6), loss, flops, options=tuple((2.0**k,) for k in range(6)))


def granularity() -> Contest:
    law = lts.law("krajewski2024_moe")
    c = number(law)

    def loss(x: Point) -> Valued:
        fine = c.g * exp(-c.gamma * x[2])
        value, n, d = powers(c.c, fine + c.a, c.b, c.alpha, c.beta, x)
        return value, [n, d, -c.gamma * fine * exp(-c.alpha * x[0])]

    def price(x: Point, demand: float) -> Valued:
        width = (64 * exp(x[0]) / (8 * 64 + 4)) ** (1 / 3)
        dense, routing = 12 * width**3 / 64, 14 / 6 * exp(x[2]) * width**2
        value, (_, by_tokens) = flops([log(dense + routing), x[1]], demand)
        return value, [value * (dense + routing * 2 / 3) / (dense + routing), by_tokens, value / (1 + dense / routing)]

    def cost(demand: Any) -> lts.AbstractCost:
        return lts.Resized(lts.Flops(demand), lts.RoutedParams())

    return Contest(
        *(law, cost, (2.1, 2.6), loss, price),
        {"granularity": lts.Between(1, 256)},
        ((0.0, log(16), log(256)),),
    )


def sparsity() -> Contest:
    law = lts.law("abnar2025_sparsity")
    c = number(law)

    def loss(x: Point) -> Valued:
        """By the logarithm of 1 - S."""
        value, n, d = powers(c.e, c.a, c.b, c.alpha, c.beta, x)
        density, both = c.c * exp(-c.lambda_ * x[2]), c.d * exp(-c.delta * x[2] - c.gamma * x[0])
        return value + density + both, [n - c.gamma * both, d, -c.lambda_ * density - c.delta * both]

    def price(x: Point, demand: float) -> Valued:
        value, (_, by_tokens) = flops([x[0] + x[2], x[1]], demand)
        memory = PRICE_OF_PARAMS * exp(x[0])
        return value + memory, [value + memory, by_tokens, value]

    def cost(demand: Any) -> lts.AbstractCost:
        memory = lts.Monomial(PRICE_OF_PARAMS, 1.0, 0.0, unit="FLOP")
        return lts.Resized(lts.Flops(demand), lts.ActiveParams()) + memory

    more = ((log(0.02), log(0.2), 0.0),)
    return Contest(law, cost, (2.0, 2.6), loss, price, {"sparsity": lts.Between(0.0, 0.98)}, more)


BITS = (log(3), log(8), log(16))
USEFUL_BITS = (log(3.2), log(8), log(16))  # activations of 3.1 leave no effective params


def few_bits(c: Any, x: Point) -> Valued:
    """The loss by log N, log D and the logarithms of the bits of weights, activations and cache."""
    share, slopes = 1.0, []
    for log_bits, gamma, n in zip(x[2:], (c.gamma_w, c.gamma_a, c.gamma_kv), (c.n_w, c.n_a, c.n_kv), strict=True):
        lost = exp(n - exp(log_bits) / gamma)
        share *= 1 - lost
        slopes.append(lost * exp(log_bits) / gamma / (1 - lost))
    value, n, d = powers(c.E, c.A * share**-c.alpha, c.B, c.alpha, c.beta, x)
    return value, [n, d, *(n * slope for slope in slopes)]


def in_weights(weight_bits):
    return weight_bits / 16


def in_bits(weight_bits, activation_bits, cache_bits):
    return (2 * weight_bits + activation_bits + cache_bits) / 64


def one_precision() -> Contest:
    law = lts.law("kumar2024_precision")
    c = number(law)

    def loss(x: Point) -> Valued:
        value, (n, d, *bits) = few_bits(c, [*x[:2], x[2], x[2], x[2]])
        return value, [n, d, sum(bits)]

    def price(x: Point, demand: float) -> Valued:
        share = exp(x[2]) / 16
        value, slope = flops(x, demand)
        return share * value, [share * slope[0], share * slope[1], share * value]

    same = lts.Same("weight_bits")
    design = {"activation_bits": same, "cache_bits": same}
    return Contest(law, functools.partial(multiplied, in_weights), (2.8, 3.4), loss, price, design, (USEFUL_BITS,))


def three_precisions() -> Contest:
    law = lts.law("kumar2024_precision")

    def price(x: Point, demand: float) -> Valued:
        bits = [part * exp(log_bits) / 64 for part, log_bits in zip((2, 1, 1), x[2:], strict=True)]
        value, slope = flops(x, demand)
        return sum(bits) * value, [*(sum(bits) * by for by in slope), *(part * value for part in bits)]

    cost = functools.partial(multiplied, in_bits)
    return Contest(law, cost, (2.8, 3.4), functools.partial(few_bits, number(law)), price, more=(USEFUL_BITS,) * 3)


def multiplied(factor: Callable[..., Any], demand: Any, phase: str | None = None) -> lts.AbstractCost:
    return lts.Multiplied(lts.Flops(demand), factor, phase=phase)


def when_deployed(deployed_bits):
    return deployed_bits / 16


def served(x: Point, demand: float, factor: float = 1.0) -> Valued:
    """N (6 D + 2 factor k D_inf) by the logarithm of k too."""
    value, slope = flops(x, demand, factor * exp(x[2]))
    return value, [*slope, value - slope[1]]


def rounded_weights() -> Contest:
    law = lts.law("kumar2024_ptq")
    c = number(law)

    def loss(x: Point) -> Valued:
        value, n, d = powers(c.E, c.A, c.B, c.alpha, c.beta, x)
        bits = exp(x[2]) / c.gamma_post
        harm = c.C_T * exp(c.gamma_D * x[1] - c.gamma_N * x[0] - bits)
        return value + harm, [n - c.gamma_N * harm, d + c.gamma_D * harm, -bits * harm]

    cost = functools.partial(multiplied, when_deployed, phase="serving")
    return Contest(law, cost, (2.85, 3.4), loss, functools.partial(served, factor=1 / 16), more=(BITS,))


def by_layers(N, D, price, aspect_ratio):
    return price * (N / (12 * aspect_ratio**2)) ** (1 / 3)


def aspect_ratio() -> Contest:
    law = lts.law("bian2025_shape")
    c = number(law)

    def loss(x: Point) -> Valued:
        value, n, d = powers(c.E, c.A, c.B, c.alpha, c.alpha, x)
        wide = c.epsilon * exp(c.alpha * x[2])
        return value * (1 + wide), [n * (1 + wide), d * (1 + wide), c.alpha * value * wide]

    def price(x: Point, demand: float) -> Valued:
        value, (n, d) = flops(x, demand)
        layers = PRICE_OF_LAYERS * exp((x[0] - log(12) - 2 * x[2]) / 3)
        return value + layers, [n + layers / 3, d, -layers * 2 / 3]

    def cost(demand: Any) -> lts.AbstractCost:
        return lts.Flops(demand) + claimed(by_layers, PRICE_OF_LAYERS)

    design, more = {"aspect_ratio": lts.Between(4.0, 512.0)}, ((log(4), log(64), log(512)),)
    return Contest(law, cost, (2.75, 3.3), loss, price, design, more)


def teacher() -> Contest:
    """SLSQP chooses the params and the tokens of the teacher as well."""
    law: Any = lts.law("busbridge2025_distillation")
    c = number(law)

    def loss(x: Point) -> Valued:
        alone, slope = coupled(c.supervised, x)
        size, *by_size = powers(0, c.A, c.B, c.alpha, c.beta, x)
        z = (x[2] - log(alone) - log(c.d1)) / c.f1
        weak, share = max(z, 0) + log1p(exp(-abs(z))), 1 / (1 + exp(-z))
        term = exp(c.gamma * log(size) - c.c0 * x[2] - c.c1 * c.f1 * weak)
        n, d = (c.gamma * by / size + c.c1 * share * also / alone for by, also in zip(by_size, slope, strict=True))
        return exp(x[2]) + term, [term * n, term * d, exp(x[2]) - term * (c.c0 + c.c1 * share), 0, 0]

    def price(x: Point, demand: float) -> Valued:
        value, (n, d) = flops(x, demand)
        labels, pretraining = 2 * exp(x[3] + x[1]), 6 * exp(x[3] + x[4])
        return value + labels + pretraining, [n, d + labels, 0, labels + pretraining, pretraining]

    def shortfall(x: Point) -> Valued:
        value, slope = coupled(c.supervised, x[3:])
        return log(value) - x[2], [0, 0, -1, *(by / value for by in slope)]

    def cost(demand: Any) -> lts.AbstractCost:
        return lts.Flops(demand) + lts.OwnTeacher(lts.law("busbridge2025_supervised"))  # pyright: ignore

    ends = ((log(1.5), log(2.1), log(2.6)), (SIZES[0], log(2e9), SIZES[1]), (log(1e7), log(1e11), log(1e16)))
    design = {"teacher_loss": lts.Between(1.5, 2.6)}
    return Contest(law, cost, (2.1, 2.6), loss, price, design, ends, further=shortfall)


def farseer() -> Contest:
    law = lts.law("farseer2025")
    c = number(law)

    def loss(x: Point) -> Valued:
        size, coefficient, exponent = (exp(p * x[0]) for p in (c.p1, c.p2, c.p3))
        floor, b = exp(c.e1 * size + c.e0), exp(c.b1 * exponent + c.b0)
        term = exp(c.a1 * coefficient + c.a0 - b * x[1])
        by_params = floor * c.e1 * c.p1 * size
        by_params += term * (c.a1 * c.p2 * coefficient - b * c.b1 * c.p3 * exponent * x[1])
        return floor + term, [by_params, -b * term]

    sizes = tuple((log(least), log(most)) for least, most in (c.fitted.params, c.fitted.tokens))
    return Contest(law, lts.Flops, (0.425, 0.55), loss, flops, sizes=sizes)  # pyright: ignore


def times_samples(samples):
    return samples


def samples() -> Contest:
    """No coefficients are published: those of a language-model law, and samples that take off up to 0.8."""
    law = lts.TestTime(E=0.3, A=60.0, B=110.0, G=0.8, alpha=0.25, beta=0.27, gamma=0.45)
    c = number(law)

    def loss(x: Point) -> Valued:
        value, n, d = powers(c.E, c.A, c.B, c.alpha, c.beta, x)
        missed = c.G * exp(-c.gamma * x[2])
        return value + missed, [n, d, -c.gamma * missed]

    cost = functools.partial(multiplied, times_samples, phase="serving")
    return Contest(law, cost, (0.9, 1.5), loss, served, more=((0.0, log(100), log(1e4)),))


def mixed(N, D, E, share):
    """A user's law: a share of the tokens from a worse source."""
    return E + 400 / N**0.34 + (400 + 300 * share**2) / (D * (1 + 2 * share)) ** 0.3


def filtered(N, D, price, share):
    return price * D * (1 - share)


def a_function() -> Contest:
    law = lts.FunctionLaw(mixed, {"E": 1.7}, design={"share": lts.Between(0.0, 1.0)})

    def loss(x: Point) -> Valued:
        coefficient, more = 400 + 300 * x[2] ** 2, 1 + 2 * x[2]
        value, n, d = powers(1.7, 400, coefficient * more**-0.3, 0.34, 0.3, x)
        return value, [n, d, -d / 0.3 * (600 * x[2] / coefficient - 0.6 / more)]

    def price(x: Point, demand: float) -> Valued:
        value, (n, d) = flops(x, demand)
        each = PRICE_OF_FILTER * exp(x[1])
        return value + each * (1 - x[2]), [n, d + each * (1 - x[2]), -each]

    def cost(demand: Any) -> lts.AbstractCost:
        return lts.Flops(demand) + lts.FunctionCost(filtered, {"price": PRICE_OF_FILTER}, unit="FLOP")

    return Contest(law, cost, (2.0, 2.6), loss, price, more=((0.0, 0.5, 1.0),))


CONTESTS: dict[str, Callable[[], Contest]] = {
    "Chinchilla": chinchilla,
    "Kaplan": kaplan,
    "repeated tokens": unique_tokens,
    "unique tokens bought": tokens_bought,
    "experts": experts,
    "granularity": granularity,
    "sparsity": sparsity,
    "one precision": one_precision,
    "three precisions": three_precisions,
    "rounded weights": rounded_weights,
    "aspect ratio": aspect_ratio,
    "own teacher": teacher,
    "samples": samples,
    "Farseer": farseer,
    "a user's function": a_function,
}


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
