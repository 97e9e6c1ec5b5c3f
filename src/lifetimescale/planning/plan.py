"""Plans: the cheapest model of a loss, the best of a budget, any of one's own, and what to read off them."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, UInt8, UInt16

from lifetimescale import spend
from lifetimescale.batch import elementwise
from lifetimescale.costs import TRAINING_FLOPS, AbstractCost, Curvature, Flops
from lifetimescale.design import Between, OneOf, Same
from lifetimescale.laws import AbstractCoupled, AbstractLaw
from lifetimescale.leaves import Leaf, inexact, named
from lifetimescale.planning import report, search
from lifetimescale.planning.choices import choices_of, numbers_of
from lifetimescale.planning.marks import warnings
from lifetimescale.planning.solve import Bounds, Problem, Solution, is_exact, near, solve


class Plan(eqx.Module):
    """One model, or an array of them: its size, its training tokens, its loss and its lifetime cost.

    A plan is a pytree, so it passes through jit, vmap and grad. What is not among its fields is computed when asked
    for. Where `status` is not 0 (`Status.OK`) every number is NaN, and so are its derivatives.

    Args:
        problem: the law, the cost, the target and the bounds.
        params: N, parameters.
        tokens: D, training tokens.
        reached: the loss, where it is not simply the target.
        total: lifetime cost, in the unit of the cost.
        status: the outcome, a `Status`.
        design: the values of the design variables, by name.
        exact: whether params and tokens are the unbounded optimum in closed form.
    """

    problem: Problem
    params: Leaf
    tokens: Leaf
    reached: Leaf | None
    total: Leaf
    status: UInt8[Array, "..."]
    design: dict[str, Leaf]
    exact: bool = eqx.field(static=True)

    @property
    def law(self) -> AbstractLaw:
        """The law of the plan, of params and tokens alone: at its own design."""
        return _at_design(self.problem.law, self.design) if self.design else self.problem.law

    @property
    def cost(self) -> AbstractCost:
        """The cost of the plan, of params and tokens alone: at its own design."""
        return _at_design(self.problem.cost, self.design) if self.design else self.problem.cost

    @property
    def loss(self) -> Leaf:
        """In the unit of the law."""
        if self.reached is not None:
            return self.reached
        return _where_ok(self.problem.loss, self.params)

    @property
    def unit(self) -> str:
        """The unit of `training`, `serving` and `total`."""
        return self.problem.cost.unit

    @property
    def warnings(self) -> UInt16[Array, "..."]:
        """Bits of `Warnings`: outside the fitted range of the law, or at a bound."""
        return warnings(self.problem, self.params, self.tokens, self.design)

    @property
    def tokens_per_param(self) -> Leaf:
        """D/N."""
        return self.tokens / self.params

    @property
    def training(self) -> Leaf:
        """What is spent before the model serves."""
        return _training(self.cost, self.params, self.tokens)

    @property
    def serving(self) -> Leaf:
        """What is spent on serving it."""
        return _serving(self.cost, self.params, self.tokens)

    @property
    def parts(self) -> dict[str, Leaf]:
        """What the total is made of, by name."""
        return _parts(self.cost, self.params, self.tokens)

    @property
    def deployment(self) -> dict[str, Leaf]:
        """How the model is served, where the cost knows: batch, chips, seconds per token."""
        return _deployment(self.cost, self.params)

    @property
    def is_unique(self) -> bool:
        """Whether the classes of cost and law claim what makes this the only optimum: convexity in the logarithms.

        A design variable that was searched for makes no such claim; of discrete ones every choice was tried.
        """
        searched = any(isinstance(choice, Between) for choice in self.problem.design.values())
        return not searched and self.cost.curvature > Curvature.UNKNOWN and self.law.convex_levels

    @property
    def guarantee(self) -> str:
        """One sentence: whether this is the only optimum, and why."""
        return report.guarantee(self)

    @property
    def spend_ratio(self) -> Leaf:
        """phi = serving/training."""
        return self.serving / self.training

    @property
    def baseline(self) -> "Plan":
        """The compute-optimal ("Chinchilla-style") model of equal loss and design, served for the same demand."""
        twin = compute_optimal(self.law, loss=self.loss)
        return price(self.law, self.cost, params=twin.params, tokens=twin.tokens)

    @property
    def saving(self) -> Leaf:
        """1 - total/baseline.total; by the exact equation (down to no demand at all) where the plan is exact."""
        if self.exact:
            return _exact_saving(self.law, self.spend_ratio)
        return 1 - self.total / self.baseline.total

    @property
    def best(self) -> "Plan":
        """The cheapest plan of equal loss within the same bounds, its design chosen from what this one's was."""
        given = self.problem
        if given.loss is not None and given.params is None and given.tokens is None:
            return self
        return _solved(
            Problem(given.law, given.cost, loss=self.loss, bounds=_box(given.law, given.bounds), design=given.design),
            exact=None,
        )

    @property
    def overpay(self) -> Leaf:
        """total/best.total - 1: the regret of this plan, as a fraction of the least total."""
        return self.total / self.best.total - 1

    def near(self, tolerance: ArrayLike = 0.01) -> "NearOptimal":
        """The near-optimal range: all that costs at most 1 + tolerance times the least total, at equal loss.

        Optima are flat, so the range is wide, and what else is known of the models may choose within it. The design is
        that of the best.

        Args:
            tolerance: > 0, a fraction of the least total.
        """
        best = self.best
        problem = Problem(best.law, best.cost, best.problem.loss, bounds=best.problem.bounds)
        ends = near(problem, best.params, best.tokens, best.total, inexact(tolerance))
        smallest, largest = (price(best.law, best.cost, params=params, tokens=tokens) for params, tokens in ends)
        return NearOptimal(smallest, largest)

    def messages(self) -> list[str]:
        """The advice on a single plan: its outcome unless it is OK, then its warnings."""
        return report.messages(self)

    def __str__(self) -> str:
        return report.describe(self)


