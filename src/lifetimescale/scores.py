"""From a loss to a benchmark score and back, so that a plan can be asked for by a score."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.batch import elementwise
from lifetimescale.leaves import Leaf, Scalar, inexact


class AbstractScore(eqx.Module):
    """A map from loss to score, monotone, written for one loss; called, it takes any numbers of them.

    The loss is in the unit of the law that it is used with. `plan(law, cost, loss=score.loss_for(0.3))` is the cheapest
    model of a score of 0.3.
    """

    @abc.abstractmethod
    def score(self, loss: Scalar) -> Scalar:
        """The score at a loss."""

    @abc.abstractmethod
    def inverse(self, score: Scalar) -> Scalar:
        """The loss at a score; NaN where the map has no such score."""

    def __call__(self, loss: ArrayLike) -> Leaf:
        """The scores of any numbers of losses."""
        return _scores(self, inexact(loss))

    def loss_for(self, score: ArrayLike) -> Leaf:
        """The losses at which models have these scores; NaN where the map has no such score."""
        return _losses(self, inexact(score))


class ExponentialScore(AbstractScore):
    """S = worst + gain exp(-rate L).

    Gadre et al. 2024 (arXiv:2403.08540, equation 5) for the average error of many tasks,
    err = epsilon - k exp(-gamma L): worst = epsilon, gain = -k, rate = gamma.

    Args:
        worst: the score at a high loss: what chance gives.
        gain: > 0 where a higher score is better (accuracy), < 0 for an error.
        rate: > 0, per unit of loss.
    """

    worst: Leaf = eqx.field(converter=inexact)
    gain: Leaf = eqx.field(converter=inexact)
    rate: Leaf = eqx.field(converter=inexact)

    def score(self, loss: Scalar) -> Scalar:
        return self.worst + self.gain * jnp.exp(-self.rate * loss)

    def inverse(self, score: Scalar) -> Scalar:
        share = (score - self.worst) / self.gain
        return -_log(share) / self.rate


class SigmoidScore(AbstractScore):
    """S = worst + (best - worst)/(1 + exp(rate (L - middle))).

    The second step of Llama 3 (arXiv:2407.21783, section 3.2.1), from loss to accuracy.

    Args:
        worst: the score at a high loss: what chance gives.
        best: the score at a low loss.
        rate: > 0, per unit of loss.
        middle: the loss half-way between the two.
    """

    worst: Leaf = eqx.field(converter=inexact)
    best: Leaf = eqx.field(converter=inexact)
    rate: Leaf = eqx.field(converter=inexact)
    middle: Leaf = eqx.field(converter=inexact)

    def score(self, loss: Scalar) -> Scalar:
        return self.worst + (self.best - self.worst) * jax.nn.sigmoid(self.rate * (self.middle - loss))

    def inverse(self, score: Scalar) -> Scalar:
        odds = (self.best - score) / (score - self.worst)
        return self.middle + _log(odds) / self.rate


def _log(x: Scalar) -> Scalar:
    """The logarithm; NaN, in value and derivative, where there is none."""
    positive = (x > 0) & (x < jnp.inf)
    return jnp.log(jnp.where(positive, x, 1)) + x * jnp.where(positive, 0, jnp.nan)


@jax.jit
def _scores(score: AbstractScore, loss: Leaf) -> Leaf:
    return elementwise(lambda score, loss: score.score(loss), score, loss)


@jax.jit
def _losses(score: AbstractScore, value: Leaf) -> Leaf:
    return elementwise(lambda score, value: score.inverse(value), score, value)
