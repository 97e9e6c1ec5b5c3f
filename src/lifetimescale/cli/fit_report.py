"""A fit, for programs and for people."""

from typing import Any

from lifetimescale.cli.progress import progress
from lifetimescale.cli.render import print_lines, print_table
from lifetimescale.units import format_percent

VANISHED = 1e-4  # of the largest draw: what a draw of 0 counts as in the logarithm


def report_of(law: str, fitted) -> dict[str, Any]:
    """A fit, as `--json` has it."""
    from lifetimescale.laws import coefficients

    numbers = ("objective", "converged_share", "next_best", "gradient_norm", "remaining")
    return {
        "law": law,
        "coefficients": {name: float(value) for name, value in coefficients(fitted.law).items()},
        **{name: float(getattr(fitted, name)) for name in numbers},
        "eigenvalues": [float(value) for value in fitted.eigenvalues],
        "runs": len(fitted.runs),
        "left_out": dict(fitted.runs.left_out),
        "starts": fitted.starts,
        "advanced": fitted.advanced,
        "asymptotic_errors": {name: float(error) for name, error in fitted.standard_errors().items()},
        "unidentified": list(fitted.unidentified),
        "warnings": fitted.messages(),
    }


def uncertainty_of(fitted, draws: int, level: float, seed: int) -> dict[str, Any]:
    """What the bootstrap says; the covariance is of logarithms where a coefficient is positive."""
    import jax
    import numpy as np

    import lifetimescale as lts

    with progress("bootstrap") as advance:
        key = jax.random.key(seed)
        laws = lts.bootstrap(fitted, draws=draws, key=key, progress=lambda done: advance(done, draws))
    errors, ends = lts.standard_errors(laws), lts.intervals(laws, level=level)
    values, plane = lts.coefficients(laws), fitted.problem.coordinates
    moving = [name for name in values if name not in plane.fixed]
    done = np.isfinite(np.asarray(values[plane.names[0]]))
    columns = {name: np.asarray(values[name])[done] for name in plane.names}
    for name in [name for name, positive in zip(plane.names, plane.positive, strict=True) if positive]:
        drawn = columns.pop(name)
        columns[f"log_{name}"] = np.log(np.maximum(drawn, VANISHED * drawn.max()))
    return {
        "draws": draws,
        "level": level,
        "standard_errors": {name: float(errors[name]) for name in moving},
        "intervals": {name: [float(end) for end in ends[name]] for name in moving},
        "covariance": {"order": list(columns), "matrix": np.atleast_2d(np.cov(list(columns.values()))).tolist()},
    }


def prediction_of(holdout: str, prediction, fitted: int) -> dict[str, Any]:
    """How well the runs that were held out are predicted."""
    numbers = {name: float(getattr(prediction, name)) for name in ("mean_absolute", "bias", "worst")}
    return {"by": holdout, "fitted": fitted, "predicted": len(prediction.runs), **numbers}


def score_of(score_fit) -> dict[str, Any]:
    """A fitted score map."""
    import jax.numpy as jnp

    from lifetimescale.laws import coefficients

    return {
        "family": type(score_fit.score).__name__,
        "coefficients": {name: float(value) for name, value in coefficients(score_fit.score).items()},
        "rms": float(jnp.sqrt(jnp.mean(score_fit.residuals**2))),
    }


def print_report(report: dict[str, Any]) -> None:
    """A table and sentences for people."""
    errors = report.get("standard_errors", report["asymptotic_errors"])
    intervals = report.get("intervals", {})
    columns = ["", "value", "standard error", *([f"{100 * report['level']:g} % interval"] if intervals else [])]
    rows = [
        [name, f"{value:.6g}", f"{errors[name]:.3g}" if name in errors else "held", *_ends(intervals.get(name))]
        for name, value in report["coefficients"].items()
    ]
    print_table(f"law: {report['law']}", columns, rows)
    print_lines(["", *_sentences(report), *report["warnings"]])


def _ends(interval: list[float] | None) -> list[str]:
    return [] if interval is None else [f"{interval[0]:.4g} to {interval[1]:.4g}"]


def _sentences(report: dict[str, Any]) -> list[str]:
    left_out = "".join(f"; {count} left out by {rule}" for rule, count in report["left_out"].items())
    lines = [
        f"{report['runs']} runs{left_out}.",
        f"Objective {report['objective']:.10g}: {format_percent(report['converged_share'])} of the best "
        f"{report['advanced']} of {report['starts']} starts reached it.",
    ]
    if "draws" not in report:
        lines.append("Standard errors are asymptotic: --bootstrap 4000 assumes less.")
    if "holdout" in report:
        held = report["holdout"]
        errors = [format_percent(held[name]) for name in ("mean_absolute", "bias", "worst")]
        lines.append(
            f"Fitted to the other {held['fitted']} runs it predicts the {held['predicted']} held out ({held['by']}) "
            f"with a mean |error| of {errors[0]}, a bias of {errors[1]} and {errors[2]} at worst."
        )
    if "score_map" in report:
        values = ", ".join(f"{name}={value:.4g}" for name, value in report["score_map"]["coefficients"].items())
        lines.append(
            f"{report['score_map']['family']}({values}), rms error of the score {report['score_map']['rms']:.3g}."
        )
    return lines + [f"Saved to {report[key]}." for key in ("saved", "saved_score_map") if key in report]
