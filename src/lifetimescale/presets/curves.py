"""Published compute-optimal frontiers: curves to plot a plan against, which are no laws."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.leaves import Leaf, inexact
from lifetimescale.presets.tables import lookup, tables


@dataclasses.dataclass(frozen=True)
class PowerOfCompute:
    """coefficient (C/unit)^exponent, with C in FLOP.

    >>> print(f"{PowerOfCompute(0.299, 0.537)(3.8e25):.2e}")
    1.63e+13
    """

    coefficient: float
    exponent: float
    unit: float = 1.0

    def __call__(self, compute: ArrayLike) -> Leaf:
        """Its values at any numbers of budgets."""
        return self.coefficient * (inexact(compute) / self.unit) ** self.exponent


@dataclasses.dataclass(frozen=True)
class TableOfCompute:
    """Values at budgets of a table, C in FLOP, and between them by straight lines in logarithms; NaN beyond them.

    >>> print(f"{TableOfCompute((1e20, 1e22), (1e9, 1e10))(1e21):.2e}")
    3.16e+09
    """

    compute: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, compute: ArrayLike) -> Leaf:
        """Its values at any numbers of budgets."""
        budgets = inexact(compute)
        knots, values = (jnp.log(jnp.asarray(column, budgets.dtype)) for column in (self.compute, self.values))
        return jnp.exp(jnp.interp(jnp.log(budgets), knots, values, left=jnp.nan, right=jnp.nan))


@dataclasses.dataclass(frozen=True)
class ReferenceCurve:
    """The compute-optimal model of each budget, as a study found it.

    `curves` holds what the source states, of "params", "tokens" and "flops_per_token"; `meaning` has a sentence for
    each and for "compute"; `range` is the least and the greatest budget of the runs, in FLOP, where they are known.
    """

    name: str
    title: str
    curves: Mapping[str, PowerOfCompute | TableOfCompute]
    meaning: Mapping[str, str]
    source: str
    warning: str
    range: tuple[float, float] | None = None

    def params(self, compute: ArrayLike) -> Leaf:
        """N of any numbers of budgets in FLOP; a ValueError if the source states none."""
        return self._stated("params", compute)

    def tokens(self, compute: ArrayLike) -> Leaf:
        """D of any numbers of budgets in FLOP; a ValueError if the source states none."""
        return self._stated("tokens", compute)

    def flops_per_token(self, compute: ArrayLike) -> Leaf:
        """M, of training, of any numbers of budgets in FLOP; a ValueError if the source states none."""
        return self._stated("flops_per_token", compute)

    @property
    def why_not_a_law(self) -> str:
        """One sentence for whoever plans with it."""
        return (
            f"{self.name} is a reference curve, not a law: it fixes one model for each budget and has no other models "
            "of equal loss, so it cannot price over-training; plan with lifetimescale.law(name) and plot the plans "
            f"against lifetimescale.reference_curve({self.name!r})"
        )

    def _stated(self, what: str, compute: ArrayLike) -> Leaf:
        if what not in self.curves:
            raise ValueError(f"the source of {self.name} states no {what}, only {' and '.join(self.curves)}")
        return self.curves[what](compute)


def reference_curve(name: str) -> ReferenceCurve:
    """A published compute-optimal frontier by name; `reference_curves()` lists them.

    Raises:
        ValueError: there is no such curve; the message has the nearest name.

    >>> print(f"{reference_curve('hoffmann2022_a1_frontier').params(5.76e23):.2e}")
    6.70e+10
    """
    return lookup("reference curve", name, reference_curves(), reference_curves())


@functools.cache
def reference_curves() -> Mapping[str, ReferenceCurve]:
    """All published compute-optimal frontiers, by name."""
    return {name: _curve(name, table) for name, table in tables("curves.toml").items()}


def _curve(name: str, table: dict[str, Any]) -> ReferenceCurve:
    fields = dict(table)
    fields["curves"] = {what: _of_compute(numbers) for what, numbers in table["curves"].items()}
    if "range" in table:
        fields["range"] = tuple(table["range"])
    return ReferenceCurve(name, **fields)


def _of_compute(numbers: dict[str, Any]) -> PowerOfCompute | TableOfCompute:
    if "exponent" in numbers:
        return PowerOfCompute(**numbers)
    return TableOfCompute(tuple(numbers["compute"]), tuple(numbers["values"]))
