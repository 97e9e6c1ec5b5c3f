"""Which model to train before it is known how good it will be and how much it will be used, and what that costs."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, UInt8

from lifetimescale.compilation import compiled
from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractCoupled, AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log
from lifetimescale.planning import search
from lifetimescale.planning.curves import AbstractCurve, CoupledLoss, LevelSet
from lifetimescale.planning.search import Found
from lifetimescale.status import Status
from lifetimescale.uncertainty import mixture, report
from lifetimescale.uncertainty.descent import Local, Vector, least, valley
from lifetimescale.uncertainty.futures import LOG_PARAMS, LOG_TOKENS, Futures, central, rounding
from lifetimescale.uncertainty.mixture import DrawnQuality, RiskyCost
from lifetimescale.uncertainty.risk import AbstractRisk, Draws, Mean, parse_risk, soft_terms


class Decision(eqx.Module):
    """One model, or an array of them, chosen before it is known which draw comes true.

    Of an array every reading has the shape of the models; readings of every draw have it first and one axis more.

    Args:
        futures: the draws.
        params: N.
        tokens: D, as planned; where a miss can be trained longer, that comes on top.
        status: the outcome, a `Status`; where it is not `OK` every number is NaN.
    """

    futures: Futures
    params: Leaf
    tokens: Leaf
    status: UInt8[Array, "..."]

    @property
    def unit(self) -> str:
        """The unit of costs."""
        return self.futures.cost.unit

    @property
    def costs(self) -> Leaf:
        """What it costs in every draw, misses included; inf for a miss that has no price."""
        return _readings(self.futures, self.params, self.tokens, None, None)

    @property
    def best(self) -> Draws:
        """The least cost of every draw, if it were known."""
        return self.futures.best

    @property
    def _best_of_each(self) -> Leaf:
        return self.best.reshape((1,) * self.params.ndim + (-1,))

    @property
    def regrets(self) -> Leaf:
        """costs - best of every draw: never negative."""
        return self.costs - self._best_of_each

    @property
    def overpays(self) -> Leaf:
        """costs/best - 1 of every draw: regret as a fraction of the least cost."""
        return self.costs / self._best_of_each - 1

    @property
    def expected_cost(self) -> Leaf:
        """The mean cost, misses included."""
        return self.risk("mean")

    @property
    def expected_regret(self) -> Leaf:
        """The mean regret, in the unit of the cost: what it would be worth to know the draw (perfect information)."""
        return self.expected_cost - jnp.sum(self.futures.shares * self.best)

    @property
    def expected_overpay(self) -> Leaf:
        """The mean regret as a fraction of the least cost of each draw."""
        return _readings(self.futures, self.params, self.tokens, self.best, Mean()) - 1

    @property
    def worst_regret(self) -> Leaf:
        """The greatest regret of any draw, as a fraction of its least cost."""
        return self.risk("regret")

    @property
    def reached(self) -> Leaf:
        """The probability that the planned tokens reach the loss."""
        return _of_models(self.futures, self.params, self.tokens, function=_reached)

    @property
    def expected_miss(self) -> Leaf:
        """The mean of L - loss at the planned tokens, in the unit of the loss; negative where it is better."""
        return _of_models(self.futures, self.params, self.tokens, function=_expected_miss)

    @property
    def expected_spending(self) -> Leaf:
        """The mean of C(N, D) alone: as planned, with no misses."""
        return _of_models(self.futures, self.params, self.tokens, function=_expected_spending)

    def risk(self, measure: str | AbstractRisk) -> Leaf:
        """Any risk of it: "mean", "cvar:0.9", "regret" or a measure of your own."""
        measure = _risk(measure)
        best = self.best if measure.of_regret else None
        return _readings(self.futures, self.params, self.tokens, best, measure)

    def quantiles(self, shares: ArrayLike) -> Leaf:
        """The cost that such shares of the draws stay within, of a single model."""
        order = jnp.argsort(self.costs)
        below = jnp.cumsum(self.futures.shares[order])
        places = jnp.searchsorted(below, inexact(shares).astype(below.dtype) * (1 - rounding(below)))
        return self.costs[order][jnp.minimum(places, len(below) - 1)]

    def __str__(self) -> str:
        return report.describe(self)


def decide(futures: Futures, *, risk: str | AbstractRisk = "mean", quality: str | ArrayLike | None = None) -> Decision:
    """The model to train before it is known which draw comes true.

    min over N, D of risk_i c_i(N, D), with c_i the cost of draw i and of the miss there (`Shortfall`), subject to

        quality="mean":  sum_i w_i (L_i(N, D) - loss_i) <= 0
        quality=0.9:     L_i(N, D) <= loss_i with that probability
        quality=None:    no more, where a miss has a price; where it has none the loss must be reached, so that law and
                         loss must be known: then demand and prices alone are uncertain

    A miss without a price costs nothing where the quality is kept otherwise; regret then has no meaning, unless the law
    is known. Mean costs are convex in the logarithms where the costs are, and so are CVaR and the worst regret, so the
    decision is the only one (with `overhead`, in (log N, N D)); the quantile of a quality need not be.

    It passes through jit, vmap and grad: N and D by the implicit function theorem.

    Args:
        futures: the draws.
        risk: "mean", "cvar:0.9" (the mean of the worst tenth), "regret" (the worst, as a fraction of the least cost),
            or a measure of your own.
        quality: "mean", or the probability with which the loss must be reached, in (0, 1].

    Raises:
        ValueError: there is no such risk or quality, or the futures leave a miss without a price where it needs one.

    >>> import jax, lifetimescale as lts
    >>> law = lts.law("besiroglu2024")
    >>> demand = jax.numpy.array([1e12, 2e12, 6e12])
    >>> choice = lts.decide(lts.Futures(law, lts.Flops(demand), 2.1, weights=jax.numpy.array([0.25, 0.5, 0.25])))
    >>> mean = lts.plan(law, lts.Flops(2.75e12), loss=2.1)
    >>> print(f"{choice.params:.4g} {mean.params:.4g}")
    5.76e+09 5.76e+09
    """
    measure, probability = _risk(risk), _probability(quality)
    if futures.shortfall is None:
        if quality is None and not futures.knows_law:
            raise ValueError(
                "the law is uncertain, so some draws miss the loss: say what a miss costs, shortfall=..., or how it is "
                'kept, quality=0.9 or "mean"'
            )
        if measure.of_regret and not futures.knows_law:
            raise ValueError("regret counts misses, so they need a price: give the futures a shortfall")
    params, tokens, status = _decided(futures, measure, probability, mode=_mode(quality))
    return Decision(futures, params, tokens, status)


def judge(futures: Futures, *, params: ArrayLike, tokens: ArrayLike) -> Decision:
    """Any models of one's own as decisions: what they cost in expectation, at worst, and in regret.

    Args:
        futures: the draws.
        params: N, of any shape.
        tokens: D, planned; broadcast with params.
    """
    shape = jnp.broadcast_shapes(jnp.shape(params), jnp.shape(tokens))
    params, tokens = (jnp.broadcast_to(inexact(number), shape) for number in (params, tokens))
    valid = (params > 0) & (tokens > 0) & jnp.isfinite(params) & jnp.isfinite(tokens)
    return Decision(futures, params, tokens, jnp.where(valid, Status.OK, Status.INVALID).astype(jnp.uint8))


def _risk(risk: str | AbstractRisk) -> AbstractRisk:
    return parse_risk(risk) if isinstance(risk, str) else risk


def _mode(quality: str | ArrayLike | None) -> str | None:
    return None if quality is None else "mean" if isinstance(quality, str) else "probability"


def _probability(quality: str | ArrayLike | None) -> Leaf | None:
    if isinstance(quality, str):
        if quality != "mean":
            raise ValueError(f'no quality {quality!r}: give a probability such as 0.9, or "mean"')
        return None
    return None if quality is None else inexact(quality)


@functools.partial(compiled, static_argnames=("mode",))
def _decided(futures: Futures, risk: AbstractRisk, probability: Leaf | None, *, mode: str | None) -> Found:
    best = futures.best if risk.of_regret else None
    cost = RiskyCost(futures, risk, best)
    if mode is None and futures.shortfall is None:
        found = _on_curve(futures, cost, futures.law, futures.loss)
    else:
        middle = jnp.sum(futures.shares * _losses(futures))
        quality = DrawnQuality(futures, middle, probability)
        found = None if futures.shortfall is None else _free(futures, cost)
        if mode is not None:
            held = _on_curve(futures, cost, quality, middle)
            kept = jnp.asarray(False) if found is None else quality.loss(*found[:2]) <= middle * (1 + rounding(middle))
            found = held if found is None else _either(kept, found, held)
    assert found is not None
    status = jnp.where(_valid(futures), found.status, Status.INVALID).astype(jnp.uint8)
    mask = jnp.where(status == Status.OK, 1.0, jnp.nan).astype(found.params.dtype)
    return Found(found.params * mask, found.tokens * mask, status)


def _either(first: Array, one: Found, other: Found) -> Found:
    return Found(*(jnp.where(first, a, b) for a, b in zip(one, other, strict=True)))


def _on_curve(futures: Futures, cost: RiskyCost, law: AbstractLaw, loss: Scalar) -> Found:
    """The least risk where the quality just holds."""
    valid, loss = jnp.asarray(True), loss.astype(futures.shares.dtype)
    law = jax.tree.map(lambda leaf: leaf.astype(loss.dtype), law)
    if isinstance(law, AbstractCoupled):
        coupled = law.coupled()
        if futures.cost.is_linear and isinstance(cost.risk, Mean):
            return search.exact_at_loss(coupled, cost.mean_rates(), loss, valid)[0]
        curve: AbstractCurve = CoupledLoss(coupled, loss)
    else:
        curve = LevelSet(law, loss)
    return search.general(curve, law, cost, valid)


def _free(futures: Futures, cost: RiskyCost) -> Found:
    """The least risk, misses priced: of a mean by Newton's method, of any other measure by sections."""
    middle, shares, risk = central(futures), futures.shares, cost.risk
    known = middle.status == Status.OK
    there = jnp.log(jnp.where(known, jnp.stack([middle.params, middle.tokens]), 1))
    start = jnp.where(known, there, jnp.array([LOG_PARAMS, LOG_TOKENS], there.dtype))
    if risk.tail is None:
        position, status = valley(lambda n, d: risk(mixture.measured(futures, cost.best, n, d), shares), start)
    else:
        scale = jnp.sum(shares * mixture.measured(futures, cost.best, start[0], start[1]))
        start = start if isinstance(risk, Mean) else jnp.append(start, 1)
        tail = risk.tail.astype(start.dtype)
        position, status = least(_mean_of_tail, start, (futures, tail, cost.best, scale))
    return Found(jnp.exp(position[0]), jnp.exp(position[1]), status)


