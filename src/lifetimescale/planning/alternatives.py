"""Alternatives side by side: a choice between plans is made over plans, never within a cost."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt8

from lifetimescale.leaves import Leaf
from lifetimescale.planning import report
from lifetimescale.planning.plan import Plan
from lifetimescale.status import Status


class Cheapest(eqx.Module):
    """The best of several alternatives in every scenario, beside all of them.

    Args:
        plans: every alternative by name.
        choice: which of them is the best, by its place among the names; 0 where none is OK.
        params: N of the best.
        tokens: D of the best.
        loss: of the best.
        total: lifetime cost of the best.
        status: `OK`, or that of the first alternative where none is.
    """

    plans: dict[str, Plan]
    choice: Int[Array, "..."]
    params: Leaf
    tokens: Leaf
    loss: Leaf
    total: Leaf
    status: UInt8[Array, "..."]

    @property
    def names(self) -> list[str]:
        """The names of the alternatives, in the order that `choice` counts them."""
        return list(self.plans)

    @property
    def name(self) -> str:
        """The name of the best alternative of a single scenario."""
        return self.names[int(self.choice)]

    @property
    def best(self) -> Plan:
        """The plan of the best alternative of a single scenario."""
        return self.plans[self.name]

    def __str__(self) -> str:
        return report.describe_alternatives(self)


def cheapest(plans: Mapping[str, Plan] | Plan) -> Cheapest:
    """The best of alternative plans: the least total, or the lowest loss where the plans are of a budget.

    A choice between chips, precisions, numbers of chips, or between one's own chips and an API has more than one local
    optimum, so every alternative is planned by itself, where its optimum is the only one, and the best is taken.
    Gradients are those of the best; where an alternative has no plan, take them in forward mode (jax.jacfwd).

    Args:
        plans: by name; or one batch of them, along the first axis of which the alternatives lie.

    Raises:
        ValueError: there are none, or they have different units or targets.

    >>> import lifetimescale as lts
    >>> law, demand = lts.law("chinchilla"), lts.Demand(1e10, prompt=1000, output=250)
    >>> training = lts.Training(lts.chip("h100", price=2.5), mfu=0.41)
    >>> chips = {name: lts.chip(name, price=price) for name, price in (("h100", 2.5), ("b200", 6.0))}
    >>> plans = {name: lts.plan(law, training + lts.Roofline(chip, demand, "fp8", batch=64, chips=8), loss=1.95)
    ...          for name, chip in chips.items()}
    >>> lts.cheapest(plans).name
    'h100'
    """
    if isinstance(plans, Plan):
        count = plans.params.shape[0] if plans.params.ndim else 0
        plans = {str(index): _row(plans, index) for index in range(count)}
    if not plans:
        raise ValueError("there is no alternative to choose from: give at least one plan")
    kinds = {(plan.unit, plan.problem.budget is None) for plan in plans.values()}
    if len(kinds) > 1:
        raise ValueError("plans of different units, or of a loss and of a budget, do not compare: give all alike")
    columns = [(plan.params, plan.tokens, plan.loss, plan.total, plan.status) for plan in plans.values()]
    shape = jnp.broadcast_shapes(*(column[0].shape for column in columns))
    params, tokens, loss, total, status = (
        jnp.stack([jnp.broadcast_to(number, shape) for number in numbers]) for numbers in zip(*columns, strict=True)
    )
    judged = total if kinds == {(next(iter(kinds))[0], True)} else loss
    choice = jnp.argmin(jnp.where(status == Status.OK, jax.lax.stop_gradient(judged), jnp.inf), axis=0)
    best = (jnp.take_along_axis(column, choice[None], axis=0)[0] for column in (params, tokens, loss, total, status))
    return Cheapest(dict(plans), choice, *best)


def _row(plans: Plan, index: int) -> Plan:
    """One alternative of a batch; leaves that do not vary along the first axis are shared."""
    dimensions = plans.params.ndim

    def row(leaf):
        return leaf[0 if leaf.shape[0] == 1 else index] if eqx.is_array(leaf) and leaf.ndim == dimensions else leaf

    return jax.tree.map(row, plans)
