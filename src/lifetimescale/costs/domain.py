"""What the numbers and the names of a cost may be."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.leaves import Scalar


def positive(x: Scalar) -> Bool[Array, ""]:
    """Whether x is in (0, inf)."""
    return (x > 0) & jnp.isfinite(x)


def not_negative(x: Scalar) -> Bool[Array, ""]:
    """Whether x is in [0, inf)."""
    return (x >= 0) & jnp.isfinite(x)


def check_phase(phase: str) -> None:
    """Raise ValueError if a cost is booked on no phase."""
    if phase not in ("training", "serving"):
        raise ValueError(f'no phase {phase!r}: a cost is spent on "training" or on "serving"')
