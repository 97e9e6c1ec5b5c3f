"""The design that a plan is asked for, checked at the door: where each variable of law and cost may lie."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.compilation import is_traced
from lifetimescale.costs import AbstractCost
from lifetimescale.design import Between, Choice, Same, as_choice
from lifetimescale.laws import AbstractLaw, check_design
from lifetimescale.leaves import Leaf, named


def choices_of(law: AbstractLaw, cost: AbstractCost, design: Mapping[str, Any] | None) -> dict[str, Choice]:
    """Where each design variable of the law and of the cost may lie: as it is given, else where the law says.

    Raises:
        ValueError: a variable is unknown or has no range, or is the same as one that is itself the same as another.
    """
    given = {name: as_choice(value) for name, value in (design or {}).items()}
    known = law.variables.keys() | cost.needs
    _check_known({*given, *(choice.name for choice in given.values() if isinstance(choice, Same))}, known)
    choices = {}
    for name in (*law.variables, *sorted(cost.needs - law.variables.keys())):
        choice = given.get(name, law.variables.get(name))
        if choice is None or _is_endless(choice):
            raise ValueError(
                f"{name} has no range of its own: give a number or a range, "
                f"design={{{name!r}: 1e9}} or {{{name!r}: lts.Between(1e9, 1e12)}}"
            )
        if isinstance(choice, Same) and isinstance(given.get(choice.name), Same):
            raise ValueError(f"{name} is the Same as {choice.name}, which is itself the Same as another: name that one")
        choices[name] = choice
    return choices


def numbers_of(law: AbstractLaw, design: Mapping[str, ArrayLike]) -> dict[str, Leaf]:
    """A number for every design variable of a law.

    Raises:
        ValueError: a variable is unknown, or has no number.
    """
    values = named(design)
    _check_known(values, law.variables)
    check_design(law, values)
    return {name: values[name] for name in law.variables}


def _check_known(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for a design variable that nothing has."""
    there = sorted(known)
    for name in names:
        if name not in there:
            raise ValueError(
                f"design: neither the law nor the cost has a variable {name!r}: "
                f"there {'are ' + ', '.join(there) if there else 'is none'}"
            )


def _is_endless(choice: Choice) -> bool:
    if not isinstance(choice, Between) or is_traced(choice):
        return False
    return not bool(jnp.all(jnp.isfinite(choice.least) & jnp.isfinite(choice.most)))
