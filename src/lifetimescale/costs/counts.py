"""Ways to count params: with embeddings, in all experts, as FLOPs per token. Each is a `count` of `Resized`."""

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.costs.shape import AbstractShape, Ladder
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import power

HEAD_DIMENSION = 64.0  # d/n_layers of the models of Ludziejewski et al. 2025 and Krajewski et al. 2024
ROUTING = 14 / 6  # FLOPs of routing over those of a multiplication


class NonEmbedding(eqx.Module):
    """N + omega N^(1/3): all params, for a law that counts them without embeddings.

    Pearce & Song 2024 (arXiv:2406.12907), for a vocabulary of 32,000, 39.2 units of width per layer, contexts of 2048.

    >>> print(f"{NonEmbedding()(jnp.asarray(1e9)):.4e}")
    1.0475e+09
    """

    omega: Leaf = eqx.field(converter=inexact, default=47491.0)

    def __call__(self, params: Scalar) -> Scalar:
        return params + self.omega * power(params, jnp.full_like(params, 1 / 3))


class WithAttention(eqx.Module):
    """N + 2 L d T: the FLOPs of a token over 6, attention over a context of T included.

    The M of DeepSeek LLM 2024 (arXiv:2401.02954), 72 L d^2 + 12 L d T, is 6 times this count of 12 L d^2 params.

    Args:
        context: T, tokens of a sequence.
        shape: L and d of a model of N params.
    """

    context: Leaf = eqx.field(converter=inexact)
    shape: AbstractShape = eqx.field(default_factory=Ladder)

    def __call__(self, params: Scalar) -> Scalar:
        return params + 2 * self.shape.layers(params) * self.shape.width(params) * self.context


class ActiveParams(eqx.Module):
    """N (1 - S): the params that a token uses, for a law of all of them, a share S of which rests."""

    def __call__(self, params: Scalar, sparsity: Scalar) -> Scalar:
        return params * (1 - sparsity)


class RoutedParams(eqx.Module):
    """(12 d^2 + 14/6 d E G) L: the FLOPs of a token over 6, routing included, for N = (8 E + 4) L d^2 in all experts.

    The models of Krajewski et al. 2024 (arXiv:2402.07871), d = 64 L: the finer the experts the more routing, and so the
    granularity G has an optimum. With 6 FLOPs a multiplication and 14 of routing it gives all seven costs of table 2
    within 0.5 %.

    Args:
        experts: E, the feed-forward params in all over those that a token uses.
    """

    experts: Leaf = eqx.field(converter=inexact, default=64.0)

    def __call__(self, params: Scalar, granularity: Scalar) -> Scalar:
        width = power(HEAD_DIMENSION * params / (8 * self.experts + 4), jnp.full_like(params, 1 / 3))
        return width / HEAD_DIMENSION * (12 * width * width + ROUTING * self.experts * granularity * width)


class AllExperts(eqx.Module):
    """2 d V + (4 + 9 E) L d^2: the params of all experts, for N = 2 d V + 13 L d^2 active ones, d = 64 L.

    The models of Ludziejewski et al. 2025 (arXiv:2502.05172), which count embeddings.

    Args:
        vocabulary: V.
    """

    vocabulary: Leaf = eqx.field(converter=inexact, default=50257.0)

    def __call__(self, params: Scalar, experts: Scalar) -> Scalar:
        layers = _layers(params, self.vocabulary)
        width = HEAD_DIMENSION * layers
        return params + 9 * (experts - 1) * layers * width * width


def _layers(params: Scalar, vocabulary: Scalar) -> Scalar:
    """L of 128 V L + 13 64^2 L^3 = N: the root of a cubic, in a form in which nothing cancels."""
    linear, cubic = 2 * HEAD_DIMENSION * vocabulary, 13 * HEAD_DIMENSION**2
    scale = jnp.sqrt(linear / (3 * cubic))
    return 2 * scale * jnp.sinh(jnp.arcsinh(params / (2 * cubic * scale**3)) / 3)
