"""Elasticities: by how many percent an output of a plan moves for one percent of each number behind it."""

import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from lifetimescale.compilation import in_double
from lifetimescale.leaves import Leaf
from lifetimescale.planning import Cheapest
from lifetimescale.sensitivity.text import by_size, decimals, table
from lifetimescale.sensitivity.variation import varied
from lifetimescale.sweeps import Planner, pick

OUTPUTS = ("params", "tokens", "total", "saving")


class Elasticities(eqx.Module):
    """d log y/d log x, of outputs y of a plan by the numbers x of its law, its cost and its target.

    Args:
        values: of each output, and of each number by name; each of the shape of the plans.
    """

    values: dict[str, dict[str, Leaf]]

    def ranked(self, output: str) -> list[tuple[str, float]]:
        """The numbers of a single scenario, from what moves an output the most to what moves it the least.

        Raises:
            ValueError: there is no such output, or there are many scenarios.
        """
        if output not in self.values:
            raise ValueError(f"no elasticities of {output!r}: there are those of {', '.join(self.values)}")
        if self._shape:
            raise ValueError(f"elasticities of shape {self._shape} have no one order: take those of a single scenario")
        values = {name: float(value) for name, value in self.values[output].items()}
        return [(name, values[name]) for name in by_size(values)]

    @property
    def _shape(self) -> tuple[int, ...]:
        return next(value.shape for values in self.values.values() for value in values.values())

    def __str__(self) -> str:
        outputs = list(self.values)
        first = "params" if "params" in outputs else outputs[0]
        if self._shape:
            return f"elasticities of {', '.join(outputs)} by {len(self.values[first])} numbers, of shape {self._shape}"
        rows = [
            [name, *(decimals(float(self.values[output][name])) for output in outputs)]
            for name, _ in self.ranked(first)
        ]
        return table([["1 % more of", *outputs], *rows])


def elasticities(planner: Planner, *, outputs: Sequence[str] | None = None) -> Elasticities:
    """By how many percent outputs of a plan move for one percent of each number behind it, exactly.

    With every number x multiplied by a factor s_x of its own, d log y/d log x = (dy/ds_x)/y at s = 1: one linearisation
    of the plan, and no difference of two plans, in float64 whatever the session. A number that is 0 stays 0 under any
    factor, so its elasticity is 0. An output below 0 has the elasticity of its magnitude (`saving`, of a plan that
    costs more than its compute-optimal twin); one that is 0 has none, and is NaN (`saving` where nothing is served).
    Where there is no plan all are NaN.

    Args:
        planner: one scenario, or any number of them where its numbers are arrays.
        outputs: names as in `sweep`; ("params", "tokens", "total", "saving") by default, of alternatives (whose
            elasticities are those of the best) without the last.

    Returns:
        Those by all of `planner.names`, and by the target, the size and the bounds that are given.

    Raises:
        ValueError: there is not one target, or an output does not exist or is not a continuous number.

    >>> import lifetimescale as lts
    >>> planner = lts.Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9)
    >>> found = elasticities(planner)
    >>> print(f"{found.values['params']['inference_tokens']:.3f} {found.values['tokens']['inference_tokens']:.3f}")
    -0.267 0.410
    """
    names = (*planner.names, *planner.given)
    outputs = (outputs,) if isinstance(outputs, str) else outputs
    chosen = None if outputs is None else tuple(dict.fromkeys(outputs))
    if chosen == ():
        raise ValueError('there are no outputs: name what is to be known, like ["params", "total"]')
    found = _elasticities(planner, names, chosen)
    order = [name for name in chosen or OUTPUTS if name in found]
    return Elasticities({output: dict(zip(names, found[output], strict=True)) for output in order})


@in_double
@functools.partial(jax.jit, static_argnames=("names", "outputs"))
def _elasticities(planner: Planner, names: tuple[str, ...], outputs: tuple[str, ...] | None) -> dict[str, list[Leaf]]:
    """Of each output, the elasticities by each name."""

    def scaled(factors: Leaf) -> dict[str, Leaf]:
        changes = {name: functools.partial(_times, factors[place]) for place, name in enumerate(names)}
        return _picked(varied(planner, changes), outputs)

    values, derivatives = jax.linearize(scaled, jnp.ones(len(names)))
    # One after another: a program of all numbers at once takes 3 times as long to compile.
    slopes = jax.lax.map(derivatives, jnp.eye(len(names)))
    return {name: list(_relative(slopes[name], value)) for name, value in values.items()}


def _times(factor: Leaf, value: Leaf) -> Leaf:
    """factor value; a bound at infinity stays there, with no derivative."""
    finite = jnp.isfinite(value)
    return jnp.where(finite, factor.astype(value.dtype) * jnp.where(finite, value, 1), value)


def _picked(planner: Planner, outputs: tuple[str, ...] | None) -> dict[str, Leaf]:
    """Some outputs of the plans, each of the shape of the plans."""
    plans = planner()
    if outputs is None:
        outputs = OUTPUTS[:3] if isinstance(plans, Cheapest) else OUTPUTS
    values = {name: pick(plans, name) for name in outputs}
    for name, value in values.items():
        if not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(f"{name!r} moves in steps and has no elasticity: ask for numbers like params or total")
    return {name: jnp.broadcast_to(value, plans.params.shape) for name, value in values.items()}


def _relative(slopes: Leaf, value: Leaf) -> Leaf:
    """slope/value, NaN where the value is 0."""
    return jnp.where(value == 0, jnp.nan, slopes / jnp.where(value == 0, 1, value)[None])
