"""Which run to train next, so that the plan is surest."""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from lifetimescale.compilation import compiled, is_traced
from lifetimescale.costs import TRAINING_FLOPS, AbstractCost
from lifetimescale.fitting import Fit
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log
from lifetimescale.planning import Plan, compute_optimal, plan, price
from lifetimescale.status import Status
from lifetimescale.uncertainty.laws import moved
from lifetimescale.units import format_count, format_percent

Vector = Float[Array, " k"]
"""One number of every free coefficient."""
SIDE = 64  # candidates along each axis of the box
ZOOMS = 4  # each narrows the box about the best to an eighth: at the end within 1e-4 of it


class NextRun(eqx.Module):
    """A run that could be trained next, or an array of them, and what it would teach.

    Args:
        params: N of the run.
        tokens: D of the run.
        regret: of the plan as it is known now: its expected cost above the least, as a fraction of it.
        remaining: the same after the run is made and the law fitted again, on average over what it may show.
        planned: the plan by the law as it is.
        size_error: the standard deviation of the log of the planned params, as it is known now.
    """

    params: Leaf
    tokens: Leaf
    regret: Scalar
    remaining: Leaf
    planned: Plan
    size_error: Scalar

    @property
    def compute(self) -> Leaf:
        """6 N D of the run, FLOP."""
        return TRAINING_FLOPS * self.params * self.tokens

    @property
    def gain(self) -> Leaf:
        """By how much the expected regret falls, a fraction of the least cost of the planned life."""
        return self.regret - self.remaining

    @property
    def value(self) -> Leaf:
        """The same in the unit of the plan's cost: a run that costs less than this pays."""
        return self.gain * self.planned.total

    def __str__(self) -> str:
        size, error = format_count(float(self.planned.params)), format_percent(float(jnp.expm1(self.size_error)))
        now = (
            f"The plan, {size} params, is known to {error}: an expected regret of {format_percent(float(self.regret))}"
        )
        if self.params.ndim:
            return f"{now}; {self.params.size} runs that could be made"
        run = f"{format_count(float(self.params))} params on {format_count(float(self.tokens))} tokens"
        return f"{now}; a run of {run} leaves {format_percent(float(self.remaining))}"


def next_run(
    fitted: Fit,
    cost: AbstractCost,
    *,
    compute: ArrayLike,
    loss: ArrayLike | None = None,
    like: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    covariance: Float[Array, "k k"] | None = None,
    params: tuple[float | int, float | int] | None = None,
    tokens_per_param: tuple[float | int, float | int] | None = None,
) -> NextRun:
    """The run of at most so much compute after which the plan's expected regret is least.

    As `value_of_runs` has it, over a box of params and tokens per param, by ever finer grids.

    Args:
        fitted: the law and its runs so far.
        cost: the lifetime cost of the plan.
        compute: 6 N D of the run at most, FLOP.
        loss: target loss of the plan.
        like: as good as the compute-optimal model of so many params; instead of `loss`.
        noise: as in `value_of_runs`.
        covariance: as in `value_of_runs`.
        params: the least and the most params of the run; from the smallest of the runs so far on by default.
        tokens_per_param: the lowest and the highest ratio; that of the runs so far by default.

    Raises:
        ValueError: not exactly one of loss and like is given, there is no plan, a range cannot be, or no run is within
            the compute.

    >>> import lifetimescale as lts
    >>> fitted = lts.fit(lts.Chinchilla, lts.planted_runs(lts.law("besiroglu2024"), 60, key=jax.random.key(0)))
    >>> best = lts.next_run(fitted, lts.Flops(2e12), like=13e9, compute=1e21)
    >>> bool(best.remaining < 0.9 * best.regret), bool(best.compute <= 1e21)
    (True, True)
    """
    runs, most = fitted.runs, float(inexact(compute)) / TRAINING_FLOPS
    sizes = (float(np.min(runs.params)), np.inf) if params is None else params
    ratio = np.asarray(runs.tokens) / np.asarray(runs.params)
    ratios = (float(ratio.min()), float(ratio.max())) if tokens_per_param is None else tokens_per_param
    for name, (low, high) in {"params": sizes, "tokens_per_param": ratios, "compute": (most, most)}.items():
        if not 0 < low <= high or not math.isfinite(low):
            raise ValueError(f"{name} from {low:g} to {high:g} are out of range: give numbers above 0, the least first")
    if not math.isfinite(most):
        raise ValueError("the compute is without end: give the FLOP that the run may take")
    box = np.log([[sizes[0], min(sizes[1], (most / ratios[0]) ** 0.5)], [*ratios]])
    if box[0, 0] > box[0, 1] or 2 * box[0, 0] + box[1, 0] > np.log(most):
        raise ValueError(f"no run is within {most * TRAINING_FLOPS:.3g} FLOP: allow smaller models, or more compute")
    plane = _plane(fitted, cost, loss, like, noise, covariance)
    narrow, centre = box, box.mean(1)
    for _ in range(1 + ZOOMS):
        sides = [np.linspace(low, high, SIDE) for low, high in narrow]
        log_params, log_ratio = (axis.ravel() for axis in np.meshgrid(*sides, indexing="ij"))
        log_ratio = np.minimum(log_ratio, np.log(most) - 2 * log_params)
        remaining = np.array(_remaining(plane, jnp.exp(log_params), jnp.exp(log_params + log_ratio)))
        remaining[log_ratio < box[1, 0] - 1e-9] = np.inf
        best = int(np.argmin(remaining))
        centre = np.array([log_params[best], log_ratio[best]])
        reach = (narrow[:, 1] - narrow[:, 0]) / 16
        narrow = np.clip(np.stack([centre - reach, centre + reach], 1), box[:, :1], box[:, 1:])
    return _runs(plane, inexact(np.exp(centre[0])), inexact(np.exp(centre.sum())))