class NearOptimal(eqx.Module):
    """The two ends of a near-optimal range."""

    smallest: Plan
    largest: Plan


def plan(
    law: AbstractLaw,
    cost: AbstractCost,
    *,
    loss: ArrayLike | None = None,
    budget: ArrayLike | None = None,
    params: ArrayLike | None = None,
    min_params: ArrayLike | None = None,
    max_params: ArrayLike | None = None,
    min_tokens: ArrayLike | None = None,
    max_tokens: ArrayLike | None = None,
    design: Mapping[str, Between | OneOf | Same | ArrayLike] | None = None,
    method: str = "auto",
) -> Plan:
    """The cheapest model that reaches a loss, or the lowest loss that a lifetime budget buys.

    min over N, D of C(N, D) subject to L(N, D) <= loss, or min of L(N, D) subject to C(N, D) <= budget (Sardana et al.
    2024, arXiv:2401.00448, equations 2 to 6, and its inverse). All arguments and all numbers of law and cost may be
    arrays; they broadcast, and one compiled program solves all scenarios. Give `params` too to ask how long a model of
    that size must train. A batch never raises: see `Plan.status`.

    Args:
        law: the loss law.
        cost: the lifetime cost.
        loss: target loss, in the unit of the law.
        budget: target lifetime cost, in the unit of the cost; instead of `loss`.
        params: N, if the size is given already.
        min_params: least N allowed.
        max_params: greatest N allowed, by memory say.
        min_tokens: fewest D allowed.
        max_tokens: most D allowed, by the data there are.
        design: the design variables of the law and of the cost, by name: a number each, `Between` two numbers, `OneOf`
            a few, or the `Same` as another; what is not named lies where the law says.
        method: "exact" (coupled laws with costs N (k_t D + k_i)), "general" (any), or "auto".

    Returns:
        The plan, each of its numbers of the common shape.

    Raises:
        ValueError: not exactly one of loss and budget is given, the method does not exist or does not apply, or a
            design variable is unknown or has no range.
        TypeError: the law is no law, or the cost no cost.

    >>> import lifetimescale as lts
    >>> best = lts.plan(lts.law("chinchilla"), lts.Flops(inference_tokens=2e12), loss=2.0452818)
    >>> print(f"{best.params:.3e} {best.tokens:.3e}")
    6.969e+09 1.248e+12
    """
    if (loss is None) == (budget is None):
        raise ValueError("give exactly one target: loss=... or budget=...")
    if method not in ("auto", "exact", "general"):
        raise ValueError(f'no method {method!r}: choose "auto", "exact" or "general"')
    limits = (min_params, max_params, min_tokens, max_tokens)
    bounded = any(limit is not None for limit in limits)
    if params is not None and bounded:
        raise ValueError("params is given, so there is nothing to bound: leave out params or the bounds")
    _check_law(law)
    _check_cost(cost)
    bounds = _bounds(*limits) if bounded else None
    if params is None:
        bounds = _box(law, bounds)
    choices = choices_of(law, cost, design)
    problem = Problem(law, cost, _number(loss), _number(budget), bounds, _number(params), design=choices)
    return _solved(problem, exact=None if method == "auto" else method == "exact")


