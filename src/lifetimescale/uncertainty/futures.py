"""What is not known when the model is trained: draws of the law, of demand and prices, and what a miss then costs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from lifetimescale.batch import elementwise
from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractCoupled, AbstractLaw, Chinchilla
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.logarithm import log
from lifetimescale.planning import Plan, compute_optimal, plan
from lifetimescale.planning.curves import LOG_PARAMS, LOG_TOKENS, LevelSet
from lifetimescale.planning.limits import allowed
from lifetimescale.roots import root
from lifetimescale.status import Status
from lifetimescale.sweeps.planner import ARGUMENTS, Planner, replaced
from lifetimescale.uncertainty.risk import Draws, soft_plus

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


class Futures(eqx.Module):
    """A decision to be made before the law, the demand or the prices are known.

    Every number of law, cost and loss is one number, or an array of draws; they broadcast, and coefficients of one draw
    belong together, as `law_draws` and `bootstrap` give them. Demand and prices alone may be uncertain too.

    Args:
        law: the loss law, or draws of it.
        cost: the lifetime cost, or draws of it.
        loss: the target; per draw, such as `compute_optimal(law, params=13e9).loss`, or one for all.
        weights: of the draws, in any unit; alike by default.
        shortfall: what a miss costs; None where the loss must be reached, and no number stands for less.

    Raises:
        ValueError: the cost has a deadline, which a decision does not keep; the draws of two numbers are not as many;
            or the price of a miss has draws of its own.
    """

    law: AbstractLaw
    cost: AbstractCost
    loss: Leaf = eqx.field(converter=inexact)
    weights: Leaf | None = eqx.field(converter=optional, default=None)
    shortfall: Shortfall | None = None

    @staticmethod
    def of(
        planner: Planner,
        numbers: Mapping[str, ArrayLike],
        *,
        weights: ArrayLike | None = None,
        shortfall: Shortfall | None = None,
    ) -> "Futures":
        """The futures of a planner: its law, cost and target, with draws of numbers by name.

        A target `like` is the loss of the compute-optimal model of so many params by the law of each draw.

        Args:
            planner: with one cost, and a target loss or like, which may be among the numbers.
            numbers: draws by name, as the columns of `Scenarios` or what `Forecasts.sample` gives.
            weights: of the draws.
            shortfall: what a miss costs.

        Raises:
            ValueError: a name means no number, or several, or the target is none of the two, or bounds are given.
        """
        given = planner.given | {name: inexact(value) for name, value in numbers.items() if name in ARGUMENTS}
        leaves = {name: inexact(value) for name, value in numbers.items() if name not in ARGUMENTS}
        if isinstance(planner.cost, Mapping) or set(given) not in ({"loss"}, {"like"}):
            named = " and ".join(given) or "none"
            raise ValueError(f"a decision under uncertainty has one cost and one target, loss or like, not {named}")
        law, cost = replaced(planner.law, planner.cost, leaves)
        loss = given["loss"] if "loss" in given else compute_optimal(law, params=given["like"]).loss
        return Futures(law, cost, loss, weights, shortfall)

    def __check_init__(self):
        if self.cost.has_deadline:
            raise ValueError("a deadline of training is not kept under uncertainty: leave out chips and days")
        if any(leaf.ndim for leaf in jax.tree.leaves(self.shortfall)):
            raise ValueError("a miss has one price and one overhead for all draws: give numbers, not arrays")
        try:
            self.shape  # noqa: B018
        except ValueError:
            shapes = {leaf.shape for leaf in jax.tree.leaves((self.law, self.cost, self.loss, self.weights))}
            raise ValueError(f"draws of shapes {', '.join(map(str, shapes - {()}))} do not broadcast") from None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the draws."""
        drawn = (self.law, self.cost, self.loss, self.weights)
        return np.broadcast_shapes(*(leaf.shape for leaf in jax.tree.leaves(drawn)))

    @property
    def shares(self) -> Draws:
        """The weight of every draw, of a sum of 1, in one row."""
        dtype = jnp.result_type(*jax.tree.leaves((self.law, self.cost, self.loss)))
        weights = jnp.ones((), dtype) if self.weights is None else self.weights.astype(dtype)
        weights = jnp.broadcast_to(weights, self.shape).ravel()
        return weights / jnp.sum(weights)

    @property
    def knows_law(self) -> bool:
        """Whether law and loss are one for all draws."""
        return all(leaf.ndim == 0 for leaf in jax.tree.leaves((self.law, self.loss)))

    @property
    def best(self) -> Draws:
        """The least cost of each draw, if it were known: what regret is measured from."""
        return _best(self)


