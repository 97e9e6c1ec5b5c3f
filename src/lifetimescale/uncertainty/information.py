"""What it is worth to know more before deciding."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.uncertainty.deciding import decide
from lifetimescale.uncertainty.decision import Decision
from lifetimescale.uncertainty.futures import Futures
from lifetimescale.uncertainty.outcome import Shortfall
from lifetimescale.units import is_whole


class Knowledge(eqx.Module):
    """The decisions that would be made with more knowledge, and what they would save.

    Args:
        params: N for each thing that could be learnt, from its least value to its greatest.
        tokens: D, likewise.
        weights: how probable each is.
        expected_cost: mean cost if it is learnt before the decision; of what is spent, where a miss has no price.
        value: the mean cost of deciding now, less that: never negative, but for a quality, which every group must keep.
    """

    params: Float[Array, " groups"]
    tokens: Float[Array, " groups"]
    weights: Float[Array, " groups"]
    expected_cost: Scalar
    value: Scalar


def value_of_knowing(
    futures: Futures, number: ArrayLike, *, groups: float | int = 8, quality: str | float | None = None
) -> Knowledge:
    """What it is worth, in the unit of the cost, to know a number better before the model is chosen.

    min over N, D of E c - E min over N, D of E[c | group]: the expected value of information, the number known to lie
    within one of so many groups of equally many draws (Strong, Oakley and Brennan 2014, doi:10.1177/0272989X13505910,
    call so many groups few: each must hold enough draws to stand for all that the number leaves open).

    Args:
        futures: the draws, along one axis.
        number: that would be known, one of every draw: the demand, a price, a coefficient.
        groups: that it would be known to lie in one of: 2 is whether it is above or below its median.
        quality: as in `decide`.

    Raises:
        ValueError: the draws are not one row, the number is not one of each, or they do not divide into the groups.

    >>> import lifetimescale as lts
    >>> law, demand = lts.law("besiroglu2024"), jax.numpy.logspace(11.5, 13, 64)
    >>> known = lts.value_of_knowing(lts.Futures(law, lts.Flops(demand), 2.1), demand, groups=2)
    >>> bool(known.value > 0)
    True
    """
    number, quality = inexact(number), quality if quality is None or isinstance(quality, str) else float(quality)
    if len(futures.shape) != 1 or number.shape != futures.shape:
        raise ValueError(f"draws of shape {futures.shape} and a number of shape {number.shape}: give one of each draw")
    if not is_whole(groups) or groups < 1 or futures.shape[0] % groups:
        raise ValueError(f"{futures.shape[0]} draws do not divide into {groups} groups alike: take another number")
    order = jnp.argsort(number)

    def grouped(leaf: Leaf) -> Leaf:
        return jnp.broadcast_to(leaf, futures.shape)[order].reshape(int(groups), -1) if leaf.ndim else leaf

    parts = Futures(*jax.tree.map(grouped, (futures.law, futures.cost, futures.loss, futures.shares)))
    params, tokens, costs = _decided_by_group(parts, futures.shortfall, quality=quality)
    weights = jnp.sum(grouped(futures.shares), axis=1)
    expected = jnp.sum(jnp.where(weights > 0, weights * costs, 0))
    return Knowledge(params, tokens, weights, expected, _mean(decide(futures, quality=quality)) - expected)


def _mean(choice: Decision) -> Scalar:
    """What a decision costs on average, or spends where a miss has no price."""
    futures = choice.futures
    spent = futures.shortfall is None and not futures.knows_law
    return choice.expected_spending if spent else choice.expected_cost


@functools.partial(jax.jit, static_argnames=("quality",))
def _decided_by_group(
    parts: Futures, shortfall: Shortfall | None, *, quality: str | float | None
) -> tuple[Leaf, Leaf, Leaf]:
    """N, D and the expected cost of each group, along the first axis of what varies.

    One group after another: side by side, every one would wait for golden sections that none of them needs.
    """
    varying, same = eqx.partition(parts, lambda leaf: leaf.ndim > 0)

    def decided(varying: Futures) -> tuple[Leaf, Leaf, Scalar]:
        part = eqx.combine(varying, same)
        choice = decide(Futures(part.law, part.cost, part.loss, part.weights, shortfall), quality=quality)
        return choice.params, choice.tokens, _mean(choice)

    return jax.lax.map(decided, varying)
