"""Fitted laws and score maps as files of JSON: their numbers, and what is known of them."""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax

from lifetimescale import laws, scores
from lifetimescale.files import write_whole
from lifetimescale.laws import AbstractLaw, FittedRange, coefficients
from lifetimescale.scores import AbstractScore

LAWS: dict[str, Callable[..., AbstractLaw]] = {
    family.__name__: family
    for family in (
        laws.Chinchilla,
        laws.Coupled,
        laws.Kaplan,
        laws.Farseer,
        laws.DataConstrained,
        laws.MixtureOfExperts,
        laws.FineGrainedExperts,
        laws.SparseExperts,
        laws.LowPrecision,
        laws.QuantizedAfterTraining,
        laws.AspectRatio,
        laws.Distilled,
        laws.TestTime,
    )
}
SCORES: dict[str, Callable[..., AbstractScore]] = {
    "ExponentialScore": scores.ExponentialScore,
    "SigmoidScore": scores.SigmoidScore,
}
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
        raise ValueError(
            f"a {family} is code of your own, or a law at one design: no file holds it, save its coefficients yourself"
        )
    values = _nested(fitted)
    if any(value.ndim for value in jax.tree.leaves(values)):
        raise ValueError("this is a batch: save one law at a time")
    content: dict[str, Any] = {"family": family, "coefficients": _numbers(values)}
    if isinstance(fitted, AbstractLaw):
        ends = {name: getattr(fitted.fitted, name) for name in RANGES} | fitted.fitted.design
        ranges = {name: [float(end) for end in pair] for name, pair in ends.items()}
        content["range"] = {name: pair for name, pair in ranges.items() if math.isfinite(pair[1])}
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
        if family in SCORES:
            return SCORES[family](**_numbers(values))
        return build(family, values, content.get("range", {}))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the coefficients or the range of a {family} are wrong: {error}") from None


def build(family: str, values: Mapping[str, Any], ranges: Mapping[str, Any]) -> AbstractLaw:
    """The law of a family with these coefficients; a table among them is the `Coupled` law within it.

    Raises:
        TypeError: a coefficient is missing, or is none of the family's.
        ValueError: one is no number, or a range is of nothing that the law has.
    """
    numbers = _numbers(values)
    within = {name: laws.Coupled(**value) for name, value in numbers.items() if isinstance(value, dict)}
    ends = {name: (float(low), float(high)) for name, (low, high) in ranges.items()}
    design = {name: pair for name, pair in ends.items() if name not in RANGES}
    plain = {name: pair for name, pair in ends.items() if name in RANGES}
    law = LAWS[family](**(numbers | within), fitted=FittedRange(**plain, design=design))
    if unknown := sorted(design.keys() - law.variables.keys()):
        raise ValueError(f"it has no {', '.join(unknown)}: a range is of {', '.join((*RANGES, *law.variables))}")
    return law


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


def _nested(fitted: eqx.Module) -> dict[str, Any]:
    """The coefficients by name, those of a law within a law as a table of their own."""
    fields = {field.name: getattr(fitted, field.name) for field in dataclasses.fields(fitted)}
    within = {name: coefficients(value) for name, value in fields.items() if isinstance(value, AbstractLaw)}
    return within | coefficients(fitted)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _numbers(value) if isinstance(value, dict) else float(value) for name, value in values.items()}