def price(
    law: AbstractLaw,
    cost: AbstractCost,
    *,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    loss: ArrayLike | None = None,
    design: Mapping[str, Between | OneOf | Same | ArrayLike] | None = None,
) -> Plan:
    """Any model of one's own as a plan; `overpay` says what it costs above the optimum.

    Args:
        law: the loss law.
        cost: the lifetime cost.
        params: N.
        tokens: D; exactly two of the three are given, and the law supplies the other.
        loss: in the unit of the law.
        design: as `plan` has it; what is left open is chosen for least cost, or least loss if that is not given.

    Raises:
        ValueError: not exactly two of params, tokens and loss are given, or a design variable is unknown or has no
            range.
    """
    if sum(number is None for number in (params, tokens, loss)) != 1:
        raise ValueError("give exactly two of params, tokens and loss")
    _check_law(law)
    _check_cost(cost)
    problem = Problem(law, cost, _number(loss), params=_number(params), tokens=_number(tokens))
    return _solved(dataclasses.replace(problem, design=choices_of(law, cost, design)), exact=False)


def compute_optimal(
    law: AbstractLaw,
    *,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    compute: ArrayLike | None = None,
    loss: ArrayLike | None = None,
    design: Mapping[str, ArrayLike] | None = None,
) -> Plan:
    """The compute-optimal ("Chinchilla-style") model: the least 6 N D at its own loss, with no thought of serving.

    alpha A/N^alpha = beta B/D^beta; closed form for coupled laws, a root for others.

    Args:
        law: the loss law.
        params: N; exactly one of the four is given.
        tokens: D.
        compute: 6 N D, FLOP.
        loss: in the unit of the law.
        design: a number for each design variable of the law.

    Raises:
        ValueError: not exactly one is given, or the design leaves a variable open.
    """
    given = {"params": params, "tokens": tokens, "product": compute, "loss": loss}
    given = named({name: value for name, value in given.items() if value is not None})
    if len(given) != 1:
        raise ValueError("give exactly one of params, tokens, compute and loss")
    _check_law(law)
    if law.variables or design:
        law = _at_design(law, numbers_of(law, design or {}))
    training = Flops(inference_tokens=0.0)
    ((name, value),) = given.items()
    if name == "loss":
        return plan(law, training, loss=value)
    optimal_params, optimal_tokens = _optimal(law, value / TRAINING_FLOPS if name == "product" else value, name)
    return price(law, training, params=optimal_params, tokens=optimal_tokens)


def break_even(a: Plan, b: Plan) -> Leaf:
    """The demand, in tokens served, at which two models cost the same over their lives.

    D_inf (training_b - training_a)/(serving_a - serving_b), with D_inf, serving and training of the plans as priced:
    serving is proportional to demand. Price both with one cost, at any demand but none.

    Returns:
        Tokens served; NaN where one of the two is the cheaper at every demand.
    """
    tokens = _break_even(a.cost, a.training, a.serving, b.training, b.serving)
    return jnp.where(tokens > 0, tokens, jnp.nan)


