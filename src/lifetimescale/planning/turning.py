"""Curves of equal loss under laws that turn: of the two branches that a level set then has, the one that is cheaper."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.laws import AbstractLaw, Turning
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log, log1p, softplus
from lifetimescale.planning.curves import LOG_PARAMS, LOG_TOKENS, AbstractCurve, CoupledLoss, value_at
from lifetimescale.roots import root


class FallingLoss(AbstractCurve):
    """Equal loss under a law that may turn, where it still falls in params and in tokens, by minus the log of params.

    Of the two branches that a level set then has, more tokens or params of the other only cost more. A size that never
    reaches the loss is given the tokens at which its loss turns, which `reaches` tells apart.
    """

    law: AbstractLaw
    loss: Scalar

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        closed = self.law.log_tokens_for(-position, self.loss)
        if closed is not None:
            return -position, jnp.minimum(closed, NEVER)
        return -position, self._along(_falls_in_tokens, LOG_TOKENS, -position)

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return -log_params

    def start(self) -> Scalar:
        return jnp.full_like(self.loss, -LOG_PARAMS)

    def reaches(self, log_params: Scalar, log_tokens: Scalar) -> Bool[Array, ""]:
        reached = self.law.loss(jnp.exp(log_params), jnp.exp(log_tokens))
        return reached <= self.loss * (1 + float(jnp.finfo(self.loss.dtype).eps) ** 0.6)

    def tokens_for(self, params: Scalar) -> Scalar:
        log_params, log_tokens = self.point(-log(params))
        return jnp.where(self.reaches(log_params, log_tokens), jnp.exp(log_tokens), jnp.inf)

    def params_for(self, tokens: Scalar) -> Scalar:
        log_params = self._along(_falls_in_params, LOG_PARAMS, log(tokens))
        return jnp.where(self.reaches(log_params, log(tokens)), jnp.exp(log_params), jnp.inf)

    def _along(self, function, start: float, other: Scalar) -> Scalar:
        found = root(function, jnp.full_like(self.loss, start), (self.law, log(self.loss), other)).position
        return jnp.where(jnp.isnan(found), NEVER, found)


NEVER = 600.0  # the log of more tokens or params than any loss asks for; its exponential is finite in float64


def _falls_in_tokens(log_tokens: Scalar, arguments: tuple[AbstractLaw, Scalar, Scalar]) -> Scalar:
    """log of loss over what tokens reach, inf where more of them no longer help."""
    law, log_loss, log_params = arguments
    return _while_falling(lambda d: value_at(law, jnp.exp(log_params), jnp.exp(d)), log_tokens, log_loss)


def _falls_in_params(log_params: Scalar, arguments: tuple[AbstractLaw, Scalar, Scalar]) -> Scalar:
    law, log_loss, log_tokens = arguments
    return _while_falling(lambda n: value_at(law, jnp.exp(n), jnp.exp(log_tokens)), log_params, log_loss)


def _while_falling(reached: Callable[[Scalar], Scalar], position: Scalar, log_loss: Scalar) -> Scalar:
    value, slope = jax.value_and_grad(reached)(position)
    return jnp.where(slope < 0, log_loss - log(value), jnp.inf)


class TurningLoss(AbstractCurve):
    """Equal loss under a sum of powers that turns, by the logit z of the share of params in A/N^alpha + B/D^beta.

    With x what these two come to, the harm is c/x^kappa with kappa = p/alpha + q/beta, and x + c/x^kappa = L - E. Of
    its two roots the greater is where the loss still falls; Newton's method on logarithms comes down to it from L - E,
    as the sum is convex there. Where there is none more params, or more tokens, do more harm than they help: inf.
    """

    law: Turning
    loss: Scalar

    @property
    def has_ends(self) -> bool:
        return True

    def point(self, position: Scalar) -> tuple[Scalar, Scalar]:
        law = self.law.base
        params, tokens = log(law.A) + softplus(-position), log(law.B) + softplus(position)
        p, q = self.law.params_power / law.alpha, self.law.tokens_power / law.beta
        harm = self.law.log_harm + p * params + q * tokens
        log_excess = _greater_root(log(self.loss - law.E), harm, p + q)
        none, by_tokens = jnp.isnan(log_excess), q * jax.nn.sigmoid(position) > p * jax.nn.sigmoid(-position)
        log_excess = jnp.where(none, 0.0, log_excess)
        log_params = jnp.where(none & ~by_tokens, jnp.inf, (params - log_excess) / law.alpha)
        return log_params, jnp.where(none & by_tokens, jnp.inf, (tokens - log_excess) / law.beta)

    def position(self, log_params: Scalar, log_tokens: Scalar) -> Scalar:
        return self._base().position(log_params, log_tokens)

    def start(self) -> Scalar:
        return self._base().start()

    def tokens_for(self, params: Scalar) -> Scalar:
        return FallingLoss(self.law, self.loss).tokens_for(params)

    def params_for(self, tokens: Scalar) -> Scalar:
        return FallingLoss(self.law, self.loss).params_for(tokens)

    def _base(self) -> CoupledLoss:
        return CoupledLoss(self.law.base.coupled(), self.loss)


NEWTON_STEPS = 24  # rounding to within 1e-3 of where the two roots meet, see test_design_laws


@jax.custom_jvp
def _greater_root(log_level: Scalar, log_harm: Scalar, kappa: Scalar) -> Scalar:
    """The greater log x with x + exp(log_harm)/x^kappa = exp(log_level); NaN if there is none."""
    grows = kappa > 0
    turn = (log(jnp.where(grows, kappa, 1)) + log_harm) / (1 + kappa)  # where the sum is least
    least = turn + log1p(1 / jnp.where(grows, kappa, 1))

    def step(_, log_x):
        value, slope = _log_sum(log_x, log_harm, kappa)
        return jnp.maximum(log_x - (value - log_level) / slope, jnp.where(grows, turn, -jnp.inf))

    root = jax.lax.fori_loop(0, NEWTON_STEPS, step, log_level)
    return jnp.where(grows & (least > log_level), jnp.nan, root)


def _log_sum(log_x: Scalar, log_harm: Scalar, kappa: Scalar) -> tuple[Scalar, Scalar]:
    """log of x + exp(log_harm)/x^kappa, and its slope."""
    ahead = log_harm - (1 + kappa) * log_x  # of the harm, before x
    return log_x + softplus(ahead), 1 - (1 + kappa) * jax.nn.sigmoid(ahead)


@_greater_root.defjvp
def _greater_root_jvp(primals, tangents):
    _, log_harm, kappa = primals
    log_x = _greater_root(*primals)
    _, slope = _log_sum(log_x, log_harm, kappa)
    share = jax.nn.sigmoid(log_harm - (1 + kappa) * log_x)
    return log_x, (tangents[0] - share * (tangents[1] - log_x * tangents[2])) / slope
