"""How else such fits are made: SciPy as it is used, SciPy tuned by hand, optax in lanes; and how they are raced.

All minimise sum_i w_i Huber(log(e^(a - alpha n_i) + e^(b - beta d_i) + e^e) - log L_i) over x = (a, b, e, alpha, beta),
with n = log N and d = log D, or both of these less their means ("centred").
"""

import contextlib
import functools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.pool import Pool
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray
from scipy import optimize

import lifetimescale as lts

Array = NDArray[np.float64]

DELTA = 1e-3
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TOLERANCES = {"ftol": 1e-15, "gtol": 1e-12}  # looser ones save 5 %, and fewer starts come within 1e-12 of the optimum
NO_LIMIT = {"maxiter": 100_000, "maxfun": 1_000_000}


class Contender(NamedTuple):
    """One way to do a job, and what share of the job it does."""

    call: Callable[[], Any]
    share: float = 1
    once: bool = False  # after the first call, as it is slow


class Timed(NamedTuple):
    """Seconds of the first call and, scaled, of the whole job, the median and the most; and what came of the first."""

    first: float
    seconds: float
    slowest: float
    share: float
    result: Any


def race(contenders: Mapping[str, Contender], repeats: int) -> dict[str, Timed]:
    """The first call of each, then the median of calls made in turns, so that a drifting machine is unfair to none."""
    first = {name: clocked(each.call) for name, each in contenders.items()}
    turns = [
        {name: clocked(each.call)[0] for name, each in contenders.items() if not (turn and each.once)}
        for turn in range(repeats)
    ]
    timed = {}
    for name, each in contenders.items():
        (once, result), whole = first[name], [turn[name] / each.share for turn in turns if name in turn]
        timed[name] = Timed(once, statistics.median(whole), max(whole), each.share, result)
    return timed


