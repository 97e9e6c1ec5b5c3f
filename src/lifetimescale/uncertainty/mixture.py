"""Draws as one cost and as one law: the risk of a family of costs is a cost, the quality of one of laws is a law."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lifetimescale.costs import AbstractCost, Limits, Rates
from lifetimescale.laws import AbstractLaw, Chinchilla
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.logarithm import log
from lifetimescale.uncertainty.futures import Futures, over
from lifetimescale.uncertainty.outcome import Softness, outcome, spent
from lifetimescale.uncertainty.risk import AbstractRisk, Draws, Mean, soft_terms


class RiskyCost(AbstractCost):
    """The risk of what a model costs; of what is spent alone where a miss has no price."""

    futures: Futures
    risk: AbstractRisk
    best: Draws | None

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.risk(measured(self.futures, self.best, log(params), log(tokens)), self.futures.shares)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    @property
    def has_capacity(self) -> bool:
        return self.futures.cost.has_capacity

    @property
    def unit(self) -> str:
        return self.futures.cost.unit

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        """Those of the draw that uses most of them."""
        drawn = over(self.futures, lambda law, cost, loss, params, tokens: cost.limits(params, tokens), params, tokens)
        return Limits(jnp.max(drawn.time), jnp.max(drawn.capacity))

    @property
    def is_linear(self) -> bool:
        """The mean of costs N (k_t D + k_i) is of that form too."""
        return self.futures.cost.is_linear and isinstance(self.risk, Mean) and self.futures.shortfall is None

    def rates(self) -> Rates:
        """The mean k_t and k_i."""
        drawn = over(self.futures, lambda law, cost, loss: cost.rates())
        shares = self.futures.shares
        return Rates(jnp.sum(shares * drawn.training), jnp.sum(shares * drawn.serving))


class DrawnQuality(AbstractLaw):
    """middle + the mean, or a quantile, of L_i(N, D) - loss_i: at most `middle` where the quality holds.

    Args:
        futures: the draws.
        middle: the mean of loss_i.
        probability: with which the loss must be reached; None for the mean.
    """

    futures: Futures
    middle: Leaf
    probability: Leaf | None

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        gaps = misses(self.futures, params, tokens)
        shares = self.futures.shares
        if self.probability is None:
            return self.middle + jnp.sum(shares * gaps)
        order = jnp.argsort(gaps)
        reached = jnp.cumsum(shares[order]) < self.probability * (1 - jnp.finfo(gaps.dtype).eps * len(gaps))
        return self.middle + gaps[order][jnp.sum(reached)]


def losses(futures: Futures) -> Draws:
    """The target of every draw."""
    return over(futures, lambda law, cost, loss: loss)


def misses(futures: Futures, params: Scalar, tokens: Scalar) -> Draws:
    """L - loss of a model, in nats."""

    def miss(law: AbstractLaw, cost: AbstractCost, loss: Scalar, params: Scalar, tokens: Scalar) -> Scalar:
        return law.loss(params, tokens) - loss

    return over(futures, miss, params, tokens)


def spending(futures: Futures, params: Scalar, tokens: Scalar) -> Draws:
    """C(N, D) of a model, whatever loss it reaches."""

    def of_draw(law: AbstractLaw, cost: AbstractCost, loss: Scalar, params: Scalar, tokens: Scalar) -> Scalar:
        return spent(cost, params, tokens)

    return over(futures, of_draw, params, tokens)


def outcomes(futures: Futures, log_params: Scalar, log_tokens: Scalar) -> Draws:
    """What a model costs in every draw, misses included."""
    return over(futures, outcome, futures.shortfall, log_params, log_tokens)


def measured(futures: Futures, best: Draws | None, log_params: Scalar, log_tokens: Scalar) -> Draws:
    """What a risk is taken of: costs, or, where the best is given, costs over it."""
    if futures.shortfall is None:
        costs = spending(futures, jnp.exp(log_params), jnp.exp(log_tokens))
    else:
        costs = outcomes(futures, log_params, log_tokens)
    return costs if best is None else costs / best


def expanded(
    futures: Futures, best: Draws | None, log_params: Scalar, log_tokens: Scalar, softness: Softness
) -> tuple[Draws, tuple[Draws, Draws], tuple[Draws, Draws, Draws]]:
    """`measured` without kinks, its slopes by log params and log tokens, and its second derivatives (nn, nd, dd)."""

    def of_draw(law: AbstractLaw, cost: AbstractCost, loss: Scalar, shortfall: Any, n: Scalar, d: Scalar, s: Softness):
        if isinstance(law, Chinchilla) and cost.is_linear and shortfall.overhead is None:
            return _expanded_exactly(law, cost.rates(), loss, shortfall.price, n, d, s.cost / shortfall.price)

        def value(n: Scalar, d: Scalar) -> Scalar:
            return outcome(law, cost, loss, shortfall, n, d, s)

        by_params, by_tokens = _along(value, 0), _along(value, 1)
        bends = _along(by_params, 0)(n, d), _along(by_params, 1)(n, d), _along(by_tokens, 1)(n, d)
        return value(n, d), (by_params(n, d), by_tokens(n, d)), bends

    drawn = over(futures, of_draw, futures.shortfall, log_params, log_tokens, softness)
    return drawn if best is None else jax.tree.map(lambda costs: costs / best, drawn)


def _expanded_exactly(law: Chinchilla, rates: Rates, loss: Scalar, price: Scalar, n: Scalar, d: Scalar, s: Scalar):
    """The same of N (k_t D + k_i) + price max(0, L - loss) in closed form: XLA makes of it a tenth of the kernels."""
    by_size, by_length = law.A * jnp.exp(-law.alpha * n), law.B * jnp.exp(-law.beta * d)
    miss, above, near = soft_terms(law.E - loss + by_size + by_length, s)
    training, serving = rates.training * jnp.exp(n + d), rates.serving * jnp.exp(n)
    loss_n, loss_d = -law.alpha * by_size, -law.beta * by_length
    by_params = training + serving + price * above * loss_n
    by_tokens = training + price * above * loss_d
    bends = (
        training + serving + price * (near * loss_n * loss_n - above * law.alpha * loss_n),
        training + price * near * loss_n * loss_d,
        training + price * (near * loss_d * loss_d - above * law.beta * loss_d),
    )
    return training + serving + price * miss, (by_params, by_tokens), bends


def _along(function: Callable[[Scalar, Scalar], Scalar], place: int) -> Callable[[Scalar, Scalar], Scalar]:
    """The derivative by one of two numbers, in forward mode; what does not depend on it drops out of the program."""

    def slope(n: Scalar, d: Scalar) -> Scalar:
        if place == 0:
            return jax.jvp(lambda n: function(n, d), (n,), (jnp.ones_like(n),))[1]
        return jax.jvp(lambda d: function(n, d), (d,), (jnp.ones_like(d),))[1]

    return slope
