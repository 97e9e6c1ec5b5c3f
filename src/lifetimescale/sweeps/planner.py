"""A plan as a function of any of its numbers, by name."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path
from jaxtyping import ArrayLike

from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractLaw
from lifetimescale.leaves import Leaf, inexact, named
from lifetimescale.planning import Cheapest, Plan, cheapest, compute_optimal, plan

TARGETS = ("loss", "budget", "like")
ARGUMENTS = (*TARGETS, "params", "min_params", "max_params", "min_tokens", "max_tokens")


class Planner(eqx.Module):
    """`plan` as a function of named numbers: its own arguments, and any number of the law and of the cost.

    A number of the law or the cost is named by the end of its path, as far as it must be written to mean one alone:
    `alpha`, `inference_tokens`, `demand.requests`; `Training.price` and `Roofline.price` (the class that has it) where
    `price` is two numbers; or by its whole path, `cost.first.price`. `names` lists them.

    Args:
        law: the loss law.
        cost: the lifetime cost; or several by name, of which the cheapest is taken in every scenario, and its place
            among them is the output `choice`.
        loss: target loss; one target is given here or is among the named numbers.
        budget: target lifetime cost.
        like: as good as the compute-optimal model of so many params.
        params: N, if the size is given already.
        min_params: least N allowed.
        max_params: greatest N allowed.
        min_tokens: fewest D allowed.
        max_tokens: most D allowed.

    >>> import lifetimescale as lts
    >>> planner = Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9)
    >>> best = planner(inference_tokens=4e12, alpha=0.34)
    >>> print(f"{best.params:.2e}")
    6.26e+09
    """

    law: AbstractLaw
    cost: AbstractCost | dict[str, AbstractCost]
    given: dict[str, Leaf]

    def __init__(
        self,
        law: AbstractLaw,
        cost: AbstractCost | Mapping[str, AbstractCost],
        *,
        loss: ArrayLike | None = None,
        budget: ArrayLike | None = None,
        like: ArrayLike | None = None,
        params: ArrayLike | None = None,
        min_params: ArrayLike | None = None,
        max_params: ArrayLike | None = None,
        min_tokens: ArrayLike | None = None,
        max_tokens: ArrayLike | None = None,
    ):
        self.law, self.cost = law, dict(cost) if isinstance(cost, Mapping) else cost
        targets = {"loss": loss, "budget": budget, "like": like}
        sizes = {"params": params, "min_params": min_params, "max_params": max_params}
        given = targets | sizes | {"min_tokens": min_tokens, "max_tokens": max_tokens}
        self.given = named({name: value for name, value in given.items() if value is not None})

    @property
    def names(self) -> tuple[str, ...]:
        """The shortest names of all numbers of the law and of the cost; of several costs, what is in all of them."""
        costs = [*self.cost.values()] if isinstance(self.cost, dict) else [self.cost]
        named = [_names(_paths(self.law, cost)) for cost in costs]
        return tuple(name for name in named[0] if all(name in names for names in named))

    def value(self, name: str) -> Leaf:
        """The number that a name means now, one of `names` or of what is given.

        Raises:
            ValueError: the name means no number, or several, or one that is not the same in all alternatives.

        >>> import lifetimescale as lts
        >>> planner = Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9)
        >>> print(f"{planner.value('like'):.1e} {planner.value('inference_tokens'):.1e}")
        1.3e+10 2.0e+12
        """
        if name in ARGUMENTS:
            if name not in self.given:
                there = ", ".join(self.given) or "none of its kind"
                raise ValueError(f"{name} is not given: there is {there}, so give it to the planner first")
            return self.given[name]
        if not isinstance(self.cost, dict):
            return number(self.law, self.cost, name)
        numbers = [number(self.law, cost, name) for cost in self.cost.values()]
        if any(one is not numbers[0] and not np.array_equal(one, numbers[0]) for one in numbers):
            raise ValueError(f"{name!r} is not the same number in {', '.join(self.cost)}: take a planner of one cost")
        return numbers[0]

    def __call__(self, **values: ArrayLike) -> Plan | Cheapest:
        """The plan at some values of named numbers, which broadcast.

        Raises:
            ValueError: a name means no number, or several, or there is not one target.
        """
        given = self.given | {name: inexact(value) for name, value in values.items() if name in ARGUMENTS}
        leaves = {name: inexact(value) for name, value in values.items() if name not in ARGUMENTS}
        targets = [name for name in TARGETS if name in given]
        if len(targets) != 1:
            raise ValueError(
                f"give exactly one target, loss, budget or like; {' and '.join(targets) or 'none'} is given"
            )
        if isinstance(self.cost, dict):
            return cheapest({name: _planned(self.law, cost, given, leaves) for name, cost in self.cost.items()})
        return _planned(self.law, self.cost, given, leaves)


def _planned(law: AbstractLaw, cost: AbstractCost, given: dict[str, Leaf], leaves: dict[str, Leaf]) -> Plan:
    law, cost = replaced(law, cost, leaves)
    arguments: dict[str, Any] = {name: value for name, value in given.items() if name != "like"}
    if "like" in given:
        arguments["loss"] = compute_optimal(law, params=given["like"]).loss
    return plan(law, cost, **arguments)


def number(law: AbstractLaw, cost: AbstractCost, name: str) -> Leaf:
    """The number of the law or of the cost that a name means."""
    return jax.tree.leaves((law, cost))[_place(name, _paths(law, cost))]


def replaced(law: AbstractLaw, cost: AbstractCost, leaves: dict[str, Leaf]) -> tuple[AbstractLaw, AbstractCost]:
    """The law and the cost with some of their numbers replaced."""
    paths = _paths(law, cost)
    numbers, structure = jax.tree.flatten((law, cost))
    for name, value in leaves.items():
        numbers[_place(name, paths)] = value
    return jax.tree.unflatten(structure, numbers)


def _place(name: str, paths: list[tuple[str, str]]) -> int:
    """Which leaf a name means."""
    meant = [place for place, path in enumerate(paths) if _ends_in(path, name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        choices = " or ".join(_shortest(paths[place], paths) for place in meant)
        raise ValueError(f"{name!r} is more than one number: write {choices}")
    raise ValueError(f"no number of the law or the cost is named {name!r}: there are {', '.join(_names(paths))}")


def _names(paths: list[tuple[str, str]]) -> list[str]:
    """The shortest names of all numbers but the fitted range of the law."""
    return [_shortest(path, paths) for path in paths if ".fitted." not in path[0]]


def _shortest(path: tuple[str, str], paths: list[tuple[str, str]]) -> str:
    """The shortest name that means this leaf alone."""
    for spelling in path:
        words = spelling.split(".")
        for count in range(1, len(words) + 1):
            name = ".".join(words[-count:])
            if sum(_ends_in(other, name) for other in paths) == 1:
                return name
    return path[-1]


def _ends_in(path: tuple[str, str], name: str) -> bool:
    return any(f".{spelling}".endswith(f".{name}") for spelling in path)


def _paths(law: AbstractLaw, cost: AbstractCost) -> list[tuple[str, str]]:
    """Of each leaf, its path from the law or the cost that has it, and its whole path."""
    both = []
    for root, tree in (("law", law), ("cost", cost)):
        for path, _ in tree_flatten_with_path(tree)[0]:
            owner, rest = tree, path
            for count in range(len(path)):
                node = _at(tree, path[:count])
                if isinstance(node, AbstractLaw | AbstractCost):
                    owner, rest = node, path[count:]
            words = keystr(rest, simple=True, separator=".")
            both.append((f"{type(owner).__name__}.{words}", f"{root}.{keystr(path, simple=True, separator='.')}"))
    return both


def _at(tree, path):
    """The node of a tree at a path."""
    for key in path:
        tree = getattr(tree, key.name) if hasattr(key, "name") else tree[getattr(key, "idx", getattr(key, "key", None))]
    return tree
