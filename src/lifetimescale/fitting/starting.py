"""Where a fit starts, and the checks at its door."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import ArrayLike

from lifetimescale.compilation import is_traced
from lifetimescale.design import Between
from lifetimescale.laws import AbstractLaw, Chinchilla, Coupled, DataConstrained, FunctionLaw, Kaplan, coefficients
from lifetimescale.leaves import inexact
from lifetimescale.runs import Runs

# Hoffmann et al. 2022 (arXiv:2203.15556), section D.3: 4500 starts, log A and log B from 0 to 25, log E from -1 to 1.
_CHINCHILLA = {
    "A": np.exp(np.arange(0.0, 30.0, 5.0)),
    "B": np.exp(np.arange(0.0, 30.0, 5.0)),
    "E": np.exp(np.linspace(-1.0, 1.0, 5)),
    "alpha": np.linspace(0.0, 2.0, 5),
    "beta": np.linspace(0.0, 2.0, 5),
}
_SCALES, _EXPONENTS = np.logspace(6, 18, 7), np.array([0.03, 0.1, 0.3, 1.0])
# 3888 starts: on the 182 runs of Muennighoff et al. 2023 their best 256 come to what the published start comes to.
_DATA_CONSTRAINED = {
    "A": np.exp(np.arange(0.0, 20.0, 5.0)),
    "B": np.exp(np.arange(0.0, 20.0, 5.0)),
    "E": np.exp(np.array([-0.5, 0.0, 0.5])),
    "alpha": np.array([0.2, 0.5, 1.0]),
    "beta": np.array([0.2, 0.5, 1.0]),
    "R_D": np.array([1.0, 10.0, 100.0]),
    "R_N": np.array([1.0, 10.0, 100.0]),
}
HOFFMANN: Mapping[Any, Mapping[str, Any]] = {
    Chinchilla: _CHINCHILLA,
    Coupled: _CHINCHILLA | {"gamma": np.array([0.5, 1.0])},
    DataConstrained: _DATA_CONSTRAINED,
    Kaplan: {"N_c": _SCALES, "D_c": _SCALES, "alpha_N": _EXPONENTS, "alpha_D": _EXPONENTS},
}

CENTRED = (Chinchilla, Coupled, DataConstrained)
"""The laws with terms A/N^alpha and B/D^beta, of params and tokens that may be effective."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """What is fitted: a class with coefficients for fields, or a function; called, it makes one from coefficients.

    Args:
        source: the class or the function.
        variables: its design variables; those of a function are said to lie anywhere, see `in_range`.
    """

    source: Callable[..., Any]
    variables: tuple[str, ...] = ()

    def __call__(self, **values: Any) -> Any:
        if isinstance(self.source, type):
            return self.source(**values)
        return FunctionLaw(self.source, values, {name: Between(-np.inf, np.inf) for name in self.variables})

    @property
    def name(self) -> str:
        """For messages."""
        return getattr(self.source, "__name__", str(self.source))

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients."""
        if isinstance(self.source, type):
            return tuple(field.name for field in dataclasses.fields(self.source) if field.name != "fitted")
        return tuple(name for name in _arguments(self.source) if name not in self.variables)

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """The terms A/N^alpha and B/D^beta of a law that has them."""
        return (("A", "alpha"), ("B", "beta")) if self.source in CENTRED else ()

    @property
    def levels(self) -> tuple[str, ...]:
        """What adds to the loss itself, besides those terms: by its name, a floor."""
        return tuple(name for name in self.names if name == "E")


def kind_of(source: Callable[..., Any], runs: Runs) -> Kind:
    """A class, or a function whose design variables are its arguments that are columns of the runs."""
    if isinstance(source, type):
        return Kind(source)
    return Kind(source, tuple(name for name in _arguments(source) if name in runs.design))


def with_variables(kind: Kind, table: Mapping[str, Any], fixed: Mapping[str, Any], tied: Mapping[str, str]) -> Kind:
    """The same kind with the design variables that its laws say they have, which a class says once it has numbers."""
    if not isinstance(kind.source, type):
        return kind
    free = {name: inexact(values[0]) for name, values in table.items()}
    law = kind(**free, **{name: free[of] for name, of in tied.items()}, **fixed)
    return dataclasses.replace(kind, variables=tuple(law.variables))


