"""Numeric fields: every number of a law, a cost or a plan is an inexact array, so that it can be traced and batched."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact

Scalar = Float[Array, ""]
"""One number of one scenario: what the formulas are written for."""

Leaf = Inexact[Array, "..."]
"""A numeric field: one number, or an array of scenarios."""


def inexact(value: ArrayLike) -> Leaf:
    """The value as a floating-point array; a Python number adapts to the floating type of what it meets, as in JAX.

    Raises:
        TypeError: the value is not numeric.
    """
    try:
        array = jnp.asarray(float(value) if isinstance(value, int) else value)
    except TypeError:
        raise TypeError(
            f"expected a number or an array, got {value!r}: turn text into numbers first, with lifetimescale.units"
        ) from None
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


def named(values: Mapping[str, ArrayLike]) -> dict[str, Leaf]:
    """Each of the values as `inexact` has it, by name."""
    return {name: inexact(value) for name, value in values.items()}


def optional(value: ArrayLike | None) -> Leaf | None:
    """The value as `inexact` has it, or None."""
    return None if value is None else inexact(value)
