"""Training runs: what a law is fitted to."""

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

    Raises:
        ValueError: the columns differ in length.

    >>> runs = Runs(params=[1e9, 2e9], tokens=[2e10, 4e10], loss=[2.58, 2.40])
    >>> len(runs)
    2
    """

    params: Column
    tokens: Column
    loss: Column
    weight: Column
    left_out: tuple[tuple[str, int], ...] = eqx.field(static=True)

    def __init__(
        self,
        params: Any,
        tokens: Any,
        loss: Any,
        weight: Any = 1.0,
        left_out: tuple[tuple[str, int], ...] = (),
    ):
        given = {"params": params, "tokens": tokens, "loss": loss, "weight": weight}
        columns = {name: _column(values) for name, values in given.items()}
        length = max(np.size(columns[name]) for name in ("params", "tokens", "loss"))
        for name, column in columns.items():
            if np.shape(column) not in ((), (length,)):
                raise ValueError(f"{name} has shape {np.shape(column)} where {length} runs need one number each")
            columns[name] = column if np.ndim(column) else column + np.zeros(length)
        self.params, self.tokens, self.loss, self.weight = columns.values()
        self.left_out = left_out

    def __len__(self) -> int:
        return len(self.params)

    def columns(self) -> tuple[Column, Column, Column, Column]:
        """Params, tokens, loss and weight."""
        return self.params, self.tokens, self.loss, self.weight

    def where(self, chosen: Bool[np.ndarray, " n"]) -> "Runs":
        """Those of the runs."""
        return Runs(self.params[chosen], self.tokens[chosen], self.loss[chosen], self.weight[chosen], self.left_out)

    @property
    def compute(self) -> Column:
        """6 N D, FLOP."""
        return 6.0 * self.params * self.tokens

    @property
    def tokens_per_param(self) -> Column:
        """D/N."""
        return self.tokens / self.params

    def __str__(self) -> str:
        if isinstance(self.params, Tracer):
            return f"Runs(params={self.params}, tokens={self.tokens}, loss={self.loss})"
        ends = [
            f"{format_count(float(np.min(column)))} to {format_count(float(np.max(column)))} {name}"
            for name, column in (("params", self.params), ("tokens", self.tokens))
        ]
        low, high = np.min(self.loss), np.max(self.loss)
        left_out = "".join(f"; {count} left out ({rule})" for rule, count in self.left_out)
        return f"{len(self)} runs of {', '.join(ends)}, loss {low:.4g} to {high:.4g}{left_out}"


def check_runs(runs: Runs) -> None:
    """Refuse runs that no law can be fitted to.

    Raises:
        TypeError: they are no `Runs`.
        ValueError: there are none, or a number is not finite or not positive; the message has the run, counted from 0.
    """
    if not isinstance(runs, Runs):
        raise TypeError(f"{type(runs).__name__} is no Runs: give lts.Runs(params, tokens, loss) or lts.read_runs(path)")
    if len(runs) == 0:
        raise ValueError("there are no runs: give some")
    for name in ("params", "tokens", "loss", "weight"):
        column = getattr(runs, name)
        if isinstance(column, Tracer):
            continue
        values = np.asarray(column)
        wrong = ~(np.isfinite(values) & ((values >= 0) if name == "weight" else (values > 0)))
        if wrong.any():
            row = int(np.argmax(wrong))
            least = "0 or more" if name == "weight" else "above 0"
            raise ValueError(f"{name}[{row}] is {values[row]}: every {name} must be finite and {least}")


def _column(values: Any) -> Any:
    return values if isinstance(values, jax.Array) else np.asarray(values, float)
