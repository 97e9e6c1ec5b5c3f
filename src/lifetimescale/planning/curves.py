"""The curves of equal loss and of equal cost, each with a position along it.

A position is any real number; params fall and tokens grow as it rises, and it covers the whole curve, so the search
for the best model needs neither the curve's ends nor a bracket.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, UInt8

from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractLaw, Coupled
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log, softplus
from lifetimescale.roots import root
from lifetimescale.status import Status

LOG_RATIO = 3.0  # log of 20 tokens per param
LOG_SCALE = 22.0  # half of log(N D) at 1e9 params and 1e10 tokens, where the searches of a level set begin


class AbstractCurve(eqx.Module):
    """A curve of equal loss or of equal cost in the plane of log params and log tokens."""

    @abc.abstractmethod
    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        """(log params, log tokens) at a position."""

    @abc.abstractmethod
    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        """The position of a point of the curve."""

    @abc.abstractmethod
    def start(self) -> Scalar:
        """A position near the optimum's."""

    @abc.abstractmethod
    def exists(self) -> Bool[Array, ""]:
        """Whether any model is on the curve."""

    @abc.abstractmethod
    def tokens_for(self, params: Scalar) -> Scalar:
        """The tokens of the model of a given size; inf or NaN if none is on the curve."""

    @abc.abstractmethod
    def params_for(self, tokens: Scalar) -> Scalar:
        """The params of the model on given tokens; inf or NaN if none is on the curve."""


class CoupledLoss(AbstractCurve):
    """Equal loss under a coupled law, by the logit z of the share of params in the excess x = A/N^alpha + B/D^beta.

    log N = (log A - log x + softplus(-z))/alpha,    log D = (log B - log x + softplus(z))/beta

    Neither term is ever the difference of the other and x, so nothing cancels however small one of them is.
    """

    law: Coupled
    loss: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        log_excess = self.law.log_excess(self.loss)
        log_params = (log(self.law.A) - log_excess + softplus(-position)) / self.law.alpha
        log_tokens = (log(self.law.B) - log_excess + softplus(position)) / self.law.beta
        return log_params, log_tokens

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        law = self.law
        return log(law.A) - law.alpha * log_params - log(law.B) + law.beta * log_tokens

    def start(self) -> Scalar:
        return log(self.law.beta / self.law.alpha)

    def exists(self) -> Bool[Array, ""]:
        return self.loss > self.law.E

    def tokens_for(self, params: Scalar) -> Scalar:
        return self.law.tokens_for(params, self.loss)

    def params_for(self, tokens: Scalar) -> Scalar:
        return self.law.params_for(tokens, self.loss)


class LevelSet(AbstractCurve):
    """Where any monotone function of params and tokens has a given level, by the log of tokens per param.

    Along each such ray the function is monotone in scale, so the curve crosses it once, if it exists at all.
    """

    function: AbstractLaw | AbstractCost
    level: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        scale = root(_on_ray, self._log_scale(), (self.function, self.level, position)).position
        return scale - position / 2, scale + position / 2

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return log_tokens - log_params

    def start(self) -> Scalar:
        return jnp.full_like(self.level, LOG_RATIO)

    def exists(self) -> Bool[Array, ""]:
        return self._status() == Status.OK

    def tokens_for(self, params: Scalar) -> Scalar:
        return jnp.exp(root(_at_params, self._log_scale(), (self.function, self.level, log(params))).position)

    def params_for(self, tokens: Scalar) -> Scalar:
        return jnp.exp(root(_at_tokens, self._log_scale(), (self.function, self.level, log(tokens))).position)

    def _log_scale(self) -> Scalar:
        return jnp.full_like(self.level, LOG_SCALE)

    def _status(self) -> UInt8[Array, ""]:
        return root(_on_ray, self._log_scale(), (self.function, self.level, self.start())).status


class LinearCost(AbstractCurve):
    """Equal cost where C = N (k_t D + k_i): a `LevelSet` whose ends are in closed form."""

    cost: AbstractCost
    budget: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        return self._level_set().point(position)

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return self._level_set().position(log_params, log_tokens)

    def start(self) -> Scalar:
        return self._level_set().start()

    def exists(self) -> Bool[Array, ""]:
        return self.budget > 0

    def tokens_for(self, params: Scalar) -> Scalar:
        rates = self.cost.rates()
        return (self.budget / params - rates.serving) / rates.training

    def params_for(self, tokens: Scalar) -> Scalar:
        rates = self.cost.rates()
        return self.budget / (rates.training * tokens + rates.serving)

    def _level_set(self) -> LevelSet:
        return LevelSet(self.cost, self.budget)


def _beyond(function: AbstractLaw | AbstractCost, level: Scalar, log_params: Scalar, log_tokens: Scalar) -> Scalar:
    """Negative where the model is too small for the level (its loss above it, or its cost below it)."""
    ratio = log(value_at(function, jnp.exp(log_params), jnp.exp(log_tokens))) - log(level)
    return -ratio if isinstance(function, AbstractLaw) else ratio


def value_at(function: AbstractLaw | AbstractCost, params: Scalar, tokens: Scalar) -> Scalar:
    """The loss of a law or the total of a cost, for one model."""
    return function.loss(params, tokens) if isinstance(function, AbstractLaw) else function.total(params, tokens)


def _on_ray(scale, arguments):
    function, level, position = arguments
    return _beyond(function, level, scale - position / 2, scale + position / 2)


def _at_params(log_tokens, arguments):
    function, level, log_params = arguments
    return _beyond(function, level, log_params, log_tokens)


def _at_tokens(log_params, arguments):
    function, level, log_tokens = arguments
    return _beyond(function, level, log_params, log_tokens)
