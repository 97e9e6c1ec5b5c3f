"""Where the best model lies: formulas for one scenario, in closed form where law and cost allow it, else by a root."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, UInt8

from lifetimescale import spend
from lifetimescale.costs import AbstractCost, Rates
from lifetimescale.laws import AbstractCoupled, AbstractLaw, Coupled
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log, log1p
from lifetimescale.planning.curves import AbstractCurve, value_at
from lifetimescale.roots import root
from lifetimescale.status import Status


class Found(NamedTuple):
    """A model, NaN if there is none, and what became of the search for it."""

    params: Scalar
    tokens: Scalar
    status: UInt8[Array, ""]


def exact_at_loss(law: Coupled, rates: Rates, loss: Scalar, valid: Bool[Array, ""]) -> tuple[Found, Scalar]:
    """The cheapest model of a loss where C = N (k_t D + k_i), and its cost."""
    surface = spend.Surface(law.log_excess(loss), log(law.A), log(law.B), law.alpha, law.beta)
    log_params, log_tokens = spend.cheapest(surface, rates.serving / rates.training)
    found = _found(log_params, log_tokens, _linear_status(rates, valid))
    return found, spend.least_cost(surface, rates.training, rates.serving, found.params, found.tokens)


def exact_at_budget(law: Coupled, rates: Rates, budget: Scalar, valid: Bool[Array, ""]) -> Found:
    """The best model of a lifetime cost where C = N (k_t D + k_i), without nested roots.

    With (N_b, D_b) the compute-optimal model if all of the budget were training,
    D = D_b (1 + phi)^((1 - alpha)/(alpha + beta)) and N = N_b (1 + phi)^(-(1 + beta)/(alpha + beta)).
    """
    log_params, log_tokens = optimal_split(law, log(budget / rates.training))
    m = rates.serving / (rates.training * jnp.exp(log_tokens))
    log_total = log1p(spend.budget_spend_ratio(m, law.alpha, law.beta)) * (1 / (law.alpha + law.beta))
    log_params = log_params - (1 + law.beta) * log_total
    log_tokens = log_tokens + (1 - law.alpha) * log_total
    return _found(log_params, log_tokens, _linear_status(rates, valid))


def _linear_status(rates: Rates, valid: Bool[Array, ""]) -> UInt8[Array, ""]:
    status = jnp.where(rates.training > 0, Status.OK, Status.NO_OPTIMUM)
    return jnp.where(valid, status, Status.INVALID).astype(jnp.uint8)


def _found(log_params: Scalar, log_tokens: Scalar, status: UInt8[Array, ""]) -> Found:
    """The model of these logarithms; unreachable where one of its numbers is none that floating point can hold."""
    limit = math.log(float(jnp.finfo(log_params.dtype).max))
    exists = (jnp.abs(log_params) < limit) & (jnp.abs(log_tokens) < limit) & (status == Status.OK)
    exists = jax.lax.optimization_barrier(exists)
    status = jnp.where(exists | (status != Status.OK), status, Status.UNREACHABLE).astype(jnp.uint8)
    spoil = jnp.where(exists, 0.0, jnp.nan).astype(log_params.dtype)  # added, it spoils the derivative too
    return Found(jnp.exp(log_params + spoil), jnp.exp(log_tokens + spoil), status)


def optimal_split(law: Coupled, log_product: Scalar) -> tuple[Scalar, Scalar]:
    """(log N, log D) of the lowest loss at a given N D: alpha A/N^alpha = beta B/D^beta."""
    log_params = (_balance(law) + law.beta * log_product) / (law.alpha + law.beta)
    return log_params, log_product - log_params


def _balance(law: Coupled) -> Scalar:
    """log of (alpha A)/(beta B)."""
    return log(law.alpha * law.A) - log(law.beta * law.B)


Box = tuple[Scalar, Scalar]
"""The least and the most log params."""


def general(
    curve: AbstractCurve, law: AbstractLaw, cost: AbstractCost, valid: Bool[Array, ""], box: Box | None = None
) -> Found:
    """The best model on a curve of equal loss or of equal cost: the one change of sign of `_imbalance` along it.

    Args:
        curve: of the models that meet the target.
        law: the loss law.
        cost: the lifetime cost.
        valid: whether every input is in its domain.
        box: where to look, for a law that means nothing elsewhere.
    """
    start = curve.start()
    if box is None:
        position, status = root(_imbalance, start, (curve, law, cost))
    else:
        position, status = root(_imbalance_in_box, start, (curve, law, cost, box))
    if cost.has_capacity:
        unserved = (status == Status.NO_OPTIMUM) & jnp.isinf(_at_logs(cost, *curve.point(start)))
        status = jnp.where(unserved, Status.UNREACHABLE, status)
    point = curve.point(position)
    unreached = jnp.isnan(start) | ((status == Status.OK) & ~curve.reaches(*point))
    if curve.has_ends:  # not even where the search began is a model
        nowhere = jnp.isinf(jnp.stack(curve.point(start))).any()
        unreached |= nowhere & (status == Status.NO_OPTIMUM)
    status = jnp.where(valid, jnp.where(unreached, Status.UNREACHABLE, status), Status.INVALID)
    return _found(*point, status.astype(jnp.uint8))


def _imbalance_in_box(position: Scalar, arguments: tuple[AbstractCurve, AbstractLaw, AbstractCost, Box]) -> Scalar:
    """`_imbalance`, with the position told to come back where it leaves the box."""
    curve, law, cost, (least, most) = arguments
    log_params, _ = curve.point(position)
    within = jnp.where(log_params > most, -jnp.inf, _imbalance(position, (curve, law, cost)))
    return jnp.where(log_params < least, jnp.inf, within)


def _imbalance(position: Scalar, arguments: tuple[AbstractCurve, AbstractLaw, AbstractCost]) -> Scalar:
    """log of (L_n/L_d)/(C_n/C_d), the derivatives by log params and log tokens: the sign of d log C along equal loss.

    Its sign is that of h(n) = d log C/d log N along the curve, so it changes once where the plan is unique; its size is
    not monotone for every cost, so it is bracketed and never trusted to Newton's method alone.
    """
    curve, law, cost = arguments
    log_params, log_tokens = curve.point(position)
    total, (by_params, by_tokens) = jax.value_and_grad(_at_logs, (1, 2))(cost, log_params, log_tokens)
    ratio = jnp.where(by_params <= 0, -jnp.inf, log(by_params) - log(by_tokens))
    balance = log_slope(law, log_params, log_tokens) - jnp.where(by_tokens <= 0, jnp.inf, ratio)
    many = jnp.isinf(total) | (log_params == jnp.inf)  # too many params to be served at all, or more than there are
    balance = jnp.where(many, -jnp.inf, balance)
    balance = jnp.where(curve.reaches(log_params, log_tokens), balance, jnp.sign(balance) * jnp.inf)
    few = (log_tokens == jnp.inf) & (log_params < jnp.inf)  # so few params that no tokens suffice
    return jnp.where(few, jnp.inf, balance)


def log_slope(law: AbstractLaw, log_params: Scalar, log_tokens: Scalar) -> Scalar:
    """log of (dL/dlog N)/(dL/dlog D), 0 at the compute-optimal models.

    Of a law that turns, inf where tokens no longer help (fewer are better) and -inf where params do not.
    """
    if isinstance(law, AbstractCoupled):
        return law.coupled().log_slope(log_params, log_tokens)
    by_params, by_tokens = jax.grad(_at_logs, (1, 2))(law, log_params, log_tokens)
    if not law.turns:
        return log(-by_params) - log(-by_tokens)
    falling = jnp.where(by_tokens < 0, log(-by_params) - log(-by_tokens), jnp.inf)
    return jnp.where(by_params < 0, falling, -jnp.inf)


def _at_logs(function: AbstractLaw | AbstractCost, log_params: Scalar, log_tokens: Scalar) -> Scalar:
    return value_at(function, jnp.exp(log_params), jnp.exp(log_tokens))


def compute_optimal(law: AbstractLaw, given: str, value: Scalar) -> tuple[Scalar, Scalar]:
    """(params, tokens) of least N D at their loss, given params, tokens or their product."""
    if isinstance(law, AbstractCoupled):
        coupled = law.coupled()
        if given == "params":
            return value, jnp.exp((coupled.alpha * log(value) - _balance(coupled)) / coupled.beta)
        if given == "tokens":
            return jnp.exp((coupled.beta * log(value) + _balance(coupled)) / coupled.alpha), value
        log_params, log_tokens = optimal_split(coupled, log(value))
        return jnp.exp(log_params), jnp.exp(log_tokens)
    position = root(_PATHS[given], jnp.full_like(value, _STARTS[given]), (law, log(value))).position
    if given == "params":
        return value, jnp.exp(position)
    if given == "tokens":
        return jnp.exp(-position), value
    return jnp.exp((log(value) - position) / 2), jnp.exp((log(value) + position) / 2)


_STARTS = {"params": 23.0, "tokens": -20.0, "product": 3.0}
_PATHS = {
    "params": lambda log_tokens, arguments: log_slope(arguments[0], arguments[1], log_tokens),
    "tokens": lambda minus_log_params, arguments: log_slope(arguments[0], -minus_log_params, arguments[1]),
    "product": lambda log_ratio, arguments: log_slope(
        arguments[0], (arguments[1] - log_ratio) / 2, (arguments[1] + log_ratio) / 2
    ),
}


@jax.custom_jvp
def least(
    objective: AbstractLaw | AbstractCost,
    constraint: AbstractLaw | AbstractCost,
    level: Scalar,
    params: Scalar,
    tokens: Scalar,
) -> Scalar:
    """The objective at its optimum on constraint = level, by the envelope theorem.

    d least = d objective + (objective_D/constraint_D)(d level - d constraint), all at the fixed optimum: what the
    optimum itself does is of second order, so no derivative passes through the search.
    """
    return value_at(objective, params, tokens)


@least.defjvp
def _least_jvp(primals, tangents):
    objective, constraint, _, params, tokens = primals
    _, by_objective = jax.jvp(lambda function: value_at(function, params, tokens), (objective,), (tangents[0],))
    _, by_constraint = jax.jvp(lambda function: value_at(function, params, tokens), (constraint,), (tangents[1],))
    by_tokens = jax.grad(value_at, 2)
    multiplier = by_tokens(objective, params, tokens) / by_tokens(constraint, params, tokens)
    return least(*primals), by_objective + multiplier * (tangents[2] - by_constraint)


def near(curve: AbstractCurve, cost: AbstractCost, best: Found, log_bound: Scalar, side: int) -> Found:
    """The model of equal loss whose cost has grown to exp(log_bound): a smaller one (side 1) or a larger one (-1)."""
    start = side * curve.position(log(best.params), log(best.tokens))
    position, status = root(_excess_cost, start, (curve, cost, log_bound, jnp.full_like(start, side)))
    return _found(*curve.point(side * position), status)


def _excess_cost(position: Scalar, arguments: tuple[AbstractCurve, AbstractCost, Scalar, Scalar]) -> Scalar:
    curve, cost, log_bound, side = arguments
    point = curve.point(side * position)
    ends = jnp.isinf(point[0]) | jnp.isinf(point[1]) | ~curve.reaches(*point)  # the curve does not go so far
    return jnp.where(ends, jnp.inf, log(_at_logs(cost, *point)) - log_bound)
