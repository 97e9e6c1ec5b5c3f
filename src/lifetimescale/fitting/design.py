"""Fits of laws that have design variables: each run has values of its own."""

import dataclasses
from collections.abc import Iterable

import equinox as eqx

from lifetimescale.design import Between
from lifetimescale.laws import AbstractLaw, FittedRange, FunctionLaw
from lifetimescale.leaves import Scalar
from lifetimescale.logarithm import log
from lifetimescale.runs import Runs


def log_residual(law: AbstractLaw, params: Scalar, tokens: Scalar, log_loss: Scalar) -> Scalar:
    """log predicted - log observed loss."""
    return log(law.loss(params, tokens)) - log_loss


@dataclasses.dataclass(frozen=True)
class DesignResidual:
    """`log_residual` of a run by the law at the run's own design: equal, and so compiled once, for the same names.

    Args:
        names: of the design variables, in the order of their observations.
    """

    names: tuple[str, ...]

    def __call__(self, law: AbstractLaw, params: Scalar, tokens: Scalar, *rest: Scalar) -> Scalar:
        *values, log_loss = rest
        return log_residual(law.at(dict(zip(self.names, values, strict=True))), params, tokens, log_loss)


def check_columns(law: str, variables: Iterable[str], runs: Runs) -> None:
    """Refuse runs without a column for each design variable.

    Raises:
        ValueError: a column is missing.
    """
    missing = [name for name in variables if name not in runs.design]
    if missing:
        there = f"they have {', '.join(runs.design)}" if runs.design else "they have none"
        columns = ", ".join(f"{name!r}: [...]" for name in missing)
        raise ValueError(
            f"{law} needs a design column {' and '.join(missing)} of the runs, {there}: "
            f"give lts.Runs(..., design={{{columns}}}) or lts.read_runs(path, design={missing})"
        )


def in_range(law: AbstractLaw, fitted: FittedRange) -> AbstractLaw:
    """The law with the range of its runs, which is also where the design variables of a function lie in a plan."""
    law = eqx.tree_at(lambda law: law.fitted, law, fitted)
    if not isinstance(law, FunctionLaw) or not law.design:
        return law
    ranges = {name: Between(*fitted.design[name]) for name in law.design}
    return eqx.tree_at(lambda law: law.design, law, ranges)
