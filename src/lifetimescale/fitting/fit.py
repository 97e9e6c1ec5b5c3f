"""From training runs to a law: the door, and what comes out of it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, Float, Int

from lifetimescale.compilation import compiled, in_double
from lifetimescale.fitting import report, starting
from lifetimescale.fitting.coordinates import Vector, coordinates
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.design import DesignResidual, check_columns, in_range, log_residual
from lifetimescale.fitting.huber import Huber
from lifetimescale.fitting.minimum import minimise, optimum
from lifetimescale.fitting.starting import Kind
from lifetimescale.laws import AbstractLaw, FittedRange, coefficients
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.logarithm import log
from lifetimescale.runs import Runs, check_runs


class Fit(eqx.Module):
    """A fitted law, and how sure it is that no better one exists.

    The law is differentiable in the runs; nothing else here is. `print(fitted)` says all of it in words.

    Args:
        law: the law at the optimum; its fitted range is that of the runs.
        runs: what it was fitted to.
        objective: sum_i w_i huber(r_i) there.
        residuals: r_i = log predicted - log observed loss.
        gradient_norm: of the objective in centred coordinates: log E, log A - alpha mean(log N), alpha,
            log B - beta mean(log D), beta; other positive coefficients by their logarithms.
        remaining: the share of the objective that a step of Newton's method would still take off.
        eigenvalues: of the objective's Hessian there, ascending; positive ones make it a minimum.
        converged_share: of the starts that were advanced, those that had reached the objective to 1e-6 when the search
            ended, which it does once the best and a quarter of all have settled.
        next_best: the objective of the next-best minimum that a start settled in; NaN where there is none.
        steps: how often the advanced starts were evaluated.
        starts: how many were evaluated.
        advanced: how many of them, the best, were walked to the end.
        problem: the objective itself, for refits.
        position: the optimum, in the coordinates of `problem`.
    """

    law: AbstractLaw
    runs: Runs
    objective: Scalar
    residuals: Float[Array, " n"]
    gradient_norm: Scalar
    remaining: Scalar
    eigenvalues: Float[Array, " k"]
    converged_share: Scalar
    next_best: Scalar
    steps: Int[Array, ""]
    starts: int = eqx.field(static=True)
    advanced: int = eqx.field(static=True)
    problem: Problem
    position: Vector

    @property
    def names(self) -> tuple[str, ...]:
        """The free coefficients."""
        return self.problem.coordinates.names

    @property
    def covariance(self) -> Float[Array, "k k"]:
        """Asymptotic covariance of the free coefficients in the order of `names`, of the logarithms of positive ones.

        n/(n - k) H^-1 (sum_i psi_i^2 s_i s_i^T) H^-1, with s_i the slopes of residual i, psi_i that of its Huber loss
        and H the sum of s_i s_i^T over the residuals within delta (the "sandwich" of Huber 1981, section 6.3: errors
        need not be alike); delta is raised to the median |r|, as a lesser one leaves too few residuals within. Huge
        where a direction is flat. On the 240 runs of Besiroglu et al. within a third of the bootstrap's errors, but
        half of them for B; the bootstrap assumes less.
        """
        return report.covariance(self.problem, self.position)

    @property
    def noise_variance(self) -> Scalar:
        """Of a run's log loss, as the fit counts it: mean(psi^2)/mean(psi')^2, by the delta of `covariance`.

        For least squares the mean square of the residuals; for a Huber loss what makes one more run, of slopes s, add
        s s'/variance to the information (Huber 1981, section 6.3).
        """
        return report.noise_variance(self.problem, self.position)

    def relative_errors(self) -> dict[str, Scalar]:
        """The standard error of each free coefficient over its value, by the covariance."""
        plane, errors = self.problem.coordinates, jnp.sqrt(jnp.diagonal(self.covariance))
        values = coefficients(self.law)
        return {
            name: errors[i] if plane.positive[i] else errors[i] / jnp.abs(values[name])
            for i, name in enumerate(plane.names)
        }

    def standard_errors(self) -> dict[str, Scalar]:
        """The standard error of each free coefficient, by the covariance."""
        values = coefficients(self.law)
        return {name: error * jnp.abs(values[name]) for name, error in self.relative_errors().items()}

    @property
    def unidentified(self) -> tuple[str, ...]:
        """The coefficients that these runs leave open: known to no better than a factor of e, or driven to 0."""
        return tuple(report.unidentified(self))

    def messages(self) -> list[str]:
        """What to know before the law is used, a sentence each."""
        return report.messages(self)

    def __str__(self) -> str:
        return report.describe(self)


def fit(
    law: Callable[..., Any],
    runs: Runs,
    *,
    delta: ArrayLike = 1e-3,
    quantile: ArrayLike = 0.5,
    starts: str | Mapping[str, Sequence[float] | ArrayLike] | AbstractLaw = "hoffmann",
    fixed: Mapping[str, ArrayLike | eqx.Module] | None = None,
    tied: Mapping[str, str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    advance: int = 256,
    steps: int = 500,
) -> Fit:
    """The law that minimises sum_i w_i Huber_delta(log law(N_i, D_i, design_i) - log L_i).

    Approach 3 of Hoffmann et al. 2022 (arXiv:2203.15556, section 3.3): every start is evaluated, the best are walked
    down together, and the best of those is polished by Newton's method. Runs in float64, whatever the session; under
    jit, grad and vmap in the type of the runs.

    A law with design variables is compared with each run at the run's own, which are columns of `Runs.design`.

    Differentiable in the runs (and in `fixed`), in both modes, by the implicit function theorem: a run whose residual
    is beyond delta has derivative 0 through its loss.

    Args:
        law: a class of laws such as `Chinchilla`, or a function of (params, tokens, and the coefficients by name) that
            returns the loss of one model; those of its names that are columns of `runs.design` are design variables.
        runs: the observations.
        delta: the knee of the Huber loss; inf is least squares.
        quantile: the share of runs that should lie below the law: 0.5 is plain, 0.1 fits a lower envelope.
        starts: "hoffmann" is the 4500 of Hoffmann et al. (for `Coupled` with two gammas; for `DataConstrained` 3888
            of our own); or values for each coefficient, of which every combination is a start; or a law, or a batch of
            them, as the starts themselves.
        fixed: coefficients that keep a value, which may be a law itself: {"supervised": law} for `Distilled`.
        tied: coefficients that equal another: {"beta": "alpha"}.
        bounds: the least and the greatest value of a coefficient.
        optimizer: any optax optimizer; by default the Gauss-Newton method of this library.
        advance: how many starts are walked to the end, the best ones.
        steps: the most steps of that walk.

    Raises:
        ValueError: the runs are too few or not positive and finite or lack a design variable of the law, or a name or
            a value is wrong.

    >>> import lifetimescale as lts
    >>> law = lts.Chinchilla(E=1.7, A=400.0, B=2000.0, alpha=0.34, beta=0.37)
    >>> params, tokens = jnp.meshgrid(jnp.logspace(8, 10, 5), jnp.logspace(9, 12, 6))
    >>> runs = lts.Runs(params.ravel(), tokens.ravel(), law(params, tokens).ravel())
    >>> print(f"{lts.fit(lts.Chinchilla, runs).law.alpha:.6f}")
    0.340000
    """
    check_runs(runs)
    fixed, tied, bounds = fixed or {}, tied or {}, bounds or {}
    kind = starting.kind_of(law, runs)
    table = starting.table(kind, starts, fixed, tied)
    starting.known(kind, "bounds", bounds)
    starting.check(table, len(runs), delta=delta, quantile=quantile)
    fixed = {name: starting.held(value) for name, value in fixed.items()}
    kind = starting.with_variables(kind, table, fixed, tied)
    check_columns(kind.name, kind.variables, runs)
    return _fit(
        runs,
        table,
        fixed,
        Huber(delta, quantile),
        kind=kind,
        positive=tuple(starting.positive(kind, table, tied, bounds).items()),
        tied=tuple(tied.items()),
        bounds=tuple((name, (float(least), float(most))) for name, (least, most) in bounds.items()),
        optimizer=optimizer,
        advance=min(advance, len(next(iter(table.values())))),
        steps=steps,
    )


@in_double
@functools.partial(compiled, static_argnames=("kind", "positive", "tied", "bounds", "optimizer", "advance", "steps"))
def _fit(
    runs: Runs,
    table: Mapping[str, Any],
    fixed: Mapping[str, Leaf | eqx.Module],
    huber: Huber,
    *,
    kind: Kind,
    positive: tuple[tuple[str, bool], ...],
    tied: tuple[tuple[str, str], ...],
    bounds: tuple[tuple[str, tuple[float, float]], ...],
    optimizer: optax.GradientTransformation | None,
    advance: int,
    steps: int,
) -> Fit:
    dtype = jnp.result_type(runs.loss)
    params, tokens, loss, weight = (jnp.asarray(column, dtype) for column in runs.columns())
    table = {name: jnp.asarray(values, dtype) for name, values in table.items()}
    means = [jnp.mean(jnp.log(jax.lax.stop_gradient(column))) for column in (params, tokens)]
    plane = coordinates(
        kind,
        dict(positive),
        levels=kind.levels,
        centres=[(*term, mean) for term, mean in zip(kind.terms, means, strict=False)],
        fixed=fixed,
        tied=dict(tied),
        bounds=dict(bounds),
    )
    design = {name: jnp.asarray(runs.design[name], dtype) for name in kind.variables}
    residual = DesignResidual(kind.variables) if design else log_residual
    problem = Problem(residual, plane, huber, (params, tokens, *design.values(), jax.vmap(log)(loss)), weight)
    known = jax.lax.stop_gradient(problem)
    least = minimise(known, plane.values_of(table), optimizer=optimizer, advance=advance, steps=steps)
    problem = problem.walked(near=True)
    position = optimum(least.position, problem)
    fitted = FittedRange(_ends(params), _ends(tokens), _ends(tokens / params), jax.tree.map(_ends, design))
    return Fit(
        law=in_range(problem.coordinates(position), fitted),
        runs=runs,
        objective=least.value,
        residuals=problem.residuals(position),
        gradient_norm=least.gradient_norm,
        remaining=least.remaining,
        eigenvalues=least.eigenvalues,
        converged_share=least.converged_share,
        next_best=least.next_best,
        steps=least.steps,
        starts=len(table[next(iter(table))]),
        advanced=advance,
        problem=problem,
        position=position,
    )


def _ends(column: Float[Array, " n"]) -> tuple[Scalar, Scalar]:
    return jnp.min(column), jnp.max(column)
