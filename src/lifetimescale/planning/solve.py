"""From one scenario's law, cost and target to one solved model: the search, the bounds, the derivatives, the status.

`solve` is the compiled edge: it broadcasts scenarios, and every formula below it is for one of them.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, UInt8

from lifetimescale.batch import elementwise
from lifetimescale.compilation import compiled
from lifetimescale.costs import AbstractCost
from lifetimescale.design import Choice
from lifetimescale.laws import AbstractCoupled, AbstractEffective, AbstractLaw, Logs, Turning
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.logarithm import log, log1p
from lifetimescale.planning import limits, search
from lifetimescale.planning.curves import (
    AbstractCurve,
    CoupledLoss,
    EffectiveLoss,
    EqualCost,
    LevelSet,
    LinearCost,
    value_at,
)
from lifetimescale.planning.descent import Vector
from lifetimescale.planning.designing import Positions, Values, best_design
from lifetimescale.planning.search import Found
from lifetimescale.planning.turning import FallingLoss, TurningLoss
from lifetimescale.status import Status

STARTS = 3  # of the search of a design whose law makes no claim to one basin
AHEAD = (0.0, 2.0, 4.0)  # positions past the compute-optimal model, where the plans of served models lie


class Bounds(eqx.Module):
    """The box that a plan must stay in: (least, most) params and (fewest, most) training tokens."""

    params: tuple[Leaf, Leaf]
    tokens: tuple[Leaf, Leaf]


class Problem(eqx.Module):
    """What is asked: a law, a cost, one target, and what bounds, numbers and design variables are given beside it."""

    law: AbstractLaw
    cost: AbstractCost
    loss: Leaf | None = None
    budget: Leaf | None = None
    bounds: Bounds | None = None
    params: Leaf | None = None
    tokens: Leaf | None = None
    design: dict[str, Choice] = eqx.field(default_factory=dict)

    def at(self, design: Mapping[str, Scalar]) -> "Problem":
        """The problem of params and tokens alone, at values of its design variables."""
        law, cost = self.law.at(design), self.cost.at(design)
        return Problem(law, cost, self.loss, self.budget, self.bounds, self.params, self.tokens)


class Solution(NamedTuple):
    """A solved model; NaN throughout where the status is not `OK`. Its loss is None where it is the target itself."""

    params: Leaf
    tokens: Leaf
    loss: Leaf | None
    total: Leaf
    status: UInt8[Array, "..."]
    design: dict[str, Leaf]


def _elementwise_solve(problem: Problem, *, exact: bool | None) -> Solution:
    """Solve every scenario of a problem whose leaves broadcast."""
    return elementwise(functools.partial(solve_one, exact=exact), problem)


solve = compiled(_elementwise_solve, static_argnames=("exact",))


@jax.jit
def near(problem: Problem, params: Leaf, tokens: Leaf, total: Leaf, tolerance: Leaf) -> list[tuple[Leaf, Leaf]]:
    """(params, tokens) of the smallest and of the largest model within `tolerance` of the optimum of a target loss."""
    return elementwise(_near, problem, params, tokens, total, tolerance)


def is_exact(law: AbstractLaw, cost: AbstractCost) -> bool:
    """Whether the classes of law and cost have the exact solution."""
    return isinstance(law, AbstractCoupled) and cost.is_linear


def solve_one(problem: Problem, *, exact: bool | None) -> Solution:
    """Solve one scenario; exactly where the classes have the exact solution, if `exact` does not say."""
    if problem.design:
        return _designed(problem, exact=exact)
    if exact is None:
        exact = is_exact(problem.law, problem.cost)
    if problem.params is not None and problem.tokens is not None:
        meaningful = ~jnp.isnan(problem.law.loss(problem.params, problem.tokens))
        found, on_curve = _given(problem, problem.params, problem.tokens, meaningful), jnp.asarray(False)
    else:
        curve = _curve(problem)
        if problem.params is not None:
            found, on_curve = _given(problem, problem.params, curve.tokens_for(problem.params)), jnp.asarray(True)
        elif problem.tokens is not None:
            found, on_curve = _given(problem, curve.params_for(problem.tokens), problem.tokens), jnp.asarray(True)
        else:
            found, loss, total = _optimum(problem, curve, exact=exact)
            if problem.bounds is None and not _is_limited(problem.cost):
                return _finish(problem, found, loss, total)
            found, on_curve = _bounded(found, problem, curve)
            found, on_curve = _limited(found, on_curve, problem, curve)
    loss, total = problem.law.loss(*found[:2]), problem.cost.total(*found[:2])
    if problem.loss is not None:
        loss = jnp.where(on_curve, problem.loss, loss)
    if problem.budget is not None:
        total = jnp.where(on_curve, problem.budget, total)
    return _finish(problem, found, loss, total)


def _designed(problem: Problem, *, exact: bool | None) -> Solution:
    """Solve one scenario at the best values of its design variables."""
    starts = 1 if problem.law.one_basin and problem.cost.one_basin else STARTS
    walk = _walk if _is_curve_alone(problem) else None
    chosen, converged = best_design(problem, problem.design, _Evaluation(exact), walk, starts=starts)
    solution = solve_one(problem.at(chosen), exact=exact)
    lost = (solution.status == Status.OK) & ~converged
    status = jnp.where(lost, Status.NOT_CONVERGED, solution.status)
    for choice in problem.design.values():
        if isinstance(choice, jax.Array):
            status = jnp.where(jnp.isnan(choice), Status.INVALID, status)
    status = status.astype(jnp.uint8)
    mask = _mask(status, solution.total)
    loss = None if solution.loss is None else solution.loss * mask
    design = {name: value * mask + 0 * solution.params for name, value in chosen.items()}  # spoils derivatives too
    return Solution(solution.params * mask, solution.tokens * mask, loss, solution.total * mask, status, design)


def _is_curve_alone(problem: Problem) -> bool:
    """Whether the plan of every design is the least along its curve, which has no edges."""
    target = problem.loss if problem.loss is not None else problem.budget
    if target is None or problem.params is not None:
        return False
    at = problem.at(dict.fromkeys(problem.design, jnp.ones_like(target)))  # any numbers: the classes decide
    return _target_alone(at) and not isinstance(_curve(at), FallingLoss)


def _target_alone(problem: Problem) -> bool:
    """Whether nothing binds a plan but its target, and its size where that is given."""
    return problem.bounds is None and problem.tokens is None and not _is_limited(problem.cost)


def _walk(
    design: Callable[[Vector], Values], x: Vector, problem: Problem
) -> tuple[Positions, Callable[[Scalar], Scalar]]:
    """Where one may begin along the curve of a design, and what the best design has least of at a position."""
    at = problem.at(design(x))
    curve, judged = _curve(at), at.cost if at.loss is not None else at.law
    mask = jnp.where(_valid(at), 0.0, jnp.nan).astype(x.dtype)
    ahead = (0.0,) if isinstance(curve, LevelSet | EqualCost | LinearCost) else AHEAD  # there a position costs a search

    def value(position: Scalar) -> Scalar:
        return _log(value_at(judged, *(jnp.exp(logarithm) for logarithm in curve.point(position)))) + mask

    return curve.start() + jnp.asarray(ahead, x.dtype), value


@dataclasses.dataclass(frozen=True)
class _Evaluation:
    """What the best design has least of, and its slope: log of the total at a loss, of the loss at a budget.

    Where nothing but the target binds, the slope is that of the Lagrangian at the plan (envelope theorem).
    """

    exact: bool | None

    def __call__(self, design: Callable[[Vector], Values], x: Vector, problem: Problem) -> tuple[Scalar, Vector]:
        at = problem.at(design(x))
        if not _target_alone(at):
            slope, value = jax.jacfwd(lambda x: (self._value(problem.at(design(x))),) * 2, has_aux=True)(x)
            return value, slope
        plan = solve_one(at, exact=self.exact)

        def least(x: Vector) -> Scalar:
            there = problem.at(design(x))
            if there.loss is not None:
                return _log(search.least(there.cost, there.law, there.loss, plan.params, plan.tokens))
            assert there.budget is not None
            return _log(search.least(there.law, there.cost, there.budget, plan.params, plan.tokens))

        slope, value = jax.jacfwd(lambda x: (least(x),) * 2, has_aux=True)(x)
        return value, slope

    def _value(self, problem: Problem) -> Scalar:
        plan = solve_one(problem, exact=self.exact)
        return _log(plan.total if problem.loss is not None or plan.loss is None else plan.loss)


def _log(x: Scalar) -> Scalar:
    """log x, from x over itself: second derivatives of log divide by x^2, which float32 cannot hold where x is 1e21."""
    size = jax.lax.stop_gradient(x)
    return log(x * (1 / size)) + log(size)


def _given(problem: Problem, params: Scalar, tokens: Scalar, meaningful: Bool[Array, ""] | bool = True) -> Found:
    status = jnp.where(_valid(problem) & meaningful, Status.OK, Status.INVALID)
    found = settled(params, tokens, status.astype(jnp.uint8))
    return _allowed(found, problem) if _is_limited(problem.cost) else found


def _allowed(found: Found, problem: Problem) -> Found:
    """The model, or NaN and a status where it breaks a limit of the cost or a bound."""
    kept = limits.allowed(problem.cost, found.params, found.tokens)
    if problem.bounds is not None:
        room = 1 + limits.slack(found.params)
        for number, (least, most) in ((found.params, problem.bounds.params), (found.tokens, problem.bounds.tokens)):
            kept &= (number * room >= least) & (number <= most * room)
    status = jnp.where(kept | (found.status != Status.OK), found.status, Status.UNREACHABLE)
    return settled(found.params, found.tokens, status.astype(jnp.uint8))


def settled(params: Scalar, tokens: Scalar, status: UInt8[Array, ""]) -> Found:
    """The model, or NaN and a status where it is no model."""
    exists = (params > 0) & (tokens > 0) & jnp.isfinite(params) & jnp.isfinite(tokens)
    status = jnp.where(exists | (status != Status.OK), status, Status.UNREACHABLE).astype(jnp.uint8)
    mask = _mask(status, params)
    return Found(params * mask, tokens * mask, status)


def _mask(status: UInt8[Array, ""], like: Scalar) -> Scalar:
    """1 where the status is OK and NaN elsewhere: a factor that spoils the value and the derivative alike."""
    return jnp.where(status == Status.OK, 1.0, jnp.nan).astype(like.dtype)


def _curve(problem: Problem) -> AbstractCurve:
    """The models that meet the target exactly."""
    law, cost = problem.law, problem.cost
    if problem.loss is not None:
        if isinstance(law, AbstractCoupled):
            return CoupledLoss(law.coupled(), problem.loss)
        if isinstance(law, AbstractEffective):
            return EffectiveLoss(law, problem.loss)
        if isinstance(law, Turning):
            return TurningLoss(law, problem.loss)
        return FallingLoss(law, problem.loss) if law.turns else LevelSet(law, problem.loss)
    assert problem.budget is not None
    return LinearCost(cost, problem.budget) if cost.is_linear else EqualCost(cost, problem.budget)


def _optimum(problem: Problem, curve: AbstractCurve, *, exact: bool) -> tuple[Found, Scalar | None, Scalar]:
    """The unbounded optimum, its loss (None: the target) and its total, with the envelope theorem's derivatives."""
    law, cost, valid = problem.law, problem.cost, _valid(problem)
    if exact and not isinstance(law, AbstractCoupled):
        raise ValueError('this law has no coupled form: use method="general", or leave method out')
    if problem.loss is not None:
        if exact and isinstance(law, AbstractCoupled):
            found, total = search.exact_at_loss(law.coupled(), cost.rates(), problem.loss, valid)
            return found, None, total
        found = search.general(curve, law, cost, valid, _box(problem))
        return found, None, search.least(cost, law, problem.loss, *found[:2])
    assert problem.budget is not None
    if exact and isinstance(law, AbstractCoupled):
        found = search.exact_at_budget(law.coupled(), cost.rates(), problem.budget, valid)
    else:
        found = search.general(curve, law, cost, valid, _box(problem))
    return found, search.least(law, cost, problem.budget, *found[:2]), problem.budget


