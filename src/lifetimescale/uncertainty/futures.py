"""What is not known when the model is trained: draws of the law, of demand and of prices."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.batch import elementwise
from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractCoupled, AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.planning import Plan, compute_optimal, plan
from lifetimescale.status import Status
from lifetimescale.sweeps.planner import ARGUMENTS, Planner, replaced
from lifetimescale.uncertainty.outcome import Shortfall, cheapest_miss
from lifetimescale.uncertainty.risk import Draws


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
        shapes = {leaf.shape for leaf in jax.tree.leaves((self.law, self.cost, self.loss, self.weights))} - {()}
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"draws of shapes {', '.join(map(str, shapes))} do not broadcast") from None

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

    def valid(self) -> Bool[Array, ""]:
        """Whether every number of every draw is in its domain."""

        def of_draw(law: AbstractLaw, cost: AbstractCost, loss: Scalar) -> Bool[Array, ""]:
            valid = cost.valid() & jnp.isfinite(loss)
            return valid & law.coupled().valid() if isinstance(law, AbstractCoupled) else valid

        valid = jnp.all(over(self, of_draw)) & jnp.all(self.shares >= 0)
        return valid if self.shortfall is None else valid & self.shortfall.valid()


def over(futures: Futures, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(law, cost, loss, *arguments) for every draw, in one row; arguments are the same for all."""
    dtype = futures.shares.dtype
    arguments = jax.tree.map(lambda leaf: leaf.astype(dtype), arguments)

    def of_draw(law: AbstractLaw, cost: AbstractCost, loss: Scalar) -> Any:
        return function(law, cost, loss, *arguments)

    drawn = elementwise(of_draw, futures.law, futures.cost, futures.loss)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, futures.shape).ravel(), drawn)


@jax.jit
def _best(futures: Futures) -> Draws:
    """The plan of each draw, or, where its last nat costs more than a miss, the cheapest model and its miss."""
    known = plan(futures.law, futures.cost, loss=futures.loss)
    reached = jnp.broadcast_to(known.total, futures.shape).ravel()
    if futures.shortfall is None:
        return reached
    price = futures.shortfall.price
    nat = jnp.broadcast_to(nat_price(futures), futures.shape).ravel()
    missed = over(futures, cheapest_miss, price)
    return jnp.where((known.status.ravel() == Status.OK) & (nat <= price), reached, missed)


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