def over(futures: Futures, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(law, cost, loss, *arguments) for every draw, in one row; arguments are the same for all."""
    dtype = futures.shares.dtype
    arguments = jax.tree.map(lambda leaf: leaf.astype(dtype), arguments)

    def of_draw(law: AbstractLaw, cost: AbstractCost, loss: Scalar) -> Any:
        return function(law, cost, loss, *arguments)

    drawn = elementwise(of_draw, futures.law, futures.cost, futures.loss)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, futures.shape).ravel(), drawn)


def outcome(
    law: AbstractLaw,
    cost: AbstractCost,
    loss: Scalar,
    shortfall: Shortfall | None,
    log_params: Scalar,
    log_tokens: Scalar,
    softness: "Softness | None" = None,
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
    softness: "Softness | None" = None,
) -> Scalar:
    """C(N, D) + price max(0, L(N, D) - loss)."""
    params, tokens = jnp.exp(log_params), jnp.exp(log_tokens)
    nats = None if softness is None else softness.cost / price
    return spent(cost, params, tokens) + price * _plus(law.loss(params, tokens) - loss, nats)


def spent(cost: AbstractCost, params: Scalar, tokens: Scalar) -> Scalar:
    """C(N, D), inf where the model cannot be served."""
    total = cost.total(params, tokens)
    return jnp.where(allowed(cost, params, tokens), total, jnp.inf) if cost.has_capacity else total


class Softness(NamedTuple):
    """How wide kinks are made: as a share of what is counted in logarithms, and of the cost, in its unit."""

    share: Scalar
    cost: Scalar


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


@jax.jit
def _best(futures: Futures) -> Draws:
    """The plan of each draw, or, where its last nat costs more than a miss, the cheapest model and its miss."""
    known = plan(futures.law, futures.cost, loss=futures.loss)
    reached = jnp.broadcast_to(known.total, futures.shape).ravel()
    if futures.shortfall is None:
        return reached
    price = futures.shortfall.price
    nat = jnp.broadcast_to(nat_price(futures), futures.shape).ravel()
    missed = over(futures, _cheapest_miss, price)
    return jnp.where((known.status.ravel() == Status.OK) & (nat <= price), reached, missed)


def _cheapest_miss(law: AbstractLaw, cost: AbstractCost, loss: Scalar, price: Scalar) -> Scalar:
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


def nat_price(futures: Futures) -> Leaf:
    """-d total/d loss of the plan of each draw: what the last nat costs."""

    def total(loss: Leaf) -> Leaf:
        return plan(futures.law, futures.cost, loss=loss).total

    loss = jnp.broadcast_to(futures.loss, futures.shape)
    return -jax.jvp(total, (loss,), (jnp.ones_like(loss),))[1]


def central(futures: Futures) -> Plan:
    """The plan of the middle of all draws: of the mean of each number, in logarithms where all are positive."""

    def middle(leaf: Leaf) -> Leaf:
        positive = jnp.all(leaf > 0)
        geometric = jnp.exp(jnp.mean(jnp.log(jnp.where(positive, leaf, 1))))
        return jnp.where(positive, geometric, jnp.mean(leaf)).astype(leaf.dtype)

    law, cost, loss = jax.tree.map(middle, (futures.law, futures.cost, futures.loss))
    return plan(law, cost, loss=loss)