def _mean_of_tail(position: Vector, softness: Scalar, arguments: Any) -> Local:
    """sum_i w_i c_i over (log N, log D); or t + sum_i w_i max(c_i - t, 0)/tail over these and t, without kinks."""
    futures, tail, best, scale = arguments
    costs, slopes, bends = mixture.expanded(futures, best, position[0], position[1], softness)
    shares = futures.shares / scale
    if len(position) == 2:
        value, n, d, nn, nd, dd = (jnp.sum(shares * moment) for moment in (costs, *slopes, *bends))
        return Local(value, jnp.stack([n, d]), jnp.stack([nn, nd, nd, dd]).reshape(2, 2))
    threshold = position[2]
    over, above, near = soft_terms(costs / scale - threshold, softness)
    over, above, near = (futures.shares * term / tail for term in (over, above, near))
    ns, ds = (slope / scale for slope in slopes)
    nns, nds, dds = (bend / scale for bend in bends)
    n, d, nn, nd, dd, nt, dt, tt, t = (
        jnp.sum(moment)
        for moment in (
            *(above * ns, above * ds),
            *(above * nns + near * ns * ns, above * nds + near * ns * ds, above * dds + near * ds * ds),
            *(-near * ns, -near * ds, near, -above),
        )
    )
    hessian = jnp.stack([nn, nd, nt, nd, dd, dt, nt, dt, tt]).reshape(3, 3)
    return Local(threshold + jnp.sum(over), jnp.stack([n, d, 1 + t]), hessian)