def _solved(problem: Problem, *, exact: bool | None) -> Plan:
    searched = problem.params is None and problem.tokens is None
    if not problem.design:
        exact = searched and (is_exact(problem.law, problem.cost) if exact is None else exact)
    solution: Solution = solve(problem, exact=exact)
    closed = bool(exact) and not problem.design and problem.bounds is None and not problem.cost.has_deadline
    params, tokens, loss, total, status, design = solution
    return Plan(problem, params, tokens, loss, total, status, design, exact=closed)


def _check_law(law: AbstractLaw) -> None:
    if not isinstance(law, AbstractLaw):
        advice = f"{law!r} is not a law: take lifetimescale.law(name), or a subclass of AbstractLaw"
        raise TypeError(getattr(law, "why_not_a_law", advice))


def _check_cost(cost: AbstractCost) -> None:
    if not isinstance(cost, AbstractCost):
        raise TypeError(f"{cost!r} is not a cost: take lifetimescale.Flops, Training, FixedUtilization or Monomial")


@jax.jit
def _at_design(family: AbstractLaw | AbstractCost, design: dict[str, Leaf]) -> Any:
    """The law or the cost of params and tokens alone, for every scenario."""
    return elementwise(lambda family, design: family.at(design), family, design)


def _number(value: ArrayLike | None) -> Leaf | None:
    return None if value is None else inexact(value)


def _box(law: AbstractLaw, bounds: Bounds | None) -> Bounds | None:
    """The bounds, or the fitted range of a law that means nothing outside."""
    return Bounds(law.fitted.params, law.fitted.tokens) if bounds is None and law.is_confined else bounds


def _bounds(min_params, max_params, min_tokens, max_tokens) -> Bounds:
    def pair(least, most):
        return inexact(0.0 if least is None else least), inexact(jnp.inf if most is None else most)

    return Bounds(pair(min_params, max_params), pair(min_tokens, max_tokens))


@jax.jit
def _where_ok(target: Leaf, params: Leaf) -> Leaf:
    return elementwise(lambda target, params: target + 0 * params, target, params)


@jax.jit
def _training(cost: AbstractCost, params: Leaf, tokens: Leaf) -> Leaf:
    return elementwise(lambda cost, params, tokens: cost.training(params, tokens), cost, params, tokens)


@jax.jit
def _serving(cost: AbstractCost, params: Leaf, tokens: Leaf) -> Leaf:
    return elementwise(lambda cost, params, tokens: cost.serving(params, tokens), cost, params, tokens)


@jax.jit
def _parts(cost: AbstractCost, params: Leaf, tokens: Leaf) -> dict[str, Leaf]:
    return elementwise(lambda cost, params, tokens: cost.parts(params, tokens), cost, params, tokens)


@jax.jit
def _deployment(cost: AbstractCost, params: Leaf) -> dict[str, Leaf]:
    return elementwise(lambda cost, params: cost.deployment(params), cost, params)


@jax.jit
def _break_even(cost, training_a, serving_a, training_b, serving_b) -> Leaf:
    return elementwise(
        lambda cost, ta, sa, tb, sb: cost.served_tokens() * (tb - ta) / (sa - sb),
        *(cost, training_a, serving_a, training_b, serving_b),
    )


@functools.partial(jax.jit, static_argnames="given")
def _optimal(law: AbstractLaw, value: Leaf, given: str) -> tuple[Leaf, Leaf]:
    def scalar(law, value):
        params, tokens = search.compute_optimal(law, given, value)
        if not law.is_confined:
            return params, tokens
        (fewest, most), (least, longest) = law.fitted.params, law.fitted.tokens
        inside = (params >= fewest) & (params <= most) & (tokens >= least) & (tokens <= longest)
        mask = jnp.where(inside, 1.0, jnp.nan).astype(params.dtype)
        return params * mask, tokens * mask

    return elementwise(scalar, law, value)


@jax.jit
def _exact_saving(law: AbstractCoupled, spend_ratio: Leaf) -> Leaf:
    def scalar(law, phi):
        return spend.saving(phi, law.coupled().alpha, law.coupled().beta)

    return elementwise(scalar, law, spend_ratio)