def held(value: Any) -> Any:
    """A coefficient that keeps a value: a number, or a law within a law."""
    return value if isinstance(value, eqx.Module) else inexact(value)


def table(
    kind: Kind,
    starts: str | Mapping[str, Sequence[float] | ArrayLike] | AbstractLaw,
    fixed: Iterable[str],
    tied: Mapping[str, str],
) -> dict[str, np.ndarray]:
    """The starts of the free coefficients, one row for each: every combination of the values given, or a law's own.

    Raises:
        ValueError: a name is not a coefficient, or a free one has no start.
    """
    for option, names in {"fixed": fixed, "tied": [*tied, *tied.values()]}.items():
        known(kind, option, names)
    free = [name for name in kind.names if name not in {*fixed, *tied}]
    if not free:
        raise ValueError(f"every coefficient of {kind.name} is fixed or tied: leave one free")
    if isinstance(starts, AbstractLaw):
        given = coefficients(starts)
        rows = np.broadcast_arrays(*(np.ravel(given[name]) for name in free if name in given))
        return _complete(kind, free, dict(zip([name for name in free if name in given], rows, strict=True)))
    values = _named_starts(kind, starts) if isinstance(starts, str) else starts
    known(kind, "starts", values)
    values = _complete(kind, free, {name: np.ravel(values[name]).astype(float) for name in free if name in values})
    grid = np.meshgrid(*values.values(), indexing="ij")
    return {name: column.ravel() for name, column in zip(values, grid, strict=True)}


def check(table: Mapping[str, Any], runs: int, *, delta: ArrayLike, quantile: ArrayLike) -> None:
    """Refuse what cannot be fitted.

    Raises:
        ValueError: there are fewer runs than free coefficients, or an option is out of its range.
    """
    if runs < len(table):
        raise ValueError(
            f"{runs} runs cannot fix {len(table)} coefficients ({', '.join(table)}): add runs, or hold some by fixed="
        )
    if not is_traced(delta) and not np.asarray(delta) > 0:
        raise ValueError(f"delta={delta} is out of range: give a number above 0, inf for least squares")
    if not is_traced(quantile) and not 0 < np.asarray(quantile) < 1:
        raise ValueError(f"quantile={quantile} is out of range: give a number between 0 and 1, 0.5 for a plain fit")


def positive(
    kind: Kind, table: Mapping[str, Any], tied: Mapping[str, str], bounds: Mapping[str, tuple[float, float]]
) -> dict[str, bool]:
    """For each free coefficient, whether it stays positive: its starts are, and no bound is below 0.

    The exponent of a term that is counted at the mean of the runs may pass through 0.
    """
    exponents = {tied.get(exponent, exponent) for _, exponent in kind.terms}
    return {
        name: name not in exponents and bool(np.all(values > 0)) and bounds.get(name, (0.0, 0.0))[0] >= 0
        for name, values in table.items()
    }


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names after params and tokens."""
    return tuple(inspect.signature(function).parameters)[2:]


def _named_starts(kind: Kind, name: str) -> Mapping[str, Any]:
    if name != "hoffmann":
        raise ValueError(f'no starts named {name!r}: give "hoffmann", or values for each coefficient')
    return HOFFMANN.get(kind.source, {})


def _complete(kind: Kind, free: Sequence[str], values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    missing = [name for name in free if name not in values]
    if missing:
        column = "" if isinstance(kind.source, type) else ", or a column of runs.design for each that is no coefficient"
        raise ValueError(
            f"no starts for {', '.join(missing)} of {kind.name}: give values to combine, "
            f"starts={{{', '.join(f'{name!r}: [...]' for name in free)}}}{column}"
        )
    return values


def known(kind: Kind, option: str, names: Iterable[str]) -> None:
    """Refuse a name that is not a coefficient, with a ValueError."""
    for name in names:
        if name not in kind.names:
            raise ValueError(f"{option}: {kind.name} has no coefficient {name}: it has {', '.join(kind.names)}")
