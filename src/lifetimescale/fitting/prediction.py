"""How well a law predicts runs that it has not seen."""

import functools
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lifetimescale.compilation import compiled, in_double
from lifetimescale.fitting.bootstrap import refits
from lifetimescale.fitting.coordinates import Vector
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.design import check_columns
from lifetimescale.fitting.fit import Fit
from lifetimescale.laws import AbstractLaw
from lifetimescale.runs import Runs
from lifetimescale.units import format_percent

ORDERS = ("compute", "tokens_per_param", "params", "tokens")
ONE_SIZE = 1.02  # sizes less than this factor apart are one


class Prediction(eqx.Module):
    """What a law said of runs that it was not fitted to.

    Args:
        runs: the runs.
        errors: log predicted - log observed loss, of each.
    """

    runs: Runs
    errors: Float[Array, " n"]

    @property
    def bias(self) -> Float[Array, ""]:
        """The mean error; positive where the law is too pessimistic."""
        return jnp.mean(self.errors)

    @property
    def mean_absolute(self) -> Float[Array, ""]:
        """The mean of |error|."""
        return jnp.mean(jnp.abs(self.errors))

    @property
    def worst(self) -> Float[Array, ""]:
        """The greatest |error|."""
        return jnp.max(jnp.abs(self.errors))

    def __str__(self) -> str:
        mean, bias, worst = (format_percent(float(x)) for x in (self.mean_absolute, self.bias, self.worst))
        return f"{len(self.runs)} runs: mean |error| of the loss {mean}, bias {bias}, worst {worst}"


def predict(law: AbstractLaw, runs: Runs) -> Prediction:
    """The errors of a law on runs, each at its own design if the law has design variables.

    Raises:
        ValueError: the runs lack a design variable of the law.

    >>> import lifetimescale as lts
    >>> print(lts.predict(lts.law("chinchilla"), lts.Runs([7e9], [1.4e11], [2.1])))
    1 runs: mean |error| of the loss 3.6 %, bias 3.6 %, worst 3.6 %
    """
    check_columns(type(law).__name__, law.variables, runs)
    design = {name: runs.design[name] for name in law.variables}
    return Prediction(runs, jnp.log(law(runs.params, runs.tokens, design)) - jnp.log(jnp.asarray(runs.loss)))


def split(runs: Runs, *, by: str = "compute", share: float = 0.2) -> tuple[Runs, Runs]:
    """The cheap runs to fit, and the expensive ones to predict.

    Args:
        runs: all of them.
        by: "compute", "tokens_per_param", "params", "tokens" or a column of `runs.design`: the runs that have the most
            are held out.
        share: of the runs that is held out, at least one.

    Raises:
        ValueError: there is no such order, the share is not between 0 and 1, or it leaves no run to fit.
    """
    if by not in (*ORDERS, *runs.design):
        raise ValueError(f"no order {by!r}: hold out by {', '.join((*ORDERS, *runs.design))}")
    held = int(np.ceil(share * len(runs)))
    if not 0 < share < 1 or held >= len(runs):
        raise ValueError(f"a share of {share:g} of {len(runs)} runs cannot be held out: give one between 0 and 1")
    column = getattr(runs, by) if by in ORDERS else runs.design[by]
    order = np.argsort(np.asarray(column), kind="stable")
    expensive = np.zeros(len(runs), bool)
    expensive[order[-held:]] = True
    return runs.where(~expensive), runs.where(expensive)


def compare(fits: Mapping[str, Callable[[Runs], Fit]], runs: Runs, unseen: Runs) -> dict[str, Prediction]:
    """Several laws, fitted to the same runs, on the same unseen ones.

    Args:
        fits: by name, a function from runs to a fit, such as `functools.partial(lts.fit, lts.Chinchilla)`.
        runs: to fit.
        unseen: to predict.
    """
    return {name: predict(fit(runs).law, unseen) for name, fit in fits.items()}


def leave_one_size_out(fitted: Fit) -> Prediction:
    """Every run predicted by the law that is fitted to the runs of all other sizes (those within 2 % are one size).

    All the fits are one batch, each from the optimum of all runs; NaN where one has no optimum that was reached.
    """
    params = np.asarray(fitted.runs.params)
    order = np.argsort(params, kind="stable")
    size = np.empty(len(params), int)
    size[order] = np.cumsum(np.r_[False, np.diff(np.log(params[order])) > np.log(ONE_SIZE)])
    errors = _left_out(fitted.problem, fitted.position, size, sizes=int(size.max()) + 1)
    return Prediction(fitted.runs, errors)


@in_double
@functools.partial(compiled, static_argnames=("sizes",))
def _left_out(problem: Problem, position: Vector, size: Array, *, sizes: int) -> Float[Array, " n"]:
    others = size[:, None] != jnp.arange(sizes)[None, :]
    without = eqx.tree_at(lambda p: p.weight, problem, jnp.where(others, problem.weight[:, None], 0))
    positions = refits(without, position, sizes)
    return jax.vmap(problem.residuals)(positions)[size, jnp.arange(len(size))]