def clocked(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and its result."""
    start = time.perf_counter()
    result = jax.block_until_ready(call())
    return time.perf_counter() - start, result


class Data(NamedTuple):
    """The columns of the objective: log N, log D, log L and the weights."""

    n: Array
    d: Array
    y: Array
    weight: Array


class Found(NamedTuple):
    """Where starts ended, the values there, and the share that the solver calls successes, if it says so."""

    x: Array
    value: Array
    success: float | None


def data(runs: lts.Runs) -> Data:
    """The logarithms of params, tokens and loss."""
    params, tokens, loss, weight = (np.asarray(column, float) for column in runs.columns())
    return Data(np.log(params), np.log(tokens), np.log(loss), weight)


def as_x(coefficients: Mapping[str, Any]) -> Array:
    """Coefficients of laws as rows of x."""
    logs = [np.log(np.asarray(coefficients[name], float)) for name in ("A", "B", "E")]
    return np.stack([*logs, *(np.asarray(coefficients[name], float) for name in ("alpha", "beta"))], -1)


def centred(data: Data) -> tuple[Data, Array, Array]:
    """The data less the means of n and d, and the matrices that take rows of x there and back.

    There a is less alpha mean(n), and b less beta mean(d).
    """
    shear = np.zeros((5, 5))
    shear[3, 0], shear[4, 1] = data.n.mean(), data.d.mean()
    moved = data._replace(n=data.n - data.n.mean(), d=data.d - data.d.mean())
    return moved, np.eye(5) - shear, np.eye(5) + shear


def exact(data: Data, x: Array) -> float:
    """The objective to more digits than float64 has, where the machine has such; the judge of all contenders."""
    a, b, e, alpha, beta = (np.longdouble(value) for value in x)
    n, d, y = (column.astype(np.longdouble) for column in data[:3])
    with np.errstate(invalid="ignore"):  # a refit that failed is NaN
        residual = np.logaddexp(np.logaddexp(a - alpha * n, b - beta * d), e) - y
    size = np.abs(residual)
    huber = np.where(size <= DELTA, size**2 / 2, DELTA * (size - np.longdouble(DELTA) / 2))
    return float(np.sum(data.weight * huber))


def from_notebook(x: Array, params: Array, tokens: Array, loss: Array) -> float:
    """The objective as epoch-research/analyzing-chinchilla writes it (data_analysis.ipynb)."""
    a, b, e, alpha, beta = x
    predicted = np.log(np.exp(a - alpha * np.log(params)) + np.exp(b - beta * np.log(tokens)) + np.exp(e))
    difference = np.log(loss) - predicted
    line = DELTA * (np.abs(difference) - 0.5 * DELTA)
    return np.sum(np.where(np.abs(difference) <= DELTA, 0.5 * difference**2, line))


def with_gradient(x: Array, data: Data) -> tuple[float, Array]:
    """The objective and its gradient by hand, 12 us for 240 runs; no start comes near overflow, so it is unguarded."""
    n, d, y, weight = data
    a, b, e, alpha, beta = x.tolist()
    params_term, tokens_term, floor = np.exp(a - alpha * n), np.exp(b - beta * d), np.exp(e)
    total = params_term + tokens_term
    total += floor
    residual = np.log(total)
    residual -= y
    slope = np.minimum(np.maximum(residual, -DELTA), DELTA)
    weighted = slope * weight
    value = weighted @ (residual - 0.5 * slope)
    weighted /= total
    params_term *= weighted
    tokens_term *= weighted
    sums = params_term.sum(), tokens_term.sum(), floor * weighted.sum(), -(params_term @ n), -(tokens_term @ d)
    return value, np.array(sums)


def as_it_comes(workers: Pool, method: str, runs: lts.Runs, starts: Array) -> Found:
    """`scipy.optimize.minimize` with its own differences and tolerances, one start after another, in one process.

    It is a worker, as with two BLAS threads L-BFGS-B takes up to 15 times as long on a machine that is not idle.
    """
    columns = (np.asarray(runs.params), np.asarray(runs.tokens), np.asarray(runs.loss))
    return workers.apply(_as_it_comes, (method, columns, starts))


def _as_it_comes(method: str, columns: tuple[Array, Array, Array], starts: Array) -> Found:
    with np.errstate(all="ignore"):
        return _found([optimize.minimize(from_notebook, start, args=columns, method=method) for start in starts])


def notebook_bootstrap(workers: Pool, data: Data, start: Array, counts: Array) -> Found:
    """BFGS with a gradient for each row of counts, as in the same notebook, in one process and not centred."""
    return workers.apply(_notebook_bootstrap, (data, start, counts))


def _notebook_bootstrap(data: Data, start: Array, counts: Array) -> Found:
    with np.errstate(all="ignore"):
        return _found(
            [
                optimize.minimize(with_gradient, start, args=(_counted(data, count),), jac=True, method="BFGS")
                for count in counts
            ]
        )


def tuned(workers: Pool, data: Data, starts: Array) -> Found:
    """L-BFGS-B on all cores, with the gradient by hand and tolerances near rounding; x is not centred, the walk is."""
    moved, there, back = centred(data)
    found = _found(workers.map(functools.partial(_lbfgsb, moved), starts @ there, chunksize=8))
    return found._replace(x=found.x @ back)


def screened(workers: Pool, data: Data, starts: Array, advance: int) -> Found:
    """The same from the best of the starts alone."""
    a, b, e, alpha, beta = (column[:, None] for column in starts.T)
    with np.errstate(all="ignore"):
        terms = np.exp(a - alpha * data.n) + np.exp(b - beta * data.d) + np.exp(e)
        residual = np.log(terms) - data.y
        slope = np.clip(residual, -DELTA, DELTA)
        value = (slope * (residual - 0.5 * slope)) @ data.weight
    return tuned(workers, data, starts[np.argsort(value)[:advance]])


def tuned_bootstrap(workers: Pool, data: Data, start: Array, counts: Array) -> Found:
    """The same for each row of counts, from one start near every optimum; runs that were not drawn are left out."""
    moved, there, back = centred(data)
    refit = functools.partial(_refit, moved, start @ there)
    found = _found(workers.map(refit, counts, chunksize=8))
    return found._replace(x=found.x @ back)


def _refit(data: Data, start: Array, count: Array) -> Any:
    return _lbfgsb(_counted(data, count), start)


def _lbfgsb(data: Data, start: Array) -> Any:
    options = TOLERANCES | NO_LIMIT
    with np.errstate(all="ignore"):
        return optimize.minimize(with_gradient, start, args=(data,), jac=True, method="L-BFGS-B", options=options)


def _counted(data: Data, count: Array) -> Data:
    drawn = count > 0
    columns = Data(*(column[drawn] for column in data))
    return columns._replace(weight=columns.weight * count[drawn])


def _found(results: list[Any]) -> Found:
    success = float(np.mean([result.success for result in results]))
    return Found(np.array([result.x for result in results]), np.array([result.fun for result in results]), success)


@contextlib.contextmanager
def pool(processes: int) -> Iterator[Pool]:
    """Processes of one BLAS thread each, spawned because JAX's threads do not survive a fork, and already started."""
    before = {name: os.environ.get(name) for name in BLAS}
    os.environ.update(dict.fromkeys(BLAS, "1"))
    with multiprocessing.get_context("spawn").Pool(processes) as workers:
        workers.map(abs, range(processes), chunksize=1)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        yield workers


def lbfgs(data: Data, steps: int) -> Callable[[Array], Found]:
    """`optax.lbfgs` with its zoom line search, one start to a lane, centred and compiled."""
    moved, there, back = centred(data)
    walk = _walk_of(moved, steps)

    def search(starts: Array) -> Found:
        x, value = (np.asarray(each) for each in walk(jnp.asarray(starts @ there)))
        return Found(x @ back, value, None)

    return search


def _walk_of(data: Data, steps: int) -> Callable[[jax.Array], tuple[jax.Array, jax.Array]]:
    n, d, y, weight = (jnp.asarray(column) for column in data)
    optimizer = optax.lbfgs()

    def value(x: jax.Array) -> jax.Array:
        a, b, e, alpha, beta = x
        residual = jnp.logaddexp(jnp.logaddexp(a - alpha * n, b - beta * d), e) - y
        return jnp.sum(weight * optax.huber_loss(residual, delta=DELTA))

    from_state = optax.value_and_grad_from_state(value)

    def step(carry: tuple[jax.Array, Any], _: None) -> tuple[tuple[Any, Any], None]:
        x, state = carry
        here, gradient = from_state(x, state=state)
        updates, state = optimizer.update(gradient, state, x, value=here, grad=gradient, value_fn=value)
        return (optax.apply_updates(x, updates), state), None

    def walk(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        (x, _), _ = jax.lax.scan(step, (x, optimizer.init(x)), None, length=steps)
        return x, value(x)

    return jax.jit(jax.vmap(walk))