def _losses(futures: Futures) -> Draws:
    return mixture.over(futures, lambda law, cost, loss: loss)


def _valid(futures: Futures) -> Array:
    """Whether every draw is in its domain."""

    def valid(law: AbstractLaw, cost: AbstractCost, loss: Scalar) -> Array:
        here = cost.valid() & jnp.isfinite(loss)
        return here & law.coupled().valid() if isinstance(law, AbstractCoupled) else here

    priced = jnp.asarray(True)
    if futures.shortfall is not None:
        overhead = futures.shortfall.overhead
        priced = (futures.shortfall.price > 0) & jnp.isfinite(futures.shortfall.price)
        priced &= jnp.asarray(True) if overhead is None else overhead >= 0
    return jnp.all(mixture.over(futures, valid)) & jnp.all(futures.shares >= 0) & priced


@compiled
def _readings(futures: Futures, params: Leaf, tokens: Leaf, best: Draws | None, risk: AbstractRisk | None) -> Leaf:
    """The risk of the costs, or the costs themselves, over the best where it is given, of every model."""

    def of_model(params: Scalar, tokens: Scalar) -> Leaf:
        costs = mixture.outcomes(futures, log(params), log(tokens))
        costs = costs if best is None else costs / best
        return costs if risk is None else risk(costs, futures.shares)

    return _each(of_model, params, tokens)


@functools.partial(compiled, static_argnames=("function",))
def _of_models(futures: Futures, params: Leaf, tokens: Leaf, *, function: Callable[..., Scalar]) -> Leaf:
    return _each(functools.partial(function, futures), params, tokens)


def _reached(futures: Futures, params: Scalar, tokens: Scalar) -> Scalar:
    shares, gaps = futures.shares, mixture.misses(futures, params, tokens)
    return jnp.sum(jnp.where(gaps <= rounding(gaps) * _losses(futures), shares, 0))


def _expected_miss(futures: Futures, params: Scalar, tokens: Scalar) -> Scalar:
    return jnp.sum(futures.shares * mixture.misses(futures, params, tokens))


def _expected_spending(futures: Futures, params: Scalar, tokens: Scalar) -> Scalar:
    return jnp.sum(futures.shares * mixture.spending(futures, params, tokens))


def _each(of_model: Callable[..., Leaf], params: Leaf, tokens: Leaf) -> Leaf:
    """A function of one model for each of many."""
    results = jax.vmap(of_model)(params.ravel(), tokens.ravel())
    return results.reshape(params.shape + results.shape[1:])
