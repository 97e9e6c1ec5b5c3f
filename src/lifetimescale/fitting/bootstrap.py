"""How sure a fit is: the same fit to many resampled sets of its runs."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lifetimescale.compilation import compiled, in_double
from lifetimescale.fitting.coordinates import Vector
from lifetimescale.fitting.descent import Lanes, Problem
from lifetimescale.fitting.design import in_range
from lifetimescale.fitting.fit import Fit
from lifetimescale.fitting.minimum import walk_down
from lifetimescale.laws import AbstractLaw, coefficients

METHODS = ("pairs", "residual")
# (delta over that of the fit, steps, by value): the optimum of the fit is near that of a draw, but with no stage before
# one draw in 4000 never settles.
STAGES = [(3.0, 4, True)]
STEPS = 600
PROMPT, LATE = 0.9, 8  # of 4000 draws 90 % settle in 16 steps, all in 33; the last, in 1/8 of the lanes, go on alone
CHUNK = 2**21  # runs times draws that are walked at once, to bound the memory


def bootstrap(
    fitted: Fit,
    *,
    draws: int = 4000,
    key: PRNGKeyArray,
    method: str = "pairs",
    progress: Callable[[int], None] = lambda done: None,
) -> AbstractLaw:
    """Laws refitted to resampled runs: how far the coefficients would move if the runs were made again.

    One law whose numbers have the shape (draws,), so `plan` takes it as it is; coefficients of one draw belong together
    (log A and alpha correlate at .999). Every draw starts from the optimum of the fit. NaN where a draw has no optimum
    that was reached. Efron 1979 (doi:10.1214/aos/1176344552).

    Args:
        fitted: the fit.
        draws: how many.
        key: of `jax.random`; the same key gives the same draws.
        method: "pairs" draws whole runs with replacement, and so assumes nothing of their errors; "residual" keeps the
            sizes and the lengths of the runs and draws the errors of their log losses.
        progress: called with the number of draws that are done, now and then.

    Raises:
        ValueError: there is no such method, or there are no draws.

    >>> import lifetimescale as lts
    >>> law = lts.Chinchilla(E=1.7, A=400.0, B=2000.0, alpha=0.34, beta=0.37)
    >>> fitted = lts.fit(lts.Chinchilla, lts.planted_runs(law, 60, key=jax.random.key(0)))
    >>> laws = lts.bootstrap(fitted, draws=100, key=jax.random.key(1))
    >>> laws.alpha.shape
    (100,)
    """
    if method not in METHODS:
        raise ValueError(f'no method {method!r}: choose "pairs" or "residual"')
    if draws < 1:
        raise ValueError(f"draws={draws}: draw at least 1")
    chunks = min(draws, -(-draws * len(fitted.runs) // CHUNK))
    together = -(-draws // chunks)
    laws = []
    for chunk in range(chunks):
        data = jax.random.key_data(jax.random.fold_in(key, chunk))
        laws.append(_refit(fitted.problem, fitted.position, data, together=together, method=method))
        progress(min(draws, (chunk + 1) * together))
    law = jax.tree.map(lambda *parts: jnp.concatenate(parts)[:draws], *laws)
    return in_range(law, fitted.law.fitted)


def standard_errors(laws: AbstractLaw) -> dict[str, Float[Array, ""]]:
    """The standard deviation of every coefficient over the draws of a bootstrap."""
    return {name: jnp.nanstd(values, ddof=1) for name, values in coefficients(laws).items()}


def intervals(laws: AbstractLaw, *, level: float = 0.95) -> dict[str, tuple[Float[Array, ""], Float[Array, ""]]]:
    """The percentile interval of every coefficient over the draws of a bootstrap.

    Args:
        laws: of `bootstrap`.
        level: the share of the draws within.

    Raises:
        ValueError: the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} is out of range: give a share between 0 and 1, such as 0.95")
    ends = jnp.array([(1 - level) / 2, (1 + level) / 2])
    return {name: (*jnp.nanquantile(values, ends),) for name, values in coefficients(laws).items()}


@in_double
@functools.partial(compiled, static_argnames=("together", "method"))
def _refit(problem: Problem, position: Vector, key: Array, *, together: int, method: str) -> AbstractLaw:
    size = len(problem.weight)
    chosen = jax.random.randint(jax.random.wrap_key_data(key), (size, together), 0, size)
    resampled = _resampled(problem, problem.residuals(position), chosen, method)
    return jax.vmap(problem.coordinates)(refits(resampled, position, together))


def refits(problem: Problem, position: Vector, lanes: int) -> Lanes:
    """The optima of a problem whose lanes have data of their own, from one position; NaN where none was reached."""
    plane = problem.coordinates
    start = jnp.broadcast_to(plane.values(position), (lanes, position.size))
    stages = [(multiple * problem.huber.delta, length, near) for multiple, length, near in STAGES]
    walk = walk_down(problem, start, stages, steps=STEPS, enough=PROMPT)
    late = jnp.argsort(walk.settled)[: -(-lanes // LATE)]
    rest = walk_down(problem.of_lanes(late), walk.position[late], stages, steps=STEPS, enough=1.0)
    lower = (rest.value < walk.value[late])[:, None]
    values = walk.position.at[late].set(jnp.where(lower, rest.position, walk.position[late]))
    settled = walk.settled.at[late].max(rest.settled)
    return jnp.where(settled[:, None], jax.vmap(plane.position)(values), jnp.nan)


def _resampled(problem: Problem, residuals: Array, chosen: Int[Array, "n lanes"], method: str) -> Problem:
    if method == "pairs":
        lanes = jnp.broadcast_to(jnp.arange(chosen.shape[1]), chosen.shape)
        counts = jnp.zeros(chosen.shape, residuals.dtype).at[chosen, lanes].add(1.0)
        return eqx.tree_at(lambda p: p.weight, problem, problem.weight[:, None] * counts)
    *inputs, log_loss = problem.observations
    drawn = (log_loss + residuals)[:, None] - residuals[chosen]
    return eqx.tree_at(lambda p: p.observations, problem, (*inputs, drawn))
