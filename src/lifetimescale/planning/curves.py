"""The curves of equal loss and of equal cost, each with a position along it.

A position is any real number; params fall and tokens grow as it rises, and it covers the whole curve, so the search
for the best model needs neither the curve's ends nor a bracket.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractEffective, AbstractLaw, Coupled, Logs
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log, softplus
from lifetimescale.roots import root

LOG_RATIO = 3.0  # log of 20 tokens per param
LOG_PARAMS, LOG_TOKENS = 22.0, 25.0  # 4e9 params, 7e10 tokens
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
        """A position near the optimum's; NaN if no model is on the curve."""

    @property
    def has_ends(self) -> bool:
        """Whether a logarithm of a point may be inf, where the curve has no model."""
        return False

    def reaches(self, log_params: Scalar, log_tokens: Scalar) -> Bool[Array, ""]:
        """Whether a point is on the curve, and not as near as its size comes."""
        return jnp.asarray(True)

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
        return jnp.where(self.loss > self.law.E, log(self.law.beta / self.law.alpha), jnp.nan)

    def tokens_for(self, params: Scalar) -> Scalar:
        return self.law.tokens_for(params, self.loss)

    def params_for(self, tokens: Scalar) -> Scalar:
        return self.law.params_for(tokens, self.loss)


class EffectiveLoss(AbstractCurve):
    """Equal loss under a law that is coupled in effective params and tokens, by the position of `CoupledLoss` in those.

    Where no params or no tokens have the effect that a position asks for, their logarithm is inf.
    """

    law: AbstractEffective
    loss: Scalar

    @property
    def has_ends(self) -> bool:
        return True

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        real = self.law.real(Logs(*self._coupled().point(position)))
        return real.params, real.tokens

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        effective = self.law.effective(Logs(log_params, log_tokens))
        return self._coupled().position(effective.params, effective.tokens)

    def start(self) -> Scalar:
        return self._coupled().start()

    def tokens_for(self, params: Scalar) -> Scalar:
        effective = self.law.effective(Logs(log(params), log(params)))
        log_tokens = log(self._coupled().tokens_for(jnp.exp(effective.params)))
        return jnp.exp(self.law.real(Logs(effective.params, log_tokens)).tokens)

    def params_for(self, tokens: Scalar) -> Scalar:
        effective = self.law.effective(Logs(log(tokens), log(tokens)))
        log_params = log(self._coupled().params_for(jnp.exp(effective.tokens)))
        return jnp.exp(self.law.real(Logs(log_params, effective.tokens)).params)

    def _coupled(self) -> CoupledLoss:
        return CoupledLoss(self.law.coupled(), self.loss)


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
        ratio = jnp.full_like(self.level, LOG_RATIO)
        return jnp.where(jnp.isnan(self.point(ratio)[0]), jnp.nan, ratio)

    def tokens_for(self, params: Scalar) -> Scalar:
        return jnp.exp(root(_at_params, self._log_scale(), (self.function, self.level, log(params))).position)

    def params_for(self, tokens: Scalar) -> Scalar:
        return jnp.exp(root(_at_tokens, self._log_scale(), (self.function, self.level, log(tokens))).position)

    def _log_scale(self) -> Scalar:
        return jnp.full_like(self.level, LOG_SCALE)


class EqualCost(AbstractCurve):
    """Equal cost, by minus the log of params: what the size alone decides is worked out once a position.

    Where the budget is too small to serve the params of a position, its tokens are 0.
    """

    cost: AbstractCost
    budget: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        of_size = self.cost.of_size(jnp.exp(-position))
        start = jnp.full_like(self.budget, LOG_TOKENS)
        log_tokens = root(_at_params, start, (of_size, self.budget, -position)).position
        return -position, jnp.where(jnp.isnan(log_tokens), -jnp.inf, log_tokens)

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return -log_params

    def start(self) -> Scalar:
        """As if all of the budget were training, which is of degree two; NaN if a param and a token are over it."""
        log_params, log_tokens = jnp.asarray([[0, LOG_PARAMS], [0, LOG_TOKENS]], self.budget.dtype)
        least, usual = jax.vmap(self.cost.total)(jnp.exp(log_params), jnp.exp(log_tokens))
        log_params = LOG_PARAMS + (log(self.budget) - log(usual)) / 2
        log_params = jnp.where(jnp.isfinite(log_params), log_params, LOG_PARAMS)
        return jnp.where(least < self.budget, -log_params, jnp.nan)

    def tokens_for(self, params: Scalar) -> Scalar:
        return jnp.exp(self.point(-log(params))[1])

    def params_for(self, tokens: Scalar) -> Scalar:
        return LevelSet(self.cost, self.budget).params_for(tokens)


class LinearCost(AbstractCurve):
    """Equal cost where C = N (k_t D + k_i): a `LevelSet` whose ends are in closed form."""

    cost: AbstractCost
    budget: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        return self._level_set().point(position)

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return self._level_set().position(log_params, log_tokens)

    def start(self) -> Scalar:
        return jnp.where(self.budget > 0, jnp.full_like(self.budget, LOG_RATIO), jnp.nan)

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
