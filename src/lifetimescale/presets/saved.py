"""Fitted laws and score maps as files of JSON: their numbers, and what is known of them."""

import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from lifetimescale import laws, scores
from lifetimescale.files import write_whole
from lifetimescale.laws import AbstractLaw, FittedRange, coefficients
from lifetimescale.scores import AbstractScore

LAWS = {"Chinchilla": laws.Chinchilla, "Coupled": laws.Coupled, "Kaplan": laws.Kaplan}
SCORES = {"ExponentialScore": scores.ExponentialScore, "SigmoidScore": scores.SigmoidScore}
RANGES = ("params", "tokens", "tokens_per_param")


def save(fitted: AbstractLaw | AbstractScore, path: str | os.PathLike[str], *, about: Mapping[str, Any] | None = None):
    """Write a law, with its fitted range, or a score map as JSON; `load` reads it again to the last digit.

    Args:
        fitted: a law of a published family, or a score map.
        path: of the file, which is written whole or not at all.
        about: anything else worth keeping: source, covariance, objective.

    Raises:
        ValueError: it cannot be written as numbers: a law of one's own, or a batch.
        OSError: the file cannot be written.
    """
    family = type(fitted).__name__
    if family not in LAWS | SCORES:
        raise ValueError(f"a {family} is code of your own, no file holds it: save its coefficients yourself")
    values = coefficients(fitted)
    if any(value.ndim for value in values.values()):
        raise ValueError("this is a batch: save one law at a time")
    content: dict[str, Any] = {"family": family, "coefficients": {name: float(value) for name, value in values.items()}}
    if isinstance(fitted, AbstractLaw):
        ranges = {name: [float(end) for end in getattr(fitted.fitted, name)] for name in RANGES}
        content["range"] = {name: ends for name, ends in ranges.items() if math.isfinite(ends[1])}
    text = json.dumps({**content, **(about or {})}, indent=2) + "\n"
    write_whole(pathlib.Path(path), lambda part: part.write_text(text, encoding="utf-8"))


def load(path: str | os.PathLike[str]) -> AbstractLaw | AbstractScore:
    """The law or the score map of a file that `save` wrote.

    Raises:
        ValueError: the file is not there, or is not one of those; the message says what is wrong.
    """
    content = load_table(path)
    family, values = content.get("family"), content.get("coefficients")
    if family not in LAWS | SCORES or not isinstance(values, dict):
        raise ValueError(f"{path} is no saved law or score map: its family must be one of {', '.join(LAWS | SCORES)}")
    try:
        numbers = {name: float(value) for name, value in values.items()}
        if family in SCORES:
            return SCORES[family](**numbers)
        ranges = {name: (float(low), float(high)) for name, (low, high) in content.get("range", {}).items()}
        return LAWS[family](**numbers, fitted=FittedRange(**ranges))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the coefficients or the range of a {family} are wrong: {error}") from None


def load_table(path: str | os.PathLike[str]) -> dict[str, Any]:
    """All that a saved file says; raises as `load` does."""
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise ValueError(f"{path} is not JSON: give a file that `lifetimescale fit --save` wrote") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no saved law or score map: it holds no object")
    return content
