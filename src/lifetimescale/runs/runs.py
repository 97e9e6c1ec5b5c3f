"""Training runs: what a law is fitted to."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Bool, Float

from lifetimescale.units import format_count

Column = Float[np.ndarray, " n"] | Float[jax.Array, " n"]


class Runs(eqx.Module):
    """Finished training runs, one an element.

    Columns are kept in float64, whatever the session, unless they are JAX arrays already.

    Args:
        params: N, parameters.
        tokens: D, training tokens.
        loss: L, in nats per token or any other unit: a law fitted to it has the same.
        weight: of each run in a fit; 2 counts a run twice.
        left_out: for each rule that left rows of the source out, the rule and their number.
        design: a column for each design variable that the runs differ in, by name, in the unit of the law.

    Raises:
        ValueError: the columns differ in length.

    >>> runs = Runs(params=[1e9, 2e9], tokens=[2e10, 4e10], loss=[2.58, 2.40], design={"unique_tokens": [5e9, 4e10]})
    >>> print(runs)
    2 runs of 1.00B to 2.00B params, 20.0B to 40.0B tokens, loss 2.4 to 2.58, unique_tokens 5e+09 to 4e+10
    """

    params: Column
    tokens: Column
    loss: Column
    weight: Column
    left_out: tuple[tuple[str, int], ...] = eqx.field(static=True)
    design: dict[str, Column]

    def __init__(
        self,
        params: Any,
        tokens: Any,
        loss: Any,
        weight: Any = 1.0,
        left_out: tuple[tuple[str, int], ...] = (),
        *,
        design: Mapping[str, Any] | None = None,
    ):
        given = [("params", params), ("tokens", tokens), ("loss", loss), ("weight", weight), *(design or {}).items()]
        columns = [(name, _column(values)) for name, values in given]
        length = max(np.size(column) for _, column in columns[:3])
        filled = [(name, _filled(name, column, length)) for name, column in columns]
        self.params, self.tokens, self.loss, self.weight = (column for _, column in filled[:4])
        self.left_out = left_out
        self.design = dict(filled[4:])

    def __len__(self) -> int:
        return len(self.params)

    def columns(self) -> tuple[Column, Column, Column, Column]:
        """Params, tokens, loss and weight."""
        return self.params, self.tokens, self.loss, self.weight

    def where(self, chosen: Bool[np.ndarray, " n"]) -> "Runs":
        """Those of the runs."""
        params, tokens, loss, weight = (column[chosen] for column in self.columns())
        design = {name: column[chosen] for name, column in self.design.items()}
        return Runs(params, tokens, loss, weight, self.left_out, design=design)

    @property
    def compute(self) -> Column:
        """6 N D, FLOP."""
        return 6.0 * self.params * self.tokens

    @property
    def tokens_per_param(self) -> Column:
        """D/N."""
        return self.tokens / self.params

    def __str__(self) -> str:
        if any(isinstance(column, Tracer) for column in jax.tree.leaves(self)):
            return f"Runs(params={self.params}, tokens={self.tokens}, loss={self.loss})"
        ends = [
            f"{format_count(float(np.min(column)))} to {format_count(float(np.max(column)))} {name}"
            for name, column in (("params", self.params), ("tokens", self.tokens))
        ]
        low, high = np.min(self.loss), np.max(self.loss)
        design = "".join(f", {name} {np.min(x):.4g} to {np.max(x):.4g}" for name, x in self.design.items())
        left_out = "".join(f"; {count} left out ({rule})" for rule, count in self.left_out)
        return f"{len(self)} runs of {', '.join(ends)}, loss {low:.4g} to {high:.4g}{design}{left_out}"


def check_runs(runs: Runs) -> None:
    """Refuse runs that no law can be fitted to.

    Raises:
        TypeError: they are no `Runs`.
        ValueError: there are none, or a number is not finite or, but in a design, not positive; the message has the
            run, counted from 0.
    """
    if not isinstance(runs, Runs):
        raise TypeError(f"{type(runs).__name__} is no Runs: give lts.Runs(params, tokens, loss) or lts.read_runs(path)")
    if len(runs) == 0:
        raise ValueError("there are no runs: give some")
    for name, column in zip(("params", "tokens", "loss", "weight"), runs.columns(), strict=True):
        _check(name, column, role=name)
    for name, column in runs.design.items():
        _check(name, column, role="design")


def usable(values: Float[np.ndarray, " n"], *, role: str) -> Bool[np.ndarray, " n"]:
    """Which numbers a column of that role may hold."""
    if role == "design":
        return np.isfinite(values)
    return np.isfinite(values) & ((values >= 0) if role == "weight" else (values > 0))


def requirement(role: str) -> str:
    """The same in words."""
    return {"design": "finite", "weight": "finite and 0 or more"}.get(role, "finite and above 0")


def _check(name: str, column: Column, *, role: str) -> None:
    """Refuse the first number that the column may not hold."""
    if isinstance(column, Tracer):
        return
    values = np.asarray(column)
    wrong = ~usable(values, role=role)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{name}[{row}] is {values[row]}: every {name} must be {requirement(role)}")


def _column(values: Any) -> Any:
    return values if isinstance(values, jax.Array) else np.asarray(values, float)


def _filled(name: str, column: Any, length: int) -> Column:
    """A column with one number for each run."""
    if np.shape(column) not in ((), (length,)):
        raise ValueError(f"{name} has shape {np.shape(column)} where {length} runs need one number each")
    return column if np.ndim(column) else column + np.zeros(length)
