"""What a model of N parameters looks like: its layers, its width, and what it caches of every token."""

import abc

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.leaves import Leaf, Scalar, inexact, optional


class AbstractShape(eqx.Module):
    """The shape of a model as far as its cost depends on it. Every number grows in N, as a monomial."""

    @abc.abstractmethod
    def layers(self, params: Scalar) -> Scalar:
        """L, layers."""

    @abc.abstractmethod
    def width(self, params: Scalar) -> Scalar:
        """d, the width of the attention: heads times their dimension."""

    @abc.abstractmethod
    def cached(self, params: Scalar) -> Scalar:
        """Elements of keys and values (or of a latent of both) that are cached for one token, in all layers."""

    @abc.abstractmethod
    def stored(self, params: Scalar) -> Scalar:
        """All parameters that are held in memory; more than N where N counts the active ones of a mixture."""


class Ladder(AbstractShape):
    """The shape that published models of N parameters have.

    L = c N^(1/4), d = sqrt(N/(12 L)), so that 12 L d^2 = N; over 91 published dense models c = 0.14 leaves a standard
    deviation of 13 % in L and 10 % in d.

    Args:
        depth: c.
        cache: elements of keys and values that are cached per token and layer: 2 (KV heads) (head dimension), so 2048
            for 8 heads of 128, 576 for the latent of DeepSeek-V3; None where every head has its own, 2 d.
        stored_ratio: parameters held in memory per parameter of N; more than 1 for a
            mixture of experts whose N are the active ones.
    """

    depth: Leaf = eqx.field(converter=inexact, default=0.14)
    cache: Leaf | None = eqx.field(converter=optional, default=2048.0)
    stored_ratio: Leaf = eqx.field(converter=inexact, default=1.0)

    def layers(self, params: Scalar) -> Scalar:
        return self.depth * jnp.sqrt(jnp.sqrt(params))

    def width(self, params: Scalar) -> Scalar:
        return jnp.sqrt(params / (12 * self.layers(params)))

    def cached(self, params: Scalar) -> Scalar:
        return self.layers(params) * (2 * self.width(params) if self.cache is None else self.cache)

    def stored(self, params: Scalar) -> Scalar:
        return self.stored_ratio * params


class Shape(AbstractShape):
    """One given shape, whatever N: for a model that exists, or whose layers are decided.

    Args:
        depth: L, layers.
        breadth: d, the width of the attention.
        cache: elements of keys and values cached per token, in all layers: 2 L (KV heads) (head dimension).
        stored_ratio: parameters held in memory per parameter of N.
    """

    depth: Leaf = eqx.field(converter=inexact)
    breadth: Leaf = eqx.field(converter=inexact)
    cache: Leaf = eqx.field(converter=inexact)
    stored_ratio: Leaf = eqx.field(converter=inexact, default=1.0)

    def layers(self, params: Scalar) -> Scalar:
        return self.depth + 0 * params

    def width(self, params: Scalar) -> Scalar:
        return self.breadth + 0 * params

    def cached(self, params: Scalar) -> Scalar:
        return self.cache + 0 * params

    def stored(self, params: Scalar) -> Scalar:
        return self.stored_ratio * params
