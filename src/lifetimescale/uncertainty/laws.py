"""Draws of a law from the covariance of its coefficients."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lifetimescale.fitting import Fit
from lifetimescale.fitting.design import in_range
from lifetimescale.laws import AbstractLaw, coefficients
from lifetimescale.presets import law_preset, law_presets
from lifetimescale.units import is_whole


def law_draws(source: str | Fit, draws: float | int, *, key: PRNGKeyArray) -> AbstractLaw:
    """Laws drawn from the normal distribution that a covariance of coefficients describes: one law, batched.

    Coefficients that stay positive are drawn by their logarithms, and all of one draw together: log A and alpha
    correlate at .999, and drawn one by one they give plans that no run supports. Where the runs are at hand `bootstrap`
    assumes less.

    Args:
        source: the name of a published law whose covariance is known, such as "besiroglu2024"; or a fit, whose
            asymptotic covariance is taken.
        draws: how many.
        key: of `jax.random`; the same key gives the same draws.

    Raises:
        ValueError: there is no such law, its covariance is not known, or there are no draws.

    >>> laws = law_draws("besiroglu2024", 1000, key=jax.random.key(0))
    >>> laws.alpha.shape
    (1000,)
    """
    if not is_whole(draws) or draws < 1:
        raise ValueError(f"draws={draws}: draw a whole number, at least 1")
    draws = int(draws)
    if isinstance(source, Fit):
        laws = jax.vmap(functools.partial(moved, source))(_moves(np.asarray(source.covariance), draws, key))
        return in_range(laws, source.law.fitted)
    preset = law_preset(source)
    if preset.covariance is None:
        known = ", ".join(name for name, one in law_presets().items() if one.covariance is not None)
        raise ValueError(f"the covariance of {source} is not known: take {known}, or bootstrap a fit to your own runs")
    law, moves = preset.law(), _moves(np.asarray(preset.covariance["matrix"]), draws, key)
    for name, move in zip(preset.covariance["order"], moves.T, strict=True):
        coefficient = name.removeprefix("log_")
        middle = getattr(law, coefficient)
        drawn = middle + move if name == coefficient else middle * jnp.exp(move)
        law = eqx.tree_at(lambda law, name=coefficient: getattr(law, name), law, drawn)
    return law


def moved(fitted: Fit, move: Float[Array, " k"]) -> AbstractLaw:
    """The law of a fit with its free coefficients moved, positive ones by their logarithms."""
    plane, values = fitted.problem.coordinates, coefficients(fitted.law)
    free = {
        name: values[name] * jnp.exp(move[i]) if positive else values[name] + move[i]
        for i, (name, positive) in enumerate(zip(plane.names, plane.positive, strict=True))
    }
    return plane.build(**free, **{name: free[of] for name, of in plane.ties}, **plane.fixed)


def _moves(covariance: np.ndarray, draws: int, key: Array) -> Float[Array, "draws k"]:
    """Normal draws of such a covariance, about 0."""
    values, vectors = np.linalg.eigh(np.asarray(covariance, float))
    root = (vectors * np.sqrt(np.maximum(values, 0))).T
    return jax.random.normal(key, (draws, len(values))) @ jnp.asarray(root, float)