def _box(problem: Problem) -> search.Box | None:
    """Where to look for the model of a law that means nothing elsewhere."""
    if not problem.law.is_confined or problem.bounds is None:
        return None
    least, most = problem.bounds.params
    return log(least), log(most)


def _bounded(found: Found, problem: Problem, curve: AbstractCurve) -> tuple[Found, Bool[Array, ""]]:
    """The nearest model of the curve inside the bounds, and whether it is on the curve.

    The cost has one minimum along the curve, so the best feasible model is the optimum moved to the bound that it
    breaks. Two bounds can leave no model of the curve between them: two least sizes leave their corner, which betters
    the target loss (or breaks the budget); two greatest leave their corner within the budget (or above the loss).
    """
    if problem.bounds is None:
        return found, jnp.asarray(True)
    (least_params, most_params), (least_tokens, most_tokens) = problem.bounds.params, problem.bounds.tokens
    params = jnp.clip(found.params, least_params, most_params)
    if problem.law.is_confined:  # the search ends as near to an edge as rounding lets it
        params = jnp.where(params >= most_params * (1 - limits.slack(params)), most_params, params)
        params = jnp.where(params <= least_params * (1 + limits.slack(params)), least_params, params)
    tokens = jnp.where(params == found.params, found.tokens, curve.tokens_for(params))
    bounded_tokens = jnp.clip(tokens, least_tokens, most_tokens)
    moved = bounded_tokens != tokens
    on_curve_params = jnp.where(moved, curve.params_for(bounded_tokens), params)
    too_large, too_small = moved & (on_curve_params > most_params), moved & (on_curve_params < least_params)
    corner, empty = (too_small, too_large) if problem.loss is not None else (too_large, too_small)
    impossible = empty | (least_params > most_params) | (least_tokens > most_tokens)
    status = jnp.where((found.status == Status.OK) & impossible, Status.UNREACHABLE, found.status)
    params = jnp.where(corner, jnp.where(too_small, least_params, most_params), on_curve_params)
    return settled(params, bounded_tokens, status.astype(jnp.uint8)), ~corner


