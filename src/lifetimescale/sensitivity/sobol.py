"""Sobol indices: what share of an output's variance the uncertainty of each number makes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lifetimescale.scenarios import AbstractDistribution, as_distributions, check_seed
from lifetimescale.scenarios import table as scenarios_of
from lifetimescale.sensitivity.text import by_size, decimals, table
from lifetimescale.sweeps import sweep
from lifetimescale.units import is_whole

OUTPUTS = ("params", "tokens", "total")
HALF_CELL = 2.0**-31  # SciPy's Sobol points are the lower corners of cells of 2^-30: their middles are never 0 or 1
MOST = 2**20
ROUNDING = 1e-12  # of the magnitude: what varies by less is constant

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class SobolIndices:
    """Of each output, the shares of its variance that each number makes.

    Args:
        first: S_x = Var(E[y|x])/Var(y), by output and name: what knowing x alone would take away.
        total: T_x = 1 - Var(E[y|all but x])/Var(y): what is left where x alone is unknown; T - S are interactions.
        first_interval: the low and the high end of S_x, by the bootstrap.
        total_interval: those of T_x.
        level: of the intervals.
        scenarios: how many were planned.
    """

    first: Mapping[str, Mapping[str, float]]
    total: Mapping[str, Mapping[str, float]]
    first_interval: Mapping[str, Mapping[str, Interval]]
    total_interval: Mapping[str, Mapping[str, Interval]]
    level: float
    scenarios: int

    def __str__(self) -> str:
        intervals = f"from {self.scenarios:,} scenarios, with intervals of {100 * self.level:g} %"
        return "\n".join([f"shares of the variance, {intervals}", *(self._table(output) for output in self.first)])

    def _table(self, output: str) -> str:
        rows = [
            [
                name,
                decimals(self.first[output][name]),
                _written(self.first_interval[output][name]),
                decimals(self.total[output][name]),
                _written(self.total_interval[output][name]),
            ]
            for name in by_size(dict(self.total[output]))
        ]
        return table([[output, "alone", "", "in all", ""], *rows])


def sobol(
    function: Callable[..., Any],
    distributions: Mapping[str, Any],
    size: float | int = 1024,
    *,
    outputs: Sequence[str] | None = None,
    seed: float | int = 0,
    level: float = 0.95,
) -> SobolIndices:
    """What share of the variance of a plan's outputs the uncertainty of each number makes, alone and in all.

    Saltelli's points for first-order and total indices (Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018), of SALib,
    at the quantiles of independent distributions, and all of them planned in one sweep. Shares are of the output's own
    variance: where it spans orders of magnitude, let a function give its logarithm. An output that does not vary has no
    shares, and they are NaN. Needs the extra `sensitivity`.

    Args:
        function: a `Planner`; or any function that `sweep` takes.
        distributions: of each number by name, `Uniform`, `LogUniform` or `LogNormal`, or in words like
            "lognormal:2T:3x".
        size: n, a power of two; of k numbers, n (k + 2) scenarios are planned.
        outputs: names as in `sweep`, ("params", "tokens", "total") by default.
        seed: the same seed gives the same numbers.
        level: of the intervals, in (0, 1); they are SALib's, of 100 resamples.

    Raises:
        ValueError: scenarios have no plan, or something is asked for that there is not; the message says what.
        ModuleNotFoundError: SALib is not installed.

    >>> import lifetimescale as lts
    >>> planner = lts.Planner(lts.law("chinchilla"), lts.Flops(2e12), loss=2.05)
    >>> found = sobol(planner, {"inference_tokens": "lognormal:2T:3x", "alpha": "uniform:0.33:0.342"}, 256)
    >>> print(f"{found.total['params']['inference_tokens']:.1f} {found.total['params']['alpha']:.1f}")
    0.6 0.4
    """
    read = as_distributions(distributions)
    check_seed(seed)
    _check(size, level)
    sample, analyze = _salib()
    problem = {"num_vars": len(read), "names": [*read], "bounds": [[0.0, 1.0]] * len(read)}
    shares = sample(problem, int(size), calc_second_order=False, seed=int(seed))
    chosen = OUTPUTS if outputs is None else (outputs,) if isinstance(outputs, str) else tuple(outputs)
    results = sweep(function, scenarios_of(_columns(read, shares)), outputs=chosen)
    _check_plans(results, len(shares))

    def indices(name: str) -> Mapping[str, np.ndarray]:
        values = results[name].astype(np.float64)
        if np.ptp(values) <= ROUNDING * np.abs(values).max():
            return dict.fromkeys(("S1", "S1_conf", "ST", "ST_conf"), np.full(len(read), np.nan))
        # A generator, as SALib takes a seed of 0 for none.
        generator = np.random.default_rng(int(seed))
        return analyze(problem, values, calc_second_order=False, conf_level=level, seed=generator)

    found = {name: indices(name) for name in results}
    return SobolIndices(
        {name: _named(read, one["S1"]) for name, one in found.items()},
        {name: _named(read, one["ST"]) for name, one in found.items()},
        {name: _intervals(read, one["S1"], one["S1_conf"]) for name, one in found.items()},
        {name: _intervals(read, one["ST"], one["ST_conf"]) for name, one in found.items()},
        level,
        len(shares),
    )


def _check(size: float | int, level: float) -> None:
    if not is_whole(size) or not 2 <= size <= MOST or int(size) & (int(size) - 1):
        raise ValueError(f"a size of {size} is out of range: give a power of two from 2 to 2^20, like 1024")
    if not 0 < level < 1:
        raise ValueError(f"a level of {level} is out of range: give a number between 0 and 1, like 0.95")


def _salib() -> tuple[Callable[..., np.ndarray], Callable[..., Mapping[str, np.ndarray]]]:
    """SALib's sampler and its analysis."""
    try:
        from SALib.analyze.sobol import analyze
        from SALib.sample.sobol import sample
    except ModuleNotFoundError:
        raise ModuleNotFoundError('Sobol indices need SALib: pip install "lifetimescale[sensitivity]"') from None
    return sample, analyze


def _columns(distributions: Mapping[str, AbstractDistribution], shares: np.ndarray) -> dict[str, np.ndarray]:
    """The quantiles of each distribution, in float64 whatever the session, as a share near 1 is 1 in float32."""
    with jax.enable_x64(True):
        columns = zip(distributions.items(), (shares + HALF_CELL).T, strict=True)
        return {name: np.asarray(one.quantile(jnp.asarray(column))) for (name, one), column in columns}


def _check_plans(results: Mapping[str, np.ndarray], count: int) -> None:
    missing = np.zeros(count, bool)
    for values in results.values():
        missing |= ~np.isfinite(values)
    if missing.any():
        raise ValueError(
            f"{missing.sum():,} of {count:,} scenarios have no plan, and the shares are of all of them: narrow the "
            "distributions to where there is one, or ask for a higher loss, a larger budget or wider bounds"
        )


def _named(names: Mapping[str, Any], values: np.ndarray) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _intervals(names: Mapping[str, Any], middles: np.ndarray, halves: np.ndarray) -> dict[str, Interval]:
    ends = zip(map(float, middles - halves), map(float, middles + halves), strict=True)
    return dict(zip(names, ends, strict=True))


def _written(interval: Interval) -> str:
    return " to ".join(map(decimals, interval))
