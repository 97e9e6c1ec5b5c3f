"""Programs that are compiled once, and faster where they are not part of a caller's own."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

# XLA on CPUs stops at 256-bit vectors unless told: on one with AVX-512 a million float64 plans take 14 ms so, else 21
# (benchmarks/plan.py). A program inside another cannot be told; XLA_FLAGS=--xla_cpu_prefer_vector_width=512 can.
CPU_OPTIONS = {"xla_cpu_prefer_vector_width": 512}


def compiled(function: Callable[..., Any], *, static_argnames: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The function, jit-compiled: with the widest vectors on a CPU, unless it is called within another program."""
    inner = jax.jit(function, static_argnames=static_argnames)
    outermost = jax.jit(function, static_argnames=static_argnames, compiler_options=CPU_OPTIONS)

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        alone = jax.default_backend() == "cpu" and not is_traced((arguments, options))
        return (outermost if alone else inner)(*arguments, **options)

    return call


def is_traced(tree: Any) -> bool:
    """Whether this is a call within jit, vmap or grad: a leaf is traced, or whatever is made here is."""
    return any(isinstance(leaf, Tracer) for leaf in (jnp.zeros(()), *jax.tree.leaves(tree)))


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, run in float64 whatever the session, unless it is called within another program.

    Its results come back in the session's own type.
    """

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if jnp.result_type(float) == jnp.float64 or is_traced((arguments, options)):
            return function(*arguments, **options)
        with jax.enable_x64(True):
            result = function(*_as_double(arguments), **_as_double(options))
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32) if _is(jnp.float64, leaf) else leaf, result)

    return call


def _as_double(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if _is(jnp.float32, leaf) else leaf, tree)


def _is(dtype: Any, leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and leaf.dtype == dtype
