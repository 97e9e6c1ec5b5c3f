"""What a fit says of itself: its covariance, what it leaves open, and the sentences."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from lifetimescale.compilation import compiled, in_double
from lifetimescale.fitting.coordinates import Vector
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.huber import Huber, Terms
from lifetimescale.laws import coefficients
from lifetimescale.logarithm import log
from lifetimescale.units import format_percent

if TYPE_CHECKING:
    from lifetimescale.fitting.fit import Fit

SINGULAR = 1e-13  # of the greatest eigenvalue of H: below it a direction is flat to rounding
FLAT = 1e16  # the variance along it
ARRIVED = 1e-9  # of the objective, still to be gained: above it the optimum is not reached
VANISHED = 1e-4  # of the least loss: a coefficient of the law that is a loss and less than this is 0


@in_double
@compiled
def covariance(problem: Problem, position: Vector) -> Float[Array, "k k"]:
    """As `Fit.covariance` says."""
    plane, weight, terms = problem.coordinates, problem.weight, _terms(problem, position)
    jacobian, total = jax.jacfwd(problem.residuals)(position), jnp.sum(weight)
    slopes, curvatures = weight * terms.slope, weight * terms.curvature
    values, vectors = jnp.linalg.eigh(jacobian.T @ (curvatures[:, None] * jacobian))
    flat = values <= SINGULAR * values[-1]
    along = (slopes[:, None] * jacobian) @ (vectors / jnp.where(flat, jnp.inf, values)[None, :])
    spread = along.T @ along * total / jnp.maximum(total - position.size, 1) + jnp.diag(jnp.where(flat, FLAT, 0))

    def reported(position: Vector) -> Vector:
        values = plane.coefficients(position)
        return jnp.stack(
            [
                log(values[name]) if is_log else values[name]
                for name, is_log in zip(plane.names, plane.positive, strict=True)
            ]
        )

    directions = jax.jacfwd(reported)(position) @ vectors
    return directions @ spread @ directions.T


@in_double
@compiled
def noise_variance(problem: Problem, position: Vector) -> Float[Array, ""]:
    """As `Fit.noise_variance` says."""
    terms, total = _terms(problem, position), jnp.sum(problem.weight)
    curvature = jnp.sum(problem.weight * terms.curvature) / total
    spread = jnp.sum(problem.weight * terms.slope**2) / jnp.maximum(total - position.size, 1)
    return spread / curvature**2


def _terms(problem: Problem, position: Vector) -> Terms:
    """The Huber losses of all residuals, delta raised to the median of their sizes."""
    residuals = problem.residuals(position)
    delta = jnp.maximum(problem.huber.delta, jnp.median(jnp.abs(residuals)))
    return jax.vmap(Huber(delta, problem.huber.quantile).terms)(residuals)


def unidentified(fitted: "Fit") -> list[str]:
    """The free coefficients that the runs leave open."""
    vanished = ["E"] if _floorless(fitted) else []
    vague = [name for name, error in fitted.relative_errors().items() if not error <= 1]
    return [name for name in fitted.names if name in {*vanished, *vague}]


def _floorless(fitted: "Fit") -> bool:
    return "E" in fitted.names and float(coefficients(fitted.law)["E"]) < VANISHED * float(np.min(fitted.runs.loss))


def messages(fitted: "Fit") -> list[str]:
    """The sentences."""
    if not np.isfinite(fitted.objective):
        return ["No start led to a finite objective: check that the law is defined at the starts, or give others."]
    found = []
    floorless = _floorless(fitted)
    rest = [name for name in unidentified(fitted) if not (floorless and name == "E")]
    if floorless:
        found.append(
            "E is driven to 0: the runs show no floor of the loss, so the law says nothing far above them; hold E at a "
            "value that you believe, or add larger models trained for longer."
        )
    if rest:
        verb = "is" if len(rest) == 1 else "are"
        found.append(
            f"{', '.join(rest)} {verb} not identified by these runs (known to no better than a factor of e): "
            "trust the loss within their range only, hold a coefficient, or add runs of other sizes and lengths."
        )
    if not float(fitted.remaining) <= ARRIVED:
        found.append("The search ended before it arrived at the optimum: give it more steps.")
    if float(fitted.eigenvalues[0]) < -SINGULAR * float(fitted.eigenvalues[-1]):
        found.append("The objective still falls in some direction: this is no minimum; try more starts or steps.")
    if fitted.advanced > 1 and round(float(fitted.converged_share) * fitted.advanced) <= 1:
        found.append("Only one start reached this objective: advance more of them to be sure that none is lower.")
    return found


def describe(fitted: "Fit") -> str:
    """The law, the objective and how it is known, in lines."""
    if isinstance(fitted.objective, Tracer):
        return repr(fitted)
    values = ", ".join(f"{name}={float(value):.6g}" for name, value in coefficients(fitted.law).items())
    share = format_percent(float(fitted.converged_share))
    following = float(fitted.next_best)
    others = "no other settled elsewhere" if np.isnan(following) else f"the next-best minimum is {following:.6g}"
    lines = [
        f"{type(fitted.law).__name__}({values})",
        f"objective {float(fitted.objective):.10g} over {len(fitted.runs)} runs; {share} of the best {fitted.advanced} "
        f"of {fitted.starts} starts reached it, {others}",
        f"{float(fitted.remaining):.0e} of it is left to gain, gradient norm {float(fitted.gradient_norm):.0e}, "
        f"eigenvalues of the Hessian {float(fitted.eigenvalues[0]):.2e} to {float(fitted.eigenvalues[-1]):.2e}",
        *messages(fitted),
    ]
    return "\n".join(lines)
