"""What a plan may choose beside params and tokens: granularity, sparsity, bits, a teacher, each by name."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
from jaxtyping import ArrayLike

from lifetimescale.leaves import Leaf, inexact


class Between(eqx.Module):
    """Any number from the least to the most, the best of which is found.

    Args:
        least: where it is above 0, numbers between are spaced by their ratio, else evenly.
        most: finite.
    """

    least: Leaf = eqx.field(converter=inexact)
    most: Leaf = eqx.field(converter=inexact)


class OneOf(eqx.Module):
    """One of a few numbers, each of which is tried: `OneOf(1, 2, 4, 8)`."""

    choices: tuple[Leaf, ...]

    def __init__(self, *choices: ArrayLike):
        if not choices:
            raise ValueError("OneOf() leaves nothing to choose from: give at least one number")
        self.choices = tuple(inexact(choice) for choice in choices)


class Same(eqx.Module):
    """The number of another design variable: activations in as many bits as weights, `Same("weight_bits")`."""

    name: str = eqx.field(static=True)


Choice = Between | OneOf | Same | Leaf
"""Where a design variable may lie; a number is given."""


def as_choice(value: Between | OneOf | Same | ArrayLike) -> Choice:
    """The choice itself, or a given number as `inexact` has it."""
    return value if isinstance(value, Between | OneOf | Same) else inexact(value)


def check_given(subject: str, needed: Iterable[str], design: Mapping[str, Leaf]) -> None:
    """Raise ValueError, of a subject that depends on design variables, if one of them has no value."""
    missing = [name for name in needed if name not in design]
    if missing:
        raise ValueError(f"{subject} {', '.join(missing)}: give numbers, design={{{missing[0]!r}: ...}}")


def variables_of(function: Callable[..., Any], after: int) -> tuple[str, ...]:
    """The design variables that a function takes: its arguments after the first ones, but for those with a default."""
    arguments = [*inspect.signature(function).parameters.values()][after:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(one.name for one in arguments if one.kind in named and one.default is one.empty)
