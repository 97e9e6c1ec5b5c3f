"""From a vector of free coordinates to a law and back: logarithms, values, ties, fixed values, bounds, centring."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lifetimescale.leaves import Leaf, Scalar

Vector = Float[Array, " k"]
"""One number for every free coefficient."""


class Coordinates(eqx.Module):
    """The plane in which the minimiser walks.

    A coefficient whose starts are positive, and whose lower bound is not below 0, stays positive: it is walked by its
    logarithm. A term A/N^alpha is counted at the geometric mean N0 of the runs, A' = A/N0^alpha, so the coordinate is
    what it adds to the loss there: over real runs the errors of log A and alpha correlate at .999, and with A' the
    condition number of the Hessian falls from 1e7 to 1e4.

    Logarithms lead from afar, where A may be wrong by e^20. Nearer, E, A' and B' themselves are walked: what the runs
    leave open is mostly how E + A' + B', which they know, is shared out, a straight valley in the values and a bent one
    in their logarithms (the 34 runs of Sardana et al. with at most 100 tokens per parameter take 83 steps instead of
    800), and a value can come to 0, as E does where the runs show no floor.

    Args:
        build: makes the law (or whatever is fitted) from keywords.
        names: the free coefficients.
        positive: which of them stay positive.
        levels: which of the positive ones add to the loss itself, and are walked by value once `near`.
        ties: (name, of): coefficients that equal a free one.
        fixed: coefficients that stay.
        shear: coefficient i is counted at exp(sum_j shear[i, j] position[j]).
        least: lower bounds, of coefficients.
        most: upper bounds, of coefficients.
        near: whether the levels are walked by value.
    """

    build: Callable[..., Any] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    positive: tuple[bool, ...] = eqx.field(static=True)
    levels: tuple[bool, ...] = eqx.field(static=True)
    ties: tuple[tuple[str, str], ...] = eqx.field(static=True)
    fixed: dict[str, Leaf | eqx.Module]
    shear: Float[Array, "k k"]
    least: Vector
    most: Vector
    near: Bool[Array, ""]

    def coefficients(self, position: Vector) -> dict[str, Any]:
        """The coefficients at a position, by name: free, tied and fixed."""
        values = self.values(position)
        free = {name: values[i] * jnp.exp(self.shear[i] @ position) for i, name in enumerate(self.names)}
        return {**free, **{name: free[of] for name, of in self.ties}, **self.fixed}

    def __call__(self, position: Vector) -> Any:
        """The law at a position."""
        return self.build(**self.coefficients(position))

    def values(self, position: Vector) -> Vector:
        """The coordinates themselves, by value."""
        logs = self.logs
        return jnp.where(logs, jnp.exp(jnp.where(logs, position, 0)), position)

    def position(self, values: Vector) -> Vector:
        """The position of such values."""
        logs = self.logs
        return jnp.where(logs, jnp.log(jnp.where(logs, values, 1)), values)

    @property
    def logs(self) -> Bool[Array, " k"]:
        """Which coordinates are logarithms."""
        return jnp.array(self.positive) & ~(self.near & jnp.array(self.levels))

    @property
    def lower(self) -> Vector:
        """Least coordinates."""
        return self.position(self.least)

    @property
    def upper(self) -> Vector:
        """Greatest coordinates."""
        return self.position(self.most)

    def values_of(self, table: Mapping[str, Leaf]) -> Float[Array, "starts k"]:
        """The coordinates, by value, of coefficients, one for each row of a table, moved within the bounds.

        Only a coefficient that is not itself an exponent is counted elsewhere than at 1.
        """
        columns = [jnp.ravel(column) for column in jnp.broadcast_arrays(*(table[name] for name in self.names))]

        def counted(row: Vector) -> Vector:
            return jnp.clip(row * jnp.exp(-self.shear @ row), self.least, self.most)

        return jax.vmap(counted)(jnp.stack(columns, 1))

    def walked(self, *, near: bool | Bool[Array, ""]) -> "Coordinates":
        """The same plane, its levels walked by value or by logarithm."""
        return dataclasses.replace(self, near=jnp.asarray(near))


def coordinates(
    build: Callable[..., Any],
    positive: Mapping[str, bool],
    *,
    levels: Sequence[str] = (),
    centres: Sequence[tuple[str, str, Scalar]] = (),
    fixed: Mapping[str, Leaf | eqx.Module],
    tied: Mapping[str, str],
    bounds: Mapping[str, tuple[float, float]],
) -> Coordinates:
    """The coordinates of a fit, its levels walked by logarithm.

    Args:
        build: makes what is fitted.
        positive: the free coefficients, and whether each stays positive.
        levels: coefficients that add to the loss itself, besides those of `centres`.
        centres: (coefficient, exponent, logarithm) of terms coefficient/exp(exponent logarithm).
        fixed: coefficients that stay.
        tied: coefficients that equal another.
        bounds: the least and the greatest value of a coefficient.
    """
    names, counted = tuple(positive), set(levels)
    shear = jnp.zeros((len(names), len(names)))
    for coefficient, exponent, centre in centres:
        exponent = tied.get(exponent, exponent)
        if coefficient in names and exponent in names and coefficient not in {*bounds, *tied.values()}:
            shear = shear.astype(centre.dtype).at[names.index(coefficient), names.index(exponent)].set(centre)
            counted.add(coefficient)
    limits = [bounds.get(name, (0.0 if positive[name] else -np.inf, np.inf)) for name in names]
    least, most = jnp.asarray(limits, shear.dtype).T
    return Coordinates(
        build,
        names,
        tuple(positive.values()),
        tuple(positive[name] and name in counted for name in names),
        tuple(tied.items()),
        dict(fixed),
        shear,
        least,
        most,
        jnp.asarray(False),
    )
