"""A model chosen before it is known how good it will be and how much it will be used, and what that costs."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, UInt8

from lifetimescale.compilation import compiled
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log
from lifetimescale.status import Status
from lifetimescale.uncertainty import mixture, report
from lifetimescale.uncertainty.futures import Futures
from lifetimescale.uncertainty.outcome import rounding
from lifetimescale.uncertainty.risk import AbstractRisk, Draws, Mean, as_risk


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
        return _never_negative(self.costs - self._best_of_each, self._best_of_each)

    @property
    def overpays(self) -> Leaf:
        """costs/best - 1 of every draw: regret as a fraction of the least cost."""
        return _never_negative(self.costs / self._best_of_each - 1, 1.0)

    @property
    def expected_cost(self) -> Leaf:
        """The mean cost, misses included."""
        return self.risk("mean")

    @property
    def expected_regret(self) -> Leaf:
        """The mean regret, in the unit of the cost: what it would be worth to know the draw (perfect information)."""
        cost = self.expected_cost
        return _never_negative(cost - Mean()(self.best, self.futures.shares), cost)

    @property
    def expected_overpay(self) -> Leaf:
        """The mean regret as a fraction of the least cost of each draw."""
        return _never_negative(_readings(self.futures, self.params, self.tokens, self.best, Mean()) - 1, 1.0)

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
        measure = as_risk(measure)
        best = self.best if measure.of_regret else None
        found = _readings(self.futures, self.params, self.tokens, best, measure)
        return _never_negative(found, 1.0) if measure.of_regret else found

    def quantiles(self, shares: ArrayLike) -> Leaf:
        """The cost that such shares of the draws stay within, of a single model.

        Raises:
            ValueError: there are many models.
        """
        if self.params.ndim:
            raise ValueError(f"quantiles are of a single model, not of models of shape {self.params.shape}: take one")
        order = jnp.argsort(self.costs)
        below = jnp.cumsum(self.futures.shares[order])
        places = jnp.searchsorted(below, inexact(shares).astype(below.dtype) * (1 - rounding(below)))
        return self.costs[order][jnp.minimum(places, len(below) - 1)]

    def __str__(self) -> str:
        return report.describe(self)


def judge(futures: Futures, *, params: ArrayLike, tokens: ArrayLike) -> Decision:
    """Any models of one's own as decisions: what they cost in expectation, at worst, and in regret.

    Args:
        futures: the draws.
        params: N, of any shape.
        tokens: D, planned; broadcast with params. Models that are none, or futures outside their domain, are NaN.
    """
    shape = jnp.broadcast_shapes(jnp.shape(params), jnp.shape(tokens))
    params, tokens = (jnp.broadcast_to(inexact(number), shape) for number in (params, tokens))
    valid = (params > 0) & (tokens > 0) & jnp.isfinite(params) & jnp.isfinite(tokens) & _is_valid(futures)
    params, tokens = (jnp.where(valid, number, jnp.nan) for number in (params, tokens))
    return Decision(futures, params, tokens, jnp.where(valid, Status.OK, Status.INVALID).astype(jnp.uint8))


_is_valid = jax.jit(lambda futures: futures.valid())


def _never_negative(regret: Leaf, size: Leaf | float) -> Leaf:
    """Regret, 0 where it is below 0 by no more than rounding of such a size."""
    return jnp.where((regret < 0) & (regret >= -rounding(regret) * size), 0, regret)


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
    return jnp.sum(jnp.where(gaps <= rounding(gaps) * mixture.losses(futures), shares, 0))


def _expected_miss(futures: Futures, params: Scalar, tokens: Scalar) -> Scalar:
    return jnp.sum(futures.shares * mixture.misses(futures, params, tokens))


def _expected_spending(futures: Futures, params: Scalar, tokens: Scalar) -> Scalar:
    return jnp.sum(futures.shares * mixture.spending(futures, params, tokens))


def _each(of_model: Callable[..., Leaf], params: Leaf, tokens: Leaf) -> Leaf:
    """A function of one model for each of many."""
    results = jax.vmap(of_model)(params.ravel(), tokens.ravel())
    return results.reshape(params.shape + results.shape[1:])
