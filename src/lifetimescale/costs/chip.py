"""A chip as its data sheet and its rental price give it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.costs.domain import not_negative
from lifetimescale.leaves import Leaf, inexact

BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5}
"""The precisions by name, and the bytes that one weight takes in each."""


class Chip(eqx.Module):
    """One accelerator. Its name is not part of it, so chips stack into a batch.

    Args:
        price: dollars per hour.
        bf16: dense peak in bf16, FLOP/s.
        fp8: dense peak in fp8, FLOP/s; NaN (the default) where the chip has none, and so for the next three.
        int8: dense peak in int8, OP/s.
        fp4: dense peak in fp4, FLOP/s.
        memory: bytes.
        bandwidth: of the memory, bytes per second.
    """

    price: Leaf = eqx.field(converter=inexact)
    bf16: Leaf = eqx.field(converter=inexact, default=jnp.nan)
    fp8: Leaf = eqx.field(converter=inexact, default=jnp.nan)
    int8: Leaf = eqx.field(converter=inexact, default=jnp.nan)
    fp4: Leaf = eqx.field(converter=inexact, default=jnp.nan)
    memory: Leaf = eqx.field(converter=inexact, default=jnp.nan)
    bandwidth: Leaf = eqx.field(converter=inexact, default=jnp.nan)

    def peak(self, precision: str) -> Leaf:
        """The dense peak in a precision, FLOP/s; NaN where the chip has none.

        Raises:
            ValueError: there is no such precision.
        """
        if precision not in BYTES:
            raise ValueError(f"no precision {precision!r}: choose one of {', '.join(BYTES)}")
        return {"bf16": self.bf16, "fp8": self.fp8, "int8": self.int8, "fp4": self.fp4}[precision]


class Demand(eqx.Module):
    """What is asked of the model over its whole life.

    Args:
        requests: number of requests.
        prompt: input tokens per request.
        output: generated tokens per request.
        cached: share of the prompt, in [0, 1), whose keys and values are found in a cache and not computed again.
    """

    requests: Leaf = eqx.field(converter=inexact)
    prompt: Leaf = eqx.field(converter=inexact)
    output: Leaf = eqx.field(converter=inexact)
    cached: Leaf = eqx.field(converter=inexact, default=0.0)

    @property
    def tokens(self) -> Leaf:
        """D_inf = requests (prompt + output)."""
        return self.requests * (self.prompt + self.output)

    @property
    def prefilled(self) -> Leaf:
        """Prompt tokens of a request that are computed: prompt (1 - cached)."""
        return self.prompt * (1 - self.cached)

    def valid(self) -> Bool[Array, ""]:
        """Whether every number is in its domain."""
        counts = not_negative(self.requests) & not_negative(self.prompt) & not_negative(self.output)
        return counts & (self.cached >= 0) & (self.cached < 1)

    @classmethod
    def of_tokens(cls, tokens: ArrayLike, *, prompt: ArrayLike, output: ArrayLike) -> "Demand":
        """The demand of `tokens` tokens in requests of the given prompt and output."""
        return cls(inexact(tokens) / (inexact(prompt) + inexact(output)), prompt, output)
