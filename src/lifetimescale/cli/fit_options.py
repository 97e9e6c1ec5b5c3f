"""What can be asked for in `lifetimescale fit`: which columns and rows are read, and how the law is fitted."""

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lifetimescale.cli.options import InputError, Positive, Utilization
from lifetimescale.units import parse_count


@Parameter(name="*", group="Runs")
@dataclasses.dataclass(frozen=True)
class RunsOptions:
    """The columns and the rows of the file; columns of common names are found."""

    params_column: str | None = None
    """Column of params."""

    tokens_column: str | None = None
    """Column of training tokens."""

    loss_column: str | None = None
    """Column of the final loss."""

    compute_column: str | None = None
    """Column of training FLOPs, where there are no tokens."""

    weight_column: str | None = None
    """Column of weights."""

    max_tokens_per_param: Positive | None = None
    """Leave out runs that are trained for longer."""

    where: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Keep rows such as dataset=c4 or "epochs<=1" only; may be repeated."""

    score_column: str | None = None
    """Column of a benchmark score, to be mapped from the loss."""

    score_form: Literal["exponential", "sigmoid"] = "sigmoid"
    """Form of that map: exponential (Gadre et al.) or sigmoid (Llama 3)."""

    def read(self, path: str):
        """The runs of a file."""
        import lifetimescale as lts

        return lts.read_runs(
            path,
            params=self.params_column,
            tokens=self.tokens_column,
            loss=self.loss_column,
            compute=self.compute_column,
            weight=self.weight_column,
            max_tokens_per_param=self.max_tokens_per_param,
            where=self.where,
        )

    def fit_score_map(self, path: str, column: str):
        """The map from loss to score over the rows of a file."""
        import lifetimescale as lts

        forms = {"exponential": lts.ExponentialScore, "sigmoid": lts.SigmoidScore}
        losses, scores = lts.read_scores(path, score=column, loss=self.loss_column, where=self.where)
        return lts.fit_score(forms[self.score_form], losses, scores)


@Parameter(name="*", group="Fit")
@dataclasses.dataclass(frozen=True)
class FitOptions:
    """What is minimised, and which coefficients are free."""

    delta: Positive = 1e-3
    """Knee of the Huber loss of the log losses; 1e9 is least squares."""

    quantile: Utilization = 0.5
    """Share of the runs that should lie below the law: 10% fits a lower envelope."""

    fix: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Hold a coefficient: E=1.69; may be repeated."""

    tie: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Let a coefficient equal another: beta=alpha; may be repeated."""

    bound: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Keep a coefficient between two values: E=1:2; may be repeated."""

    def arguments(self) -> dict[str, Any]:
        """The keywords of `fit`."""
        return {
            "delta": self.delta,
            "quantile": self.quantile,
            "fixed": {name: _number("--fix", value) for name, value in _pairs("--fix", self.fix, "E=1.69")},
            "tied": dict(_pairs("--tie", self.tie, "beta=alpha")),
            "bounds": dict(_bounds(_pairs("--bound", self.bound, "E=1:2"))),
        }


def _pairs(flag: str, texts: Iterable[str], example: str) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise InputError(f"{flag} {name + equals + value}: write it like {example}")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _number(flag: str, text: str) -> float:
    try:
        return parse_count(text)
    except ValueError as error:
        raise InputError(f"{flag}: {error}") from None


def _bounds(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, tuple[float, float]]]:
    for name, value in pairs:
        low, colon, high = value.partition(":")
        ends = _number("--bound", low), _number("--bound", high if colon else "")
        if not ends[0] < ends[1]:
            raise InputError(f"--bound {name}={value}: the least value must be below the greatest, like E=1:2")
        yield name, ends
