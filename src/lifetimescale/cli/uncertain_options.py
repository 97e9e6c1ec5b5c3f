"""What can be asked for of a decision before the law, the demand or the prices are known."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter, Token

from lifetimescale.cli.options import Flag, Seed, given, reader
from lifetimescale.units import is_whole, parse_count, parse_fraction

SOURCES = ("--uncertain-law", "--demand-lognormal", "--forecasts")
OF_LAW = ("--quality", "--miss-price", "--overhead", "--no-longer")
MISS_PRICE, OVERHEAD, DRAWS = "10x", 0.2, 10_000


def _parse_miss_price(text: str) -> float:
    """The number in 10x or 1e23."""
    price = parse_count(text.strip().lower().removesuffix("x") or text)
    if not price > 0:
        raise ValueError(f"{text} is out of range, give a number above 0, like 10x")
    return price


def _parse_quality(text: str) -> str | float:
    """mean, or a probability."""
    if text.strip() == "mean":
        return "mean"
    quality = parse_fraction(text)
    if not 0 < quality <= 1:
        raise ValueError(f"{text} is out of range, give mean, or a fraction above 0 and up to 1, like 90%")
    return quality


def _reads(parse: Callable[[str], Any]) -> Callable[..., Any]:
    """How a flag's text is kept as it is, once it can be read."""

    def read(_: Any, tokens: tuple[Token, ...]) -> str:
        parse(tokens[0].value)
        return tokens[0].value

    return read


Overhead = Annotated[
    float, Parameter(converter=reader(parse_fraction, lambda value: value >= 0, "0 or a fraction above 0, like 20%"))
]
Draws = Annotated[
    float,
    Parameter(
        converter=reader(
            parse_count, lambda value: is_whole(value) and 2 <= value <= 1e6, "a whole number from 2 to 1000000"
        )
    ),
]


@Parameter(name="*", group="Uncertainty")
@dataclasses.dataclass(frozen=True)
class UncertaintyOptions:
    """What is not known when the model is trained, and what is made of it; any of these means a decision."""

    uncertain_law: str | None = None
    """A published law whose covariance is known, besiroglu2024, of which laws are drawn; or a .csv, a .tsv or a
    .parquet file of training runs, to which laws are fitted again and again (bootstrap). Instead of --law."""

    demand_lognormal: str | None = None
    """Tokens served over the lifetime, median and factor: 2T:3x is 2T within a factor of 3. Instead of
    --inference-tokens."""

    forecasts: str | None = None
    """A file of scenarios: a column for each number, named as `lifetimescale sensitivity` names it, and weight."""

    risk: str | None = None
    """What is least: the mean cost, cvar:0.9 (the mean of the worst tenth) or regret, the worst of any draw
    [default: mean]."""

    quality: Annotated[str | None, Parameter(converter=_reads(_parse_quality))] = None
    """How the planned tokens must reach the loss: mean (on average), or with such a probability, like 90%
    [default: as it is cheapest]."""

    miss_price: Annotated[str | None, Parameter(converter=_reads(_parse_miss_price))] = None
    """What a nat above the loss costs: 10x what the last nat costs by the plan of the law itself, or a number in the
    unit of the cost [default: 10x]."""

    overhead: Overhead | None = None
    """By how much training costs more where it goes on longer than planned [default: 20%]."""

    no_longer: Flag = False
    """Training cannot go on longer than planned."""

    draws: Draws | None = None
    """Draws of all that is uncertain [default: 10000]."""

    seed: Seed | None = None
    """Seed of the draws [default: 0]."""

    def given(self) -> dict[str, Any]:
        """Those that were given, by flag."""
        return given(**(dataclasses.asdict(self) | {"no_longer": self.no_longer or None}))

    def kept(self) -> str | float | None:
        """The quality, as `decide` takes it."""
        return None if self.quality is None else _parse_quality(self.quality)

    def price(self, nat: float) -> float:
        """What a nat above the loss costs, where the last nat of the plan costs `nat`."""
        text = self.miss_price or MISS_PRICE
        return _parse_miss_price(text) * (nat if text.strip().lower().endswith("x") else 1.0)

    def dearer(self) -> float | None:
        """By how much longer training costs more; None where there is none."""
        return None if self.no_longer else OVERHEAD if self.overhead is None else self.overhead