def _limited(
    found: Found, on_curve: Bool[Array, ""], problem: Problem, curve: AbstractCurve
) -> tuple[Found, Bool[Array, ""]]:
    """The best model that the deadline and the capacity of the cost allow, and whether it is on the curve.

    The days may run out before a budget does. A model that leaves some of the budget and is the best takes all of the
    days: it is the best on the curve of such models, if that is within the budget. If not, the best takes all of both.
    """
    cost = problem.cost
    if not _is_limited(cost):
        return found, on_curve
    if problem.budget is None or not cost.has_deadline:
        return _allowed(_moved(found, on_curve, problem, curve), problem), on_curve
    use = limits.DeadlineUse(cost)
    of_days = Problem(problem.law, use, budget=jnp.ones_like(found.params), bounds=problem.bounds)
    all_days = _curve(of_days)
    longest, movable = _bounded(search.general(all_days, problem.law, use, _valid(problem)), of_days, all_days)
    longest = _allowed(_moved(longest, movable, problem, all_days, deadline=False), problem)
    affordable = (longest.status == Status.OK) & (cost.total(*longest[:2]) <= problem.budget)
    moved = _moved(found, on_curve & ~affordable, problem, curve)
    chosen = Found(*(jnp.where(affordable, one, other) for one, other in zip(longest, moved, strict=True)))
    return _allowed(chosen, problem), on_curve & ~affordable


