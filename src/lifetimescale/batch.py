"""The edge between the user's arrays and the formulas, which are all written for one scenario."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree


def elementwise(function: Callable[..., PyTree], *arguments: PyTree) -> PyTree:
    """Apply a function of scalars to every scenario of arguments that broadcast.

    All leaves broadcast against each other as NumPy arrays do and are brought to one floating type. A leaf is mapped
    over the axes along which it varies and over no others: what depends on the coefficients alone is computed once, and
    in a grid of losses by demands what depends on the loss alone is computed once per loss.

    Args:
        function: maps the arguments, with scalar leaves, to a pytree of scalars.
        arguments: pytrees with inexact leaves of any shapes that broadcast.

    Returns:
        The pytree of results, every leaf of the common shape.
    """
    leaves, structure = jax.tree.flatten(arguments)
    dtype = jnp.result_type(*leaves)
    shape = jnp.broadcast_shapes(*(leaf.shape for leaf in leaves))
    padded = [(1,) * (len(shape) - leaf.ndim) + leaf.shape for leaf in leaves]

    def call(*scalars: Any) -> PyTree:
        return function(*jax.tree.unflatten(structure, scalars))

    for axis in reversed(range(len(shape))):
        if shape[axis] != 1:
            call = jax.vmap(call, in_axes=tuple(None if sizes[axis] == 1 else 0 for sizes in padded))
    squeezed = [leaf.astype(dtype).reshape([n for n in leaf.shape if n != 1]) for leaf in leaves]
    return jax.tree.map(lambda result: result.reshape(shape), call(*squeezed))
