"""What is made of an uncertain cost, one number: its mean, the mean of its worst part, or the worst regret."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.units import parse_number

Draws = Float[Array, " n"]
"""One number of every draw."""


class AbstractRisk(eqx.Module):
    """A measure of risk: a function of the costs of all draws that is convex and falls where they all fall."""

    @property
    def of_regret(self) -> bool:
        """Whether it measures the costs over those of the best decision of each draw."""
        return False

    @property
    def tail(self) -> Scalar | None:
        """The share of the draws, the worst, whose mean it is; None for any other measure."""
        return None

    @abc.abstractmethod
    def __call__(self, costs: Draws, weights: Draws) -> Scalar:
        """The risk of costs whose weights sum to 1."""


class Mean(AbstractRisk):
    """sum_i w_i c_i: what it costs on average."""

    @property
    def tail(self) -> Scalar:
        return jnp.ones(())

    def __call__(self, costs: Draws, weights: Draws) -> Scalar:
        return jnp.sum(jnp.where(weights > 0, weights * costs, 0))


class CVaR(AbstractRisk):
    """The mean cost of the worst draws, a share 1 - level of all: conditional value at risk.

    min over t of t + sum_i w_i max(c_i - t, 0)/(1 - level) (Rockafellar and Uryasev 2000, doi:10.21314/JOR.2000.038).

    Args:
        level: in [0, 1); 0.9 is the mean of the worst tenth, 0 the mean of all.
    """

    level: Leaf = eqx.field(converter=inexact)

    @property
    def tail(self) -> Scalar:
        return 1 - self.level

    def __call__(self, costs: Draws, weights: Draws) -> Scalar:
        worst_first = jnp.argsort(-costs)
        costs, weights = costs[worst_first], weights[worst_first]
        tail = least_tail(self.tail, weights)
        worse = jnp.cumsum(weights) - weights
        within = jnp.clip(tail - worse, 0, weights)
        return jnp.sum(jnp.where(within > 0, within * costs, 0)) / tail


class WorstRegret(AbstractRisk):
    """max_i c_i/b_i - 1, with b_i the cost of the best decision if draw i were known: what hindsight may say at worst.

    Savage 1951 (doi:10.1080/01621459.1951.10500768). Draws of weight 0 do not count.
    """

    @property
    def of_regret(self) -> bool:
        return True

    def __call__(self, costs: Draws, weights: Draws) -> Scalar:
        return jnp.max(jnp.where(weights > 0, costs, -jnp.inf)) - 1


def least_tail(tail: Scalar, weights: Draws) -> Scalar:
    """A tail no thinner than the lightest draw, whose mean is that of every thinner one if it is the worst."""
    return jnp.maximum(tail.astype(weights.dtype), jnp.min(jnp.where(weights > 0, weights, jnp.inf)))


def soft_terms(x: Leaf, softness: Scalar) -> tuple[Leaf, Leaf, Leaf]:
    """max(x, 0) without its kink, s above it there, and its two derivatives.

    (x + r)/2, (1 + x/r)/2 and 2 s^2/r^3 with r = sqrt(x^2 + 4 s^2) (Chen and Harker; Kanzow; Smale).
    """
    square = x * x + 4 * softness * softness
    inverse = jax.lax.rsqrt(square)
    return (x + square * inverse) / 2, (1 + x * inverse) / 2, 2 * softness * softness * inverse * inverse * inverse


@jax.custom_jvp
def soft_plus(x: Leaf, softness: Scalar) -> Leaf:
    """The first of `soft_terms`, with the others for derivatives, but none with respect to s."""
    return soft_terms(x, softness)[0]


@soft_plus.defjvp
def _soft_plus_jvp(primals, tangents):
    return soft_plus(*primals), _soft_step(*primals) * tangents[0]


@jax.custom_jvp
def _soft_step(x: Leaf, softness: Scalar) -> Leaf:
    return soft_terms(x, softness)[1]


@_soft_step.defjvp
def _soft_step_jvp(primals, tangents):
    return _soft_step(*primals), soft_terms(*primals)[2] * tangents[0]


def as_risk(risk: str | AbstractRisk) -> AbstractRisk:
    """A measure of risk, which may be given in words."""
    return parse_risk(risk) if isinstance(risk, str) else risk


def parse_risk(text: str) -> AbstractRisk:
    """A measure of risk in words: "mean", "cvar:0.9" or "regret".

    Raises:
        ValueError: it is none of these, or the level is not in [0, 1).

    >>> print(parse_risk("cvar:90%").level)
    0.9
    """
    kind, _, level = (word.strip() for word in text.partition(":"))
    if kind in ("mean", "regret") and not level:
        return Mean() if kind == "mean" else WorstRegret()
    if kind != "cvar" or not level:
        raise ValueError(f"no risk {text!r}: write mean, cvar:0.9 or regret")
    share = parse_number(level)
    if not 0 <= share < 1:
        raise ValueError(f"a level of {level} is out of range: give a share of 0 or more and below 1, like cvar:0.9")
    return CVaR(share)