def _moved(
    found: Found, movable: Bool[Array, ""], problem: Problem, curve: AbstractCurve, *, deadline: bool = True
) -> Found:
    """The model of the curve next to this one that the limits allow."""
    cost = problem.cost
    start = position = curve.position(log(found.params), log(found.tokens))
    if cost.has_deadline and deadline:
        position = limits.within_deadline(curve, cost, position, movable, equal_loss=problem.loss is not None)
    if cost.has_capacity:
        position = limits.within_capacity(curve, cost, position, movable)
    still = position == start
    params, tokens = (jnp.exp(logarithm) for logarithm in curve.point(position))
    params, tokens = jnp.where(still, found.params, params), jnp.where(still, found.tokens, tokens)
    return settled(params, tokens, found.status)


def _is_limited(cost: AbstractCost) -> bool:
    return cost.has_deadline or cost.has_capacity


def _near(problem: Problem, params: Scalar, tokens: Scalar, total: Scalar, tolerance: Scalar):
    curve = _curve(problem)
    best = Found(params, tokens, jnp.zeros((), jnp.uint8))
    log_bound = log(total) + log1p(tolerance)
    ends = (search.near(curve, problem.cost, best, log_bound, side) for side in (1, -1))
    return [_limited(*_bounded(end, problem, curve), problem, curve)[0][:2] for end in ends]


def _finish(problem: Problem, found: Found, loss: Scalar | None, total: Scalar) -> Solution:
    mask = _mask(found.status, total)
    loss = None if loss is None else loss * mask
    return Solution(*found[:2], loss, total * mask, found.status, {})


def _valid(problem: Problem) -> Bool[Array, ""]:
    """Whether every input is in its domain."""
    law = problem.law
    valid = problem.cost.valid()
    if isinstance(law, AbstractCoupled | AbstractEffective):
        valid &= law.coupled().valid()
    if isinstance(law, AbstractEffective):
        one = jnp.ones_like(law.coupled().E)
        effective = law.effective(Logs(one, one))
        valid &= ~jnp.isnan(effective.params + effective.tokens)
    if isinstance(law, Turning):
        valid &= law.base.coupled().valid() & jnp.isfinite(law.log_harm)
    if problem.loss is not None:
        valid &= jnp.isfinite(problem.loss)
    for number in (problem.budget, problem.params, problem.tokens):
        if number is not None:
            valid &= (number > 0) & jnp.isfinite(number)
    return valid
