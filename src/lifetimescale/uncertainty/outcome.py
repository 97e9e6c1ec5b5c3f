"""What a model costs in one draw, and what it costs more if it misses its loss there: formulas for scalars."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractCoupled, AbstractLaw, Chinchilla
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.logarithm import log
from lifetimescale.planning.curves import LOG_PARAMS, LOG_TOKENS, LevelSet
from lifetimescale.planning.limits import allowed
from lifetimescale.roots import root
from lifetimescale.uncertainty.risk import soft_plus

FARTHEST = 700.0  # the logarithm of what stands for no end


class Shortfall(eqx.Module):
    """What it costs if the trained model misses its loss.

    It can be trained longer, where `overhead` says so, and stays as it is where the next nat would cost more than
    `price`: of N params, D planned tokens and D' >= D in the end,

        C(N, D') + overhead (C_tr(N, D') - C_tr(N, D)) + price max(0, L(N, D') - loss)

    at the D' of least cost: the tokens that reach the loss, or those whose last nat costs `price`, or D.

    Args:
        price: of a nat above the target loss, in the unit of the cost, one for all draws; k times what a nat costs at
            the margin of the plan, -d total/d loss, accepts about one miss in k.
        overhead: by how much a token trained later costs more than a planned one, a fraction >= 0; None where the model
            cannot be trained longer.
    """

    price: Leaf = eqx.field(converter=inexact)
    overhead: Leaf | None = eqx.field(converter=optional, default=None)

    def valid(self) -> Bool[Array, ""]:
        """Whether both numbers are in their domain."""
        valid = (self.price > 0) & jnp.isfinite(self.price)
        return valid if self.overhead is None else valid & (self.overhead >= 0)


class Softness(NamedTuple):
    """How wide kinks are made: as a share of what is counted in logarithms, and of the cost, in its unit."""

    share: Scalar
    cost: Scalar


def outcome(
    law: AbstractLaw,
    cost: AbstractCost,
    loss: Scalar,
    shortfall: Shortfall | None,
    log_params: Scalar,
    log_tokens: Scalar,
    softness: Softness | None = None,
) -> Scalar:
    """What a model costs in one draw, the miss included; inf for a miss that has no price."""
    if shortfall is None:
        params, tokens = jnp.exp(log_params), jnp.exp(log_tokens)
        reached = law.loss(params, tokens) <= loss * (1 + rounding(loss))
        return jnp.where(reached, spent(cost, params, tokens), jnp.inf)
    if shortfall.overhead is None:
        return missed(law, cost, loss, shortfall.price, log_params, log_tokens, softness)
    enough = _enough(law, cost, loss, shortfall.price, shortfall.overhead, log_params)
    trained = log_tokens + _plus(enough - log_tokens, None if softness is None else softness.share)
    params = jnp.exp(log_params)
    longer = cost.training(params, jnp.exp(trained)) - cost.training(params, jnp.exp(log_tokens))
    return missed(law, cost, loss, shortfall.price, log_params, trained, softness) + shortfall.overhead * longer


def missed(
    law: AbstractLaw,
    cost: AbstractCost,
    loss: Scalar,
    price: Scalar,
    log_params: Scalar,
    log_tokens: Scalar,
    softness: Softness | None = None,
) -> Scalar:
    """C(N, D) + price max(0, L(N, D) - loss)."""
    params, tokens = jnp.exp(log_params), jnp.exp(log_tokens)
    nats = None if softness is None else softness.cost / price
    return spent(cost, params, tokens) + price * _plus(law.loss(params, tokens) - loss, nats)


def spent(cost: AbstractCost, params: Scalar, tokens: Scalar) -> Scalar:
    """C(N, D), inf where the model cannot be served."""
    total = cost.total(params, tokens)
    return jnp.where(allowed(cost, params, tokens), total, jnp.inf) if cost.has_capacity else total


def rounding(number: Leaf) -> float:
    """What a loss may be above its target and still be it."""
    return 64 * float(jnp.finfo(number.dtype).eps)


def _plus(x: Scalar, softness: Scalar | None) -> Scalar:
    return jnp.maximum(x, 0) if softness is None else soft_plus(x, softness)


def _enough(
    law: AbstractLaw, cost: AbstractCost, loss: Scalar, price: Scalar, overhead: Scalar, log_params: Scalar
) -> Scalar:
    """log tokens that a model of such a size is trained on in the end, were none planned."""
    needed = _needed(law, loss, jnp.exp(log_params))
    worth = _last_nat_by_tokens(law, cost, price, log_params, overhead)
    return jnp.minimum(needed, jnp.where(jnp.isnan(worth), needed, worth))


def _needed(law: AbstractLaw, loss: Scalar, params: Scalar) -> Scalar:
    """log tokens that reach the loss."""
    if isinstance(law, AbstractCoupled):
        tokens = law.tokens_for(params, loss)
        reached = jnp.isfinite(tokens)
        return jnp.where(reached, log(jnp.where(reached, tokens, 1)), FARTHEST)
    tokens = LevelSet(law, loss).tokens_for(params)
    return jnp.where(jnp.isnan(tokens), FARTHEST, log(jnp.where(jnp.isnan(tokens), 1, tokens)))


def cheapest_miss(law: AbstractLaw, cost: AbstractCost, loss: Scalar, price: Scalar) -> Scalar:
    """Least C + price (L - loss): the model whose last nat costs `price`, by params as by tokens.

    Where that cannot be served it is the largest that can.
    """
    start = jnp.full_like(loss, LOG_PARAMS)
    log_params = root(_last_nat_by_params, start, (law, cost, price)).position
    if cost.has_capacity:
        largest = root(_capacity, start, cost).position
        log_params = jnp.fmin(log_params, largest)
    log_tokens = _last_nat_by_tokens(law, cost, price, log_params)
    return missed(law, cost, loss, price, log_params, log_tokens)


def _capacity(log_params: Scalar, cost: AbstractCost) -> Scalar:
    """How much of what can be served a size takes, as a logarithm."""
    return cost.limits(jnp.exp(log_params), jnp.ones_like(log_params)).capacity


def _last_nat_by_params(log_params: Scalar, arguments: Any) -> Scalar:
    """log of what the next nat costs by params over what it is worth, at the tokens that suit such a size."""
    law, cost, price = arguments
    log_tokens = _last_nat_by_tokens(law, cost, price, log_params)
    return _excess(law, cost.total, price, log_params, log_tokens, 0)


def _last_nat_by_tokens(
    law: AbstractLaw, cost: AbstractCost, price: Scalar, log_params: Scalar, overhead: Scalar | None = None
) -> Scalar:
    """log tokens of a model of such a size whose next nat of training costs `price`: (1 + o) C_D = -price L_D.

    In closed form where C_D = k_t N and L_D = -beta B/D^(beta + 1); else by a root.
    """
    overhead = jnp.zeros_like(price) if overhead is None else overhead
    if isinstance(law, Chinchilla) and cost.is_linear:
        by_tokens = cost.rates().training * (1 + overhead)
        return (log(law.beta * law.B * price) - log(by_tokens) - log_params) / (law.beta + 1)
    return root(_next_nat, jnp.full_like(price, LOG_TOKENS), (law, cost, price, log_params, overhead)).position


def _next_nat(log_tokens: Scalar, arguments: Any) -> Scalar:
    law, cost, price, log_params, overhead = arguments

    def longer(params: Scalar, tokens: Scalar) -> Scalar:
        return cost.total(params, tokens) + overhead * cost.training(params, tokens)

    return _excess(law, longer, price, log_params, log_tokens, 1)


def _excess(
    law: AbstractLaw, cost: Callable[..., Scalar], price: Scalar, log_params: Scalar, log_tokens: Scalar, by: int
) -> Scalar:
    """log of (dC/dx)/(-price dL/dx), x = log params (by=0) or log tokens (by=1)."""

    def slope(function: Callable[..., Scalar]) -> Scalar:
        return jax.grad(lambda n, d: function(jnp.exp(n), jnp.exp(d)), by)(log_params, log_tokens)

    return log(slope(cost)) - log(-slope(law.loss)) - log(price)