def value_of_runs(
    fitted: Fit,
    cost: AbstractCost,
    *,
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike | None = None,
    like: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    covariance: Float[Array, "k k"] | None = None,
) -> NextRun:
    """What each of some runs would teach of the plan.

    The plan decides on a size and trains until the loss is reached, so its expected regret is J''/2 g' S g: S the
    covariance of the free coefficients, g the slope of log planned params in them (through the plan's own implicit
    derivative) and J'' the curvature of the log cost of reaching the loss in log params. A run whose log loss has the
    slopes s and the error t leaves S - S s s' S/(t^2 + s' S s), so the regret falls by J''/2 (g' S s)^2/(t^2 + s' S s):
    the best run is the one whose loss goes with the planned size.

    Args:
        fitted: the law and its runs so far.
        cost: the lifetime cost of the plan.
        params: N of the runs that could be made, any shape.
        tokens: D, broadcast with params.
        loss: target loss of the plan.
        like: as good as the compute-optimal model of so many params; instead of `loss`.
        noise: t, the error of a run's log loss; by default that of the runs so far, as its Huber fit counts it.
        covariance: S, of the coefficients `fitted.names`, of the logarithms of positive ones; the fit's own by default,
            or that of a bootstrap.

    Raises:
        ValueError: not exactly one of loss and like is given, or there is no plan.
    """
    plane = _plane(fitted, cost, loss, like, noise, covariance)
    shape = jnp.broadcast_shapes(jnp.shape(params), jnp.shape(tokens))
    return _runs(plane, *(jnp.broadcast_to(inexact(number), shape) for number in (params, tokens)))


class _Plane(NamedTuple):
    """What is known of the plan, and how it depends on the coefficients."""

    fitted: Fit
    covariance: Float[Array, "k k"]
    slopes: Vector  # of log planned params
    bend: Scalar  # second derivative of the log cost of the loss in log params
    noise: Scalar
    planned: Plan


def _plane(
    fitted: Fit,
    cost: AbstractCost,
    loss: ArrayLike | None,
    like: ArrayLike | None,
    noise: ArrayLike | None,
    covariance: Float[Array, "k k"] | None,
) -> _Plane:
    if (loss is None) == (like is None):
        raise ValueError("give exactly one target of the plan: loss=... or like=...")
    if fitted.law.variables:
        raise ValueError(
            f"a run is chosen by params and tokens alone, and this law depends on {', '.join(fitted.law.variables)} "
            "too: fit a law without design variables"
        )
    target = inexact(loss) if loss is not None else inexact(like if like is not None else jnp.nan)
    slopes, bend, planned = _planned(fitted, cost, target, relative=loss is None)
    if not is_traced(planned) and (target.ndim or planned.status != Status.OK):
        raise ValueError(f"there is no plan to learn for: {Status(int(jnp.max(planned.status))).advice}")
    error = jnp.sqrt(fitted.noise_variance) if noise is None else inexact(noise)
    return _Plane(fitted, fitted.covariance if covariance is None else covariance, slopes, bend, error, planned)


@functools.partial(compiled, static_argnames=("relative",))
def _planned(fitted: Fit, cost: AbstractCost, target: Leaf, *, relative: bool) -> tuple[Vector, Scalar, Plan]:
    """The slopes of log planned params in the coefficients, the bend of the log cost in them, and the plan."""

    def planned(move: Vector) -> Plan:
        law = moved(fitted, move)
        return plan(law, cost, loss=compute_optimal(law, params=target).loss if relative else target)

    middle = planned(jnp.zeros(len(fitted.names)))

    def reaching(log_params: Scalar) -> Scalar:
        return jnp.log(price(middle.law, cost, params=jnp.exp(log_params), loss=middle.loss).total)

    slopes = jax.jacfwd(lambda move: jnp.log(planned(move).params))(jnp.zeros(len(fitted.names)))
    return slopes, jax.jacfwd(jax.jacfwd(reaching))(jnp.log(middle.params)), middle


def _runs(plane: _Plane, params: Leaf, tokens: Leaf) -> NextRun:
    variance = plane.slopes @ plane.covariance @ plane.slopes
    remaining = _remaining(plane, params.ravel(), tokens.ravel()).reshape(params.shape)
    return NextRun(params, tokens, plane.bend * variance / 2, remaining, plane.planned, jnp.sqrt(variance))


@compiled
def _remaining(plane: _Plane, params: Float[Array, " n"], tokens: Float[Array, " n"]) -> Float[Array, " n"]:
    """Expected regret of the plan once each run is made."""
    start = jnp.zeros(len(plane.fitted.names))

    def slopes_of(params: Scalar, tokens: Scalar) -> Vector:
        return jax.jacfwd(lambda move: log(moved(plane.fitted, move).loss(params, tokens)))(start)

    slopes = jax.vmap(slopes_of)(params, tokens)
    spread = slopes @ plane.covariance
    learnt = (spread @ plane.slopes) ** 2 / (plane.noise**2 + jnp.sum(spread * slopes, 1))
    return plane.bend / 2 * (plane.slopes @ plane.covariance @ plane.slopes - learnt)
