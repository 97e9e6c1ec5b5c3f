"""Runs that follow a known law, to try a fit on."""

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from lifetimescale.fitting.design import check_columns
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
    design: Mapping[str, ArrayLike] | None = None,
) -> Runs:
    """Runs of a known law with normal errors of the log loss, their sizes and lengths log-uniform.

    Args:
        law: what they follow.
        size: how many.
        key: of `jax.random`; the same key gives the same runs.
        noise: standard deviation of the log loss.
        params: the smallest and the largest params.
        tokens_per_param: the lowest and the highest ratio of tokens to params.
        design: the law's design variables, by name: one number for each run, or one for all.

    Raises:
        ValueError: a design variable of the law is missing, or has not one number for each run.

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
    runs = Runs(sizes, tokens, np.exp(noise * error), design=design)
    check_columns(type(law).__name__, law.variables, runs)
    return Runs(sizes, tokens, np.asarray(law(sizes, tokens, runs.design), float) * runs.loss, design=design)


def _between(ends: tuple[float, float], share: np.ndarray) -> np.ndarray:
    return ends[0] * (ends[1] / ends[0]) ** share
