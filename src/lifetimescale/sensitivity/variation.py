"""A planner with some of its numbers changed, each from what it is now."""

from collections.abc import Callable, Mapping

from lifetimescale.costs import AbstractCost
from lifetimescale.laws import AbstractLaw
from lifetimescale.leaves import Leaf
from lifetimescale.sweeps import Planner
from lifetimescale.sweeps.planner import ARGUMENTS, number, replaced

Change = Callable[[Leaf], Leaf]


def varied(planner: Planner, changes: Mapping[str, Change]) -> Planner:
    """The planner with some of its numbers changed; of several costs, each has its own number changed.

    Args:
        planner: is left as it is.
        changes: of each number by name, from what it is to what it becomes.

    Raises:
        ValueError: a name means no number, or several.
    """
    given = {name: changes[name](value) if name in changes else value for name, value in planner.given.items()}
    others = {name: change for name, change in changes.items() if name not in given}
    for name in set(others).intersection(ARGUMENTS):
        planner.value(name)  # says that it is not given
    if not isinstance(planner.cost, dict):
        return Planner(*_changed(planner.law, planner.cost, others), **given)
    pairs = {name: _changed(planner.law, cost, others) for name, cost in planner.cost.items()}
    law, _ = next(iter(pairs.values()))
    return Planner(law, {name: cost for name, (_, cost) in pairs.items()}, **given)


def _changed(law: AbstractLaw, cost: AbstractCost, changes: Mapping[str, Change]) -> tuple[AbstractLaw, AbstractCost]:
    return replaced(law, cost, {name: change(number(law, cost, name)) for name, change in changes.items()})
