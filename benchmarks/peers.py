"""How else the same plans are found: SciPy's root finders, NumPy tuned by hand, and mpmath as the judge.

With u = log(x0 phi), c = log(x0 m) and x0 = beta/(alpha + beta) all but `brentq` solve

    u + softplus(u)/beta = c,        min(c, c beta/(1 + beta)) - 1.5 < u <= min(c, c beta/(1 + beta)),

and none guards exp(u) against overflow, which no scenario here comes near.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.optimize import elementwise
from timing import cores

Array = NDArray[np.float64]
Number = float | Array  # the coefficients are numbers, or arrays of the batch's size
Models = tuple[Array, Array, Array]  # params, tokens, total

ONE_THREAD, ALL_THREADS = "tuned NumPy, 1 thread", f"tuned NumPy, {cores()} threads"
HALLEY_STEPS = 5  # rounding for beta in [.01, 5]; 3 suffice for beta = .283
CHUNKS = tuple(1 << bits for bits in range(12, 18))
DEMAND, LOSS = 5, 6  # places among the seven inputs: E, A, B, alpha, beta, demand, loss


class Constants(NamedTuple):
    """What depends on the coefficients alone."""

    E: Number
    beta: Number
    offset: Number  # c = log(demand) + offset + log(loss - E)/beta
    slow: Number  # 1/beta and
    fast: Number  # 1/(1 + beta): the inverse slopes far left and far right
    last: Number  # 1 + beta
    x0: Number
    per_x0: Number
    third_x0: Number
    log_params: Number  # log N_c = (log_params - log(loss - E))/alpha
    per_alpha: Number


def constants(E: Number, A: Number, B: Number, alpha: Number, beta: Number) -> Constants:
    """The constants of one law, or of a batch of laws."""
    powers = alpha + beta
    x0 = beta / powers
    offset = np.log(x0 / 3) - np.log(B * powers / alpha) / beta
    log_params = np.log(A * powers / beta)
    return Constants(E, beta, offset, 1 / beta, 1 / (1 + beta), 1 + beta, x0, 1 / x0, x0 / 3, log_params, 1 / alpha)


def brentq(coefficients: Sequence[float], demand: list[float], loss: list[float]) -> Models:
    """A loop over equation 12 of arXiv:2401.00448 in log D, from D_c to D_c (1 + x0 m)^(1/beta)."""
    E, A, B, alpha, beta = coefficients
    tokens = [_brentq(E, B, alpha, beta, d, ell) for d, ell in zip(demand, loss, strict=True)]
    params = [(A / (ell - E - B * D**-beta)) ** (1 / alpha) for D, ell in zip(tokens, loss, strict=True)]
    total = [N * (6 * D + 2 * d) for N, D, d in zip(params, tokens, demand, strict=True)]
    return np.array(params), np.array(tokens), np.array(total)


def _brentq(E: float, B: float, alpha: float, beta: float, demand: float, loss: float) -> float:
    by_training, by_serving, excess = B * (1 + beta / alpha), demand * beta * B / (3 * alpha), loss - E

    def equation(log_tokens: float) -> float:
        term = math.exp(-beta * log_tokens)
        return by_training * term + by_serving * term * math.exp(-log_tokens) - excess

    low = math.log(by_training / excess) / beta
    high = low + math.log1p(beta / (alpha + beta) * demand / 3 * math.exp(-low)) / beta + 1e-9
    return math.exp(optimize.brentq(equation, low - 1e-9, high))  # pyright: ignore[reportArgumentType]


def find_root(law: Constants, demand: Array, loss: Array) -> Models:
    """`scipy.optimize.elementwise.find_root` with a bracket of width 1.5."""
    excess, c, most = _start(law, demand, loss)

    def equation(u: Array, c: Array) -> Array:
        return u + np.log1p(np.exp(u)) * law.slow - c

    result = elementwise.find_root(equation, (most - 1.5, most + 1e-3), args=(c,))  # pyright: ignore
    return _models(law, demand, excess, result.x)


def newton(law: Constants, demand: Array, loss: Array) -> Models:
    """`scipy.optimize.newton`, vectorised, from the right, where it converges monotonically."""
    excess, c, most = _start(law, demand, loss)
    u: Any = optimize.newton(
        lambda u: u + np.log1p(np.exp(u)) * law.slow - c,
        most,
        fprime=lambda u: 1 + law.slow / (1 + np.exp(-u)),
    )
    return _models(law, demand, excess, u)


def _start(law: Constants, demand: Array, loss: Array) -> Models:
    """(loss - E, c, the upper bound of u)."""
    excess = loss - law.E
    c = np.log(demand) + law.offset + np.log(excess) * law.slow
    return excess, c, np.minimum(c, c * law.beta * law.fast)


def _models(law: Constants, demand: Array, excess: Array, u: Array) -> Models:
    """The models with phi = e^u/x0: D = D_inf/(3 phi) and N = N_c ((1 + x0 phi)/(1 + phi))^(1/alpha)."""
    y = np.exp(u)
    tokens = demand * law.third_x0 / y
    params = np.exp((law.log_params + np.log((1 + y) / ((1 + y * law.per_x0) * excess))) * law.per_alpha)
    return params, tokens, 2 * params * (3 * tokens + demand)


class Tuned:
    """The same in NumPy by hand: in chunks that stay in the cache, in place, on one thread or on several.

    Args:
        chunk: scenarios to a chunk.
        threads: each takes an equal share of the batch; NumPy's loops release the interpreter's lock.
        steps: of Halley's method.
    """

    def __init__(self, chunk: int, *, threads: int, steps: int = HALLEY_STEPS):
        self.chunk, self.threads, self.steps = chunk, threads, steps
        self._work = np.empty((threads, 5 + 3 + 3, chunk))
        self._pool = ThreadPoolExecutor(threads)

    def models(self, law: Constants, demand: Array, loss: Array) -> Models:
        """(params, tokens, total) under one law."""
        out = np.empty((3, demand.size))

        def solve(part: slice, work: Array) -> None:
            _solve(law, demand[part], loss[part], out[:, part], work, self.steps)

        self._over_chunks(solve, demand.size)
        return out[0], out[1], out[2]

    def batch(self, inputs: Sequence[Array]) -> Models:
        """(params, tokens, total) where all seven inputs are arrays."""
        out = np.empty((3, inputs[0].size))

        def solve(part: slice, work: Array) -> None:
            chunk = [values[part] for values in inputs]
            _solve(constants(*chunk[:DEMAND]), chunk[DEMAND], chunk[LOSS], out[:, part], work, self.steps)

        self._over_chunks(solve, inputs[0].size)
        return out[0], out[1], out[2]

    def differences(self, inputs: Sequence[Array], result: int, widths: Sequence[float]) -> Array:
        """The derivatives of one result of `batch` by each input, by central differences of relative half-width."""
        out = np.empty((len(inputs), inputs[0].size))

        def differ(part: slice, work: Array) -> None:
            chunk = [values[part] for values in inputs]
            law = constants(*chunk[:DEMAND])
            above, below = work[5:8], work[8:11]
            for place, width in enumerate(widths):
                high, low = chunk[place] * (1 + width), chunk[place] * (1 - width)
                for value, models in ((high, above), (low, below)):
                    moved = [*chunk[:place], value, *chunk[place + 1 :]]
                    law_there = law if place >= DEMAND else constants(*moved[:DEMAND])
                    _solve(law_there, moved[DEMAND], moved[LOSS], models, work, self.steps)
                slope = out[place, part]
                np.subtract(above[result], below[result], out=slope)
                high -= low
                slope /= high

        self._over_chunks(differ, inputs[0].size)
        return out

    def _over_chunks(self, function: Callable[[slice, Array], None], size: int) -> None:
        share = -(-size // self.threads)

        def run(thread: int) -> None:
            end = min(size, (thread + 1) * share)
            for start in range(thread * share, end, self.chunk):
                stop = min(end, start + self.chunk)
                function(slice(start, stop), self._work[thread, :, : stop - start])

        if self.threads == 1:
            run(0)
        else:
            list(self._pool.map(run, range(self.threads)))


def _solve(law: Constants, demand: Array, loss: Array, out: Array, work: Array, steps: int) -> None:
    """One chunk, with C = beta c and y = e^u; `out` serves as working memory until it is filled."""
    excess, C, u, y, q = work[:5]
    np.subtract(loss, law.E, out=excess)
    np.log(demand, out=C)
    C += law.offset
    C *= law.beta
    np.log(excess, out=u)
    C += u
    np.multiply(C, law.slow, out=u)
    np.multiply(C, law.fast, out=y)
    np.minimum(u, y, out=u)
    for _ in range(steps):
        _halley(law, C, u, y, q, out)
    _fill(law, demand, excess, u, y, q, out)


def _halley(law: Constants, C: Array, u: Array, y: Array, q: Array, work: Array) -> None:
    """One step, F q/(P - F y/(2 P)) with F = log q + beta u - C, P = q F' = beta + (1 + beta) y and q = 1 + y."""
    F, P, G = work
    np.exp(u, out=y)
    np.add(y, 1, out=q)
    np.log(q, out=F)
    np.multiply(u, law.beta, out=G)
    F += G
    F -= C
    np.multiply(y, law.last, out=P)
    P += law.beta
    y *= F
    y *= 0.5
    y /= P
    P -= y
    F *= q
    F /= P
    u -= F


