"""Plans moved to where the deadline of training and the capacity of serving allow them.

Along the curve of a target both limits are convex in log params, so what they allow is one interval, and the best
model within it is the end next to the unlimited optimum.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.costs import AbstractCost, Limits
from lifetimescale.leaves import Scalar
from lifetimescale.planning.curves import AbstractCurve
from lifetimescale.roots import root


class DeadlineUse(AbstractCost):
    """The share of the deadline that training takes, as a cost: 1 on the curve of models that take all of it."""

    cost: AbstractCost

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return jnp.exp(self.cost.limits(params, tokens).time)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    @property
    def unit(self) -> str:
        return "deadline"


def slack(like: Scalar) -> float:
    """By how much a logarithm may be above its limit: rounding, many times over."""
    return float(jnp.finfo(like.dtype).eps) ** 0.6


def allowed(cost: AbstractCost, params: Scalar, tokens: Scalar) -> Bool[Array, ""]:
    """Whether a model keeps every limit of a cost."""
    limits = cost.limits(params, tokens)
    return jnp.maximum(limits.time, limits.capacity) <= slack(params)


def within_capacity(curve: AbstractCurve, cost: AbstractCost, position: Scalar, movable: Bool[Array, ""]) -> Scalar:
    """The position itself, or, where it may move, the next with as few params as can be served; NaN if none has."""
    over = movable & (_at(curve, cost, position).capacity > -slack(position))
    return _moved(_spare_capacity, _move(curve, cost, position, over), position)


def within_deadline(
    curve: AbstractCurve, cost: AbstractCost, position: Scalar, movable: Bool[Array, ""], *, equal_loss: bool
) -> Scalar:
    """The position itself, or, where it may move, the next that can be trained in time; NaN if none can.

    At equal loss training takes least time at one position and more on either side; at equal cost it takes the less the
    more of the cost is left for serving.
    """
    over = movable & (_at(curve, cost, position).time > 0)
    move = _move(curve, cost, position, over)
    if not equal_loss:
        return _moved(_time, move, position)
    quickest = jax.lax.stop_gradient(_moved(_time_slope, move, position))
    side = jnp.where(move.start < quickest, -1.0, 1.0).astype(position.dtype)
    beyond = root(_time_beyond, side * move.start, (move, quickest, side)).position
    reachable = _at(curve, cost, quickest).time <= 0
    return jnp.where(move.over > 0, jnp.where(reachable, side * beyond, jnp.nan), position)


class _Move(eqx.Module):
    """What a search along a curve starts from and knows; where nothing is over, its root is where it starts."""

    curve: AbstractCurve
    cost: AbstractCost
    over: Scalar  # 1 or 0
    start: Scalar


def _move(curve: AbstractCurve, cost: AbstractCost, position: Scalar, over: Bool[Array, ""]) -> _Move:
    known = jnp.isfinite(position)
    start = jax.lax.stop_gradient(jnp.where(known, position, 0))
    return _Move(curve, cost, (over & known).astype(position.dtype), start)


def _moved(function: Callable[[Scalar, Any], Scalar], move: _Move, position: Scalar) -> Scalar:
    return jnp.where(move.over > 0, root(function, move.start, move).position, position)


def _at(curve: AbstractCurve, cost: AbstractCost, position: Scalar) -> Limits:
    log_params, log_tokens = curve.point(position)
    return cost.limits(jnp.exp(log_params), jnp.exp(log_tokens))


def _if_over(position: Scalar, move: _Move, value: Scalar) -> Scalar:
    return jnp.where(move.over > 0, value, position - move.start)


def _spare_capacity(position: Scalar, move: Any) -> Scalar:
    """Negative where the model is too large."""
    return _if_over(position, move, -_at(move.curve, move.cost, position).capacity)


def _time(position: Scalar, move: Any) -> Scalar:
    return _if_over(position, move, _at(move.curve, move.cost, position).time)


def _time_slope(position: Scalar, move: Any) -> Scalar:
    slope = jax.grad(lambda position: _at(move.curve, move.cost, position).time)(position)
    return _if_over(position, move, slope)


def _time_beyond(position: Scalar, arguments: Any) -> Scalar:
    """The time to one side of where it is least, and anything negative on the other."""
    move, quickest, side = arguments
    time = _at(move.curve, move.cost, side * position).time
    value = jnp.where(position > side * quickest, time, -1)
    return jnp.where(move.over > 0, value, position - side * move.start)
