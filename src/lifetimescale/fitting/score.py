"""From the losses and scores of models to the map between the two."""

import functools
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from lifetimescale.compilation import compiled, in_double
from lifetimescale.fitting.coordinates import coordinates
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.huber import Huber
from lifetimescale.fitting.minimum import minimise
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.scores import AbstractScore, ExponentialScore, SigmoidScore

RATES = np.geomspace(0.1, 20.0, 12)
ADVANCE, STEPS = 64, 200


class ScoreFit(eqx.Module):
    """A fitted map from loss to score.

    Args:
        score: the map.
        objective: sum_i huber(r_i).
        residuals: r_i = predicted - observed score.
        converged_share: of the starts that were advanced, those that reached the objective to 1e-6.
    """

    score: AbstractScore
    objective: Scalar
    residuals: Float[Array, " n"]
    converged_share: Scalar


def fit_score(
    score: type[AbstractScore], losses: ArrayLike, scores: ArrayLike, *, delta: ArrayLike = math.inf
) -> ScoreFit:
    """The map that minimises sum_i Huber_delta(score(L_i) - S_i), from many starts, like a law.

    Gadre et al. 2024 (arXiv:2403.08540, section 2.3) and Llama 3 (arXiv:2407.21783, section 3.2.1) fit such maps.

    Args:
        score: `ExponentialScore` or `SigmoidScore`.
        losses: of the models, in the unit of the law that the map will be used with.
        scores: of the same models, in any unit.
        delta: the knee of the Huber loss, in the unit of the scores; inf is least squares.

    Raises:
        ValueError: losses and scores do not match, are too few, or are not finite.
    """
    losses, scores = (np.ravel(np.asarray(column, float)) for column in (losses, scores))
    names = tuple(score.__dataclass_fields__)
    if losses.shape != scores.shape or len(losses) < len(names):
        raise ValueError(
            f"{len(losses)} losses and {len(scores)} scores do not fix a {score.__name__}: "
            f"give as many of one as of the other, and at least {len(names)}"
        )
    if not (np.isfinite(losses).all() and np.isfinite(scores).all()):
        raise ValueError("a loss or a score is not finite: leave that model out")
    return _fit_score(losses, scores, _starts(score, losses, scores), Huber(delta, 0.5), score=score)


def _starts(score: type[AbstractScore], losses: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """For each rate (and middle) the straight line through the scores that least squares gives."""
    middles = np.quantile(losses, [0.0, 0.25, 0.5, 0.75, 1.0]) if score is SigmoidScore else [0.0]
    rows = [_start(score, losses, scores, rate, middle) for rate in RATES for middle in middles]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _start(score, losses: np.ndarray, scores: np.ndarray, rate: float, middle: float) -> dict[str, Any]:
    if score is ExponentialScore:
        shape = np.exp(-rate * losses)
    else:
        shape = 1 / (1 + np.exp(np.clip(rate * (losses - middle), -500, 500)))
    design = np.stack([np.ones_like(shape), shape], 1)
    (worst, gain), *_ = np.linalg.lstsq(design, scores, rcond=None)
    if score is ExponentialScore:
        return {"worst": worst, "gain": gain, "rate": rate}
    return {"worst": worst, "best": worst + gain, "rate": rate, "middle": middle}


@in_double
@functools.partial(compiled, static_argnames=("score",))
def _fit_score(losses: Leaf, scores: Leaf, table: dict[str, Leaf], huber: Huber, *, score) -> ScoreFit:
    losses, scores = jnp.asarray(losses), jnp.asarray(scores)
    plane = coordinates(score, {name: name == "rate" for name in table}, fixed={}, tied={}, bounds={})
    starts = plane.values_of({name: jnp.asarray(values) for name, values in table.items()})
    problem = Problem(_residual, plane, huber, (losses, scores), jnp.ones_like(losses))
    least = minimise(problem, starts, optimizer=None, advance=min(ADVANCE, len(starts)), steps=STEPS)
    near = problem.walked(near=True)
    return ScoreFit(
        near.coordinates(least.position), least.value, near.residuals(least.position), least.converged_share
    )


def _residual(fitted: AbstractScore, loss: Scalar, score: Scalar) -> Scalar:
    return fitted.score(loss) - score