def _fill(law: Constants, demand: Array, excess: Array, u: Array, y: Array, q: Array, out: Array) -> None:
    """`_models` in place."""
    params, tokens, total = out
    np.exp(u, out=y)
    np.divide(demand, y, out=tokens)
    tokens *= law.third_x0
    np.multiply(y, law.per_x0, out=q)
    q += 1
    q *= excess
    y += 1
    y /= q
    np.log(y, out=y)
    y += law.log_params
    y *= law.per_alpha
    np.exp(y, out=params)
    np.multiply(tokens, 3, out=total)
    total += demand
    total *= params
    total *= 2


def exact_gradients(inputs: Sequence[Array]) -> tuple[Array, Array]:
    """The derivatives of params and of total by each of the seven inputs, to more digits than float64 has."""
    with mpmath.workdps(50):
        pairs = [_exact_gradient([mpmath.mpf(x) for x in scenario]) for scenario in zip(*inputs, strict=True)]
    by_params, by_total = (np.array([pair[result] for pair in pairs], dtype=np.float64).T for result in (0, 1))
    return by_params, by_total


def _exact_gradient(inputs: list[Any]) -> tuple[list[float], list[float]]:
    columns = []
    for place, value in enumerate(inputs):
        width = value * mpmath.mpf(10) ** -15
        ends = [_exact([*inputs[:place], end, *inputs[place + 1 :]]) for end in (value + width, value - width)]
        columns.append([float((high - low) / (2 * width)) for high, low in zip(*ends, strict=True)])
    return [column[0] for column in columns], [column[1] for column in columns]


def _exact(inputs: list[Any]) -> tuple[Any, Any]:
    """(params, total)."""
    E, A, B, alpha, beta, demand, loss = inputs
    excess, x0 = loss - E, beta / (alpha + beta)
    c = mpmath.log(x0 * demand / 3) - mpmath.log(B * (alpha + beta) / (alpha * excess)) / beta
    u = min(c, c * beta / (1 + beta))
    for _ in range(12):
        y = mpmath.exp(u)
        u -= (u + mpmath.log(1 + y) / beta - c) / (1 + y / (1 + y) / beta)
    phi = mpmath.exp(u) / x0
    params = (A * (alpha + beta) / (beta * excess) * (1 + x0 * phi) / (1 + phi)) ** (1 / alpha)
    return params, params * 2 * demand * (1 + 1 / phi)
