"""Runs that follow a known law, to try a fit on."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lifetimescale.laws import AbstractLaw
from lifetimescale.runs import Runs


def planted_runs(
    law: AbstractLaw,
    size: int,
    *,
    key: PRNGKeyArray,
    noise: float = 0.005,
    params: tuple[float, float] = (5e7, 1e10),
    tokens_per_param: tuple[float, float] = (5.0, 500.0),
) -> Runs:
    """Runs of a known law with normal errors of the log loss, their sizes and lengths log-uniform.

    Args:
        law: what they follow.
        size: how many.
        key: of `jax.random`; the same key gives the same runs.
        noise: standard deviation of the log loss.
        params: the smallest and the largest params.
        tokens_per_param: the lowest and the highest ratio of tokens to params.

    >>> import lifetimescale as lts
    >>> runs = lts.planted_runs(lts.law("chinchilla"), 100, key=jax.random.key(0))
    >>> len(runs)
    100
    """
    uniform, ratio, error = (
        np.asarray(draw(part, (size,)), float)
        for draw, part in zip(
            (jax.random.uniform, jax.random.uniform, jax.random.normal), jax.random.split(key, 3), strict=True
        )
    )
    sizes = _between(params, uniform)
    tokens = sizes * _between(tokens_per_param, ratio)
    return Runs(sizes, tokens, np.asarray(law(sizes, tokens), float) * np.exp(noise * error))


def _between(ends: tuple[float, float], share: np.ndarray) -> np.ndarray:
    return ends[0] * (ends[1] / ends[0]) ** share
