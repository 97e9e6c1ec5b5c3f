"""`lifetimescale fit`."""

import contextlib
import math
import pathlib
import re
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lifetimescale.cli.fit_options import FitOptions, RunsOptions
from lifetimescale.cli.fit_report import prediction_of, print_report, report_of, score_of, uncertainty_of
from lifetimescale.cli.inputs import start
from lifetimescale.cli.options import Flag, InputError, Positive, Utilization
from lifetimescale.cli.pictures import Picture, check_picture, draw_fit
from lifetimescale.cli.progress import progress
from lifetimescale.cli.render import print_json

FAMILIES = {"chinchilla": "Chinchilla", "coupled": "Coupled", "kaplan": "Kaplan"}


def fit(
    path: str | None = None,
    /,
    *,
    law: Literal["chinchilla", "coupled", "kaplan"] = "chinchilla",
    runs: RunsOptions = RunsOptions(),
    options: FitOptions = FitOptions(),
    bootstrap: Annotated[Positive | None, Parameter(name="--bootstrap")] = None,
    level: Utilization = 0.95,
    seed: int = 0,
    holdout: str | None = None,
    save: str | None = None,
    save_score_map: str | None = None,
    plot: Picture = None,
    example: Flag = False,
    json: Flag = False,
) -> None:
    """A law from training runs, by the Huber loss of their log losses, and how sure it is.

    lifetimescale fit --example > runs.csv

    lifetimescale fit runs.csv --bootstrap 4000 --save law.json

    Args:
        path: CSV or Parquet with the params, the tokens (or the FLOPs) and the final loss of each run.
        law: What to fit.
        bootstrap: Refit to that many resampled sets of runs, for standard errors and intervals.
        level: Share of the bootstrap's draws within the intervals.
        seed: Of the bootstrap.
        holdout: Also fit without the most expensive runs and predict them: compute:0.2, tokens_per_param:0.2.
        save: Write the law there, for `lifetimescale plan --law`.
        save_score_map: Write the map from loss to --score-column there, for `lifetimescale plan --score-map`.
        plot: Draw the runs, the law and the residuals there, as .svg, .png or .pdf. Needs the extra `plots`.
        example: Print runs to try it on: 60 of a known law, with errors of 0.5 %.
        json: Print one JSON object.
    """
    if example and plot is not None:
        raise InputError("--plot draws a fit, and --example prints runs to fit: give one of them")
    if example:
        _print_example()
        return
    if path is None:
        raise InputError("name a file of runs: lifetimescale fit runs.csv (fit --example prints one)")
    for flag, file in (("--save", save), ("--save-score-map", save_score_map)):
        if file is not None and not pathlib.Path(file).parent.is_dir():
            raise InputError(f"{flag}: the folder of {file} does not exist: make it first")
    if (runs.score_column is None) != (save_score_map is None):
        raise InputError("--score-column and --save-score-map go together: give both")
    check_picture(plot)
    start()
    with _as_input_errors():
        report, fitted, score_map = _fit(path, law, runs, options, bootstrap, level, seed, holdout)
        _save(report, fitted, score_map, path, save, save_score_map)
    print_json(report) if json else print_report(report)
    if plot is not None:
        draw_fit(plot, fitted)


@contextlib.contextmanager
def _as_input_errors():
    """Whatever the library refuses is wrong input; what it calls by keyword has a flag here."""
    try:
        yield
    except (ValueError, OSError) as error:
        sentence = " ".join(str(error).split()).replace("fixed=", "--fix E=1.7").replace("where=", "--where ")
        sentence = re.sub(r"\b(params|tokens|loss|compute|weight)=", r"--\1-column ", sentence)
        raise InputError(sentence) from None


def _fit(path: str, law: str, runs_options: RunsOptions, options: FitOptions, draws, level, seed, holdout):
    """The report, the fit and the score map."""
    import functools

    import lifetimescale as lts

    runs = runs_options.read(path)
    one = functools.partial(lts.fit, getattr(lts, FAMILIES[law]), **options.arguments())
    split = _split(holdout, runs)
    with progress("fitting"):
        fitted = one(runs)
    report = report_of(law, fitted)
    if not math.isfinite(report["objective"]):
        raise InputError(report["warnings"][0])
    if split is not None:
        train, unseen = split
        report["holdout"] = prediction_of(holdout, lts.predict(one(train).law, unseen), len(train))
    if draws is not None:
        report |= uncertainty_of(fitted, int(draws), level, seed)
    if runs_options.score_column is None:
        return report, fitted, None
    score_fit = runs_options.fit_score_map(path, runs_options.score_column)
    return report | {"score_map": score_of(score_fit)}, fitted, score_fit.score


def _split(holdout: str | None, runs):
    import lifetimescale as lts

    if holdout is None:
        return None
    by, _, share = holdout.partition(":")
    try:
        return lts.split(runs, by=by, share=float(share or 0.2))
    except ValueError as error:
        raise InputError(f"--holdout {holdout}: {error}; write it like compute:0.2") from None


def _save(report: dict[str, Any], fitted, score_map, path: str, save: str | None, save_score_map: str | None) -> None:
    import lifetimescale as lts

    if save is not None:
        kept = ("objective", "runs", "left_out", "standard_errors", "intervals", "covariance", "unidentified")
        about = {name: report[name] for name in kept if name in report}
        lts.save(fitted.law, save, about={"source": f"fitted to {pathlib.Path(path).name}", **about})
        report["saved"] = save
    if save_score_map is not None:
        lts.save(score_map, save_score_map, about={"source": f"fitted to {pathlib.Path(path).name}"})
        report["saved_score_map"] = save_score_map


def _print_example() -> None:
    start()
    import jax

    import lifetimescale as lts

    law = lts.law("besiroglu2024")
    runs = lts.planted_runs(law, 60, key=jax.random.key(2024))
    print("params,tokens,loss")
    for row in zip(*runs.columns()[:3], strict=True):
        print(",".join(f"{value:.6g}" for value in row))
