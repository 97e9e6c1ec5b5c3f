"""Decisions under an uncertain law and demand, beside NumPy and SciPy over the same draws in the same run.

Ten thousand draws of the law (the published covariance of Besiroglu et al.) and of the demand (2T within a factor of
three), quality that of a compute-optimal 13B, a nat of loss above it at ten times what it costs at the margin. Three
things are timed: a thousand models priced in every draw; the decision of least mean cost, and of least mean cost of the
worst tenth, each beside the minimisers of SciPy; and the decision of least worst regret, whose peer finds the best of
every draw first, by SciPy's elementwise root and by a loop of brentq. NumPy is written twice: by powers, as the formula
stands, and by exponentials of the logarithms of the coefficients, worked out before; both in blocks that stay in the
cache. How far every answer lies above the best of all is printed beside its time.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table
from scipy import optimize
from scipy.optimize import elementwise
from timing import Row, console, interleaved, machine, parser, write

import lifetimescale as lts

DRAWS, MODELS = 10_000, 1_000
BLOCK = 8  # models that are priced at once in NumPy: 80,000 costs, 640 kB; 1 to 32 are within 10 % of it
LEVEL = 0.9


Peer = Callable[[Any, Any], np.ndarray]
"""The same costs in NumPy: those of models with such logarithms of params and tokens, in every draw."""


def main() -> None:
    options = parser(__doc__, f"{DRAWS}").parse_args()
    figures = {}
    for draws in options.sizes:
        futures, centre = problem(draws)
        peers = {"powers": by_powers(futures), "exponentials": by_exponentials(futures)}
        figures[draws] = {
            "pricing": pricing(futures, centre, peers, options.repeats),
            "decisions": {
                risk: decisions(futures, centre, peers, risk, options.repeats) for risk in ("mean", "cvar:0.9")
            },
            "regret": regret(futures, centre, peers["exponentials"], options.repeats),
        }
        show(draws, figures[draws])
    console.print(machine())
    write(options.json, {draws: _plain(found) for draws, found in figures.items()})


def problem(draws: int) -> tuple[lts.Futures, lts.Plan]:
    """The futures, and the plan in their middle."""
    law = lts.law("besiroglu2024")
    centre = lts.plan(law, lts.Flops(2e12), loss=lts.compute_optimal(law, params=13e9).loss)
    nat = -jax.grad(lambda loss: lts.plan(law, lts.Flops(2e12), loss=loss).total)(centre.loss)
    laws = lts.law_draws("besiroglu2024", draws, key=jax.random.key(0))
    demand = lts.draws({"inference_tokens": "lognormal:2T:3x"}, draws, seed=1).columns()
    planner = lts.Planner(laws, lts.Flops(0.0), like=13e9)
    return lts.Futures.of(planner, demand, shortfall=lts.Shortfall(10 * nat)), centre


def numbers(futures: lts.Futures) -> list[Any]:
    law: Any = futures.law
    cost: Any = futures.cost
    assert futures.shortfall is not None
    columns = (law.A, law.B, law.E, law.alpha, law.beta, futures.loss, cost.inference_tokens)
    return [np.array(column) for column in columns] + [float(futures.shortfall.price)]


def by_powers(futures: lts.Futures) -> Peer:
    A, B, E, alpha, beta, loss, demand, price = numbers(futures)

    def costs(n: Any, d: Any) -> np.ndarray:
        N, D = np.exp(n), np.exp(d)
        return 6 * N * D + 2 * N * demand + price * np.maximum(E + A * N**-alpha + B * D**-beta - loss, 0)

    return costs


def by_exponentials(futures: lts.Futures) -> Peer:
    A, B, E, alpha, beta, loss, demand, price = numbers(futures)
    log_a, log_b, floor = np.log(A), np.log(B), E - loss

    def costs(n: Any, d: Any) -> np.ndarray:
        N, D = np.exp(n), np.exp(d)
        gap = floor + np.exp(log_a - alpha * n) + np.exp(log_b - beta * d)
        return 6 * N * D + 2 * N * demand + price * np.maximum(gap, 0)

    return costs


def pricing(futures: lts.Futures, centre: lts.Plan, peers: dict[str, Peer], repeats: int) -> list[Row]:
    """The mean cost of many models."""
    steps = np.random.default_rng(0).standard_normal((2, MODELS))
    n, d = (np.log(float(x)) + step for x, step in zip((centre.params, centre.tokens), steps, strict=True))
    params, tokens = jnp.exp(n), jnp.exp(d)

    def blocked(peer: Peer) -> np.ndarray:
        blocks = [slice(start, start + BLOCK) for start in range(0, MODELS, BLOCK)]
        return np.concatenate([peer(n[block, None], d[block, None]).mean(1) for block in blocks])

    contenders: dict[str, Callable[[], Any]] = {
        "lifetimescale": lambda: lts.judge(futures, params=params, tokens=tokens).expected_cost
    }
    contenders |= {f"NumPy by {name}": lambda peer=peer: blocked(peer) for name, peer in peers.items()}
    exact = np.asarray(contenders["lifetimescale"]())
    errors = {name: float(np.abs(np.asarray(call()) / exact - 1).max()) for name, call in contenders.items()}
    times = interleaved(contenders, repeats)
    return [Row(name, times[name], errors[name]) for name in contenders]


def decisions(futures: lts.Futures, centre: lts.Plan, peers: dict[str, Peer], risk: str, repeats: int) -> list[Row]:
    """The decision of least risk, by SciPy's minimisers over the same objective."""
    start = np.log([float(centre.params), float(centre.tokens)])
    scale = float(centre.total)
    worst = len(futures.shares) - round(LEVEL * len(futures.shares))

    def objective(peer: Peer) -> Callable[[np.ndarray], float]:
        def mean(x: np.ndarray) -> float:
            return float(peer(*x).mean()) / scale

        def tail(x: np.ndarray) -> float:
            return float(np.partition(peer(*x), -worst)[-worst:].mean()) / scale

        return mean if risk == "mean" else tail

    def by(method: str, peer: Peer, **settings: float) -> Callable[[], Any]:
        return lambda: optimize.minimize(objective(peer), start, method=method, options=settings).x

    def ours() -> Any:
        choice = lts.decide(futures, risk=risk)
        return choice.params, choice.tokens

    tight = {"xatol": 1e-8, "fatol": 1e-12}
    contenders: dict[str, Callable[[], Any]] = {"lifetimescale": ours}
    for name, peer in peers.items():
        contenders[f"SciPy Nelder-Mead to 1e-8, {name}"] = by("Nelder-Mead", peer, **tight)
        contenders[f"SciPy Nelder-Mead, {name}"] = by("Nelder-Mead", peer)
        contenders[f"SciPy L-BFGS-B, {name}"] = by("L-BFGS-B", peer)
    value = objective(peers["exponentials"])
    found = {name: call() for name, call in contenders.items()}
    values = {
        name: value(np.log([float(x) for x in at]) if name == "lifetimescale" else at) for name, at in found.items()
    }
    times = interleaved(contenders, repeats)
    least = min(values.values())
    return [Row(name, times[name], values[name] / least - 1) for name in contenders]


def regret(futures: lts.Futures, centre: lts.Plan, peer: Peer, repeats: int) -> list[Row]:
    """The decision of least worst regret; its peer plans every draw first."""
    start = np.log([float(centre.params), float(centre.tokens)])
    A, B, E, alpha, beta, loss, demand, _ = numbers(futures)

    def slope(n: Any, A: Any, B: Any, excess: Any, alpha: Any, beta: Any, demand: Any) -> Any:
        """d C/d log N along equal loss, over 2 N."""
        left = excess - A * np.exp(-alpha * n)
        D = (B / left) ** (1 / beta)
        return demand + 3 * D * (1 - alpha * A * np.exp(-alpha * n) / (beta * left))

    arguments = (A, B, loss - E, alpha, beta, demand)
    floor = np.log(A / (loss - E)) / alpha

    def totals(n: np.ndarray) -> np.ndarray:
        D = (B / (loss - E - A * np.exp(-alpha * n))) ** (1 / beta)
        return np.exp(n) * (6 * D + 2 * demand)

    def together() -> np.ndarray:
        return totals(elementwise.find_root(slope, (floor + 1e-6, floor + 20), args=arguments).x)

    def one_by_one() -> np.ndarray:
        rows = zip(floor, *arguments, strict=True)
        return totals(np.array([optimize.brentq(slope, low + 1e-6, low + 20, args=tuple(row)) for low, *row in rows]))

    def decide(best: Callable[[], np.ndarray]) -> np.ndarray:
        known = best()

        def worst(x: np.ndarray) -> float:
            return float((peer(*x) / known).max())

        return optimize.minimize(worst, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x

    def ours() -> Any:
        choice = lts.decide(futures, risk="regret")
        return choice.params, choice.tokens

    contenders: dict[str, Callable[[], Any]] = {
        "lifetimescale": ours,
        "SciPy find_root, then Nelder-Mead": lambda: decide(together),
        "SciPy brentq, then Nelder-Mead": lambda: decide(one_by_one),
    }
    found = {name: np.asarray(call(), float) for name, call in contenders.items()}
    found["lifetimescale"] = np.log(found["lifetimescale"])
    models = np.exp(np.stack([*found.values()]))
    values = np.asarray(lts.judge(futures, params=models[:, 0], tokens=models[:, 1]).worst_regret)
    times = interleaved(contenders, max(3, repeats // 3))
    return [
        Row(name, times[name], float((1 + value) / (1 + values.min()) - 1))
        for name, value in zip(contenders, values, strict=True)
    ]


def show(draws: int, found: dict[str, Any]) -> None:
    titles = {"pricing": f"{MODELS} models in {draws} draws", "regret": f"least worst regret, {draws} draws"}
    tables = {titles[name]: found[name] for name in titles}
    tables |= {f"least {risk}, {draws} draws": rows for risk, rows in found["decisions"].items()}
    for title, rows in tables.items():
        table = Table(title=title, title_justify="left")
        for column in ("", "ms", "times ours", "off by"):
            table.add_column(column, justify="right" if column else "left")
        for row in rows:
            table.add_row(
                row.name, f"{1e3 * row.seconds:.2f}", f"{row.seconds / rows[0].seconds:.2f}", f"{row.error:.1e}"
            )
        console.print(table)


def _plain(found: Any) -> Any:
    return {name: _plain(rows) for name, rows in found.items()} if isinstance(found, dict) else [*map(tuple, found)]


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
