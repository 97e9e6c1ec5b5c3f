"""What can be asked for on the command line: flags, how their text is read, and which values they may have."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from lifetimescale.units import is_whole, parse_count, parse_fraction, parse_price


class InputError(Exception):
    """The input is wrong; the message says what, where, and what to do. Exit code 2."""


class NoPlanError(Exception):
    """No plan exists; the message has the number that would make one. Exit code 3."""


class StoppedError(Exception):
    """The work stopped before its end; the message says what stays and how to go on. Exit code 1."""


@contextlib.contextmanager
def as_wrong(flag: str, *errors: type[Exception]) -> Iterator[None]:
    """What the library refuses is wrong input: ValueError, and other errors that are named."""
    try:
        yield
    except (ValueError, *errors) as error:
        raise InputError(f"{flag}: {error}") from None


def reader(parse: Callable[[str], float], allowed: Callable[[float], bool], range_: str) -> Callable[..., float]:
    """How a flag's text becomes a number, of an allowed range."""

    def read(_: type, tokens: tuple[Token, ...]) -> float:
        value = parse(tokens[0].value)
        if not allowed(value):
            raise ValueError(f"{tokens[0].value} is out of range, give {range_}")
        return value

    return read


def _positive(parse: Callable[[str], float]) -> Callable[..., float]:
    return reader(parse, lambda value: value > 0, "a number above 0")


Positive = Annotated[float, Parameter(converter=_positive(parse_count))]
NotNegative = Annotated[
    float, Parameter(converter=reader(parse_count, lambda value: value >= 0, "0 or a number above 0"))
]
Number = Annotated[float, Parameter(converter=reader(parse_fraction, lambda value: True, ""))]
Price = Annotated[float, Parameter(converter=_positive(parse_price))]
Utilization = Annotated[
    float, Parameter(converter=reader(parse_fraction, lambda value: 0 < value <= 1, "a fraction above 0 and up to 1"))
]
Seed = Annotated[
    float,
    Parameter(
        converter=reader(
            parse_count, lambda value: is_whole(value) and 0 <= value < 2**31, "a whole number from 0 to 2147483647"
        )
    ),
]
Precision = Literal["bf16", "fp8", "int8", "fp4"]
Flag = Annotated[bool, Parameter(negative="")]


def out_of_reach(loss: float, law: str, floor: str) -> NoPlanError:
    """The exception for a loss below `floor`, the least that the law falls to, in words."""
    return NoPlanError(f"a loss of {loss:.6g} is out of reach: {law} falls to {floor}, so ask for more")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class TargetOptions:
    """What is asked of a plan: one target, and the bounds or the one size that are given beside it."""

    like: Positive | None = None
    """As good as the compute-optimal model of this many params."""

    loss: Positive | None = None
    """Target loss, in the unit of the law."""

    budget: Positive | None = None
    """Target lifetime cost, in dollars or in FLOP as the cost says."""

    params: Positive | None = None
    """The size is given: how long to train it."""

    min_params: Positive | None = None
    """Least params allowed."""

    max_params: Positive | None = None
    """Most params allowed, by memory say."""

    min_tokens: Positive | None = None
    """Fewest training tokens allowed."""

    max_tokens: Positive | None = None
    """Most training tokens allowed, by the data there are."""

    def limits(self) -> dict[str, float | None]:
        """The bounds, given or not."""
        return {name: getattr(self, name) for name in ("min_params", "max_params", "min_tokens", "max_tokens")}

    def given(self) -> dict[str, float]:
        """Those that were given, by field."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    def check(self) -> None:
        """Raise InputError where bounds contradict each other or the size."""
        limits = self.limits()
        bounds = given(**limits)
        if self.params is not None and bounds:
            raise InputError(f"--params gives the size, so {next(iter(bounds))} has nothing to bound: drop one")
        for name in ("params", "tokens"):
            least, most = limits[f"min_{name}"], limits[f"max_{name}"]
            if least is not None and most is not None and least > most:
                raise InputError(f"--min-{name} is above --max-{name}: swap them")


@Parameter(name="*", group="Law")
@dataclasses.dataclass(frozen=True)
class LawOptions:
    """The loss law: a published one, any of its coefficients replaced, and what is given of its design variables."""

    law: str | None = None
    """A published law (`lifetimescale laws` lists them), or a file that `lifetimescale fit --save` wrote. chinchilla
    has the paper's numbers; for a real decision take besiroglu2024 [default: chinchilla]."""

    E: Annotated[float | None, Parameter(name="--E", converter=reader(parse_count, lambda value: True, ""))] = None
    """Irreducible loss, instead of the law's."""

    A: Annotated[Positive | None, Parameter(name="--A")] = None
    """Coefficient of params, instead of the law's."""

    B: Annotated[Positive | None, Parameter(name="--B")] = None
    """Coefficient of tokens, instead of the law's."""

    alpha: Positive | None = None
    """Exponent of params, instead of the law's."""

    beta: Positive | None = None
    """Exponent of tokens, instead of the law's."""

    design: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = ()
    """A design variable of the law (`lifetimescale laws` has them in brackets): experts=8, a range granularity=1..64, a
    few experts=1,4,16, or the same as another cache-bits=weight_bits; may be repeated [default: where the law says]."""

    @property
    def name(self) -> str:
        """The law that is given, or the paper's."""
        return self.law or "chinchilla"

    def replaced(self) -> dict[str, float]:
        """The coefficients that are replaced."""
        given = {name: getattr(self, name) for name in ("E", "A", "B", "alpha", "beta")}
        return {name: value for name, value in given.items() if value is not None}


@Parameter(name="*", group="Demand and cost")
@dataclasses.dataclass(frozen=True)
class CostOptions:
    """What is served and what it costs; any chip, price, utilisation or precision means dollars."""

    inference_tokens: NotNegative | None = None
    """Tokens served over the lifetime, prompt and output."""

    requests: NotNegative | None = None
    """Requests served over the lifetime, instead of --inference-tokens."""

    prompt: NotNegative | None = None
    """Prompt tokens per request [default: 70]."""

    output: NotNegative | None = None
    """Output tokens per request [default: 215]."""

    cost: Literal["flops", "fixed", "roofline"] | None = None
    """Count FLOPs, or dollars at fixed utilisations, or dollars with serving by its roofline [default: roofline if one
    of its flags is given, fixed if a chip, price, utilisation, precision or another flag of dollars is, else flops]."""

    train_chip: str | None = None
    """Chip to train on; `lifetimescale chips` lists them [default: a100-80gb]."""

    train_price: Price | None = None
    """Dollars per hour of the training chip [default: the paper's, where it has one]."""

    train_mfu: Utilization | None = None
    """Model FLOPs utilisation in training [default: 50%]."""

    train_precision: Precision | None = None
    """Precision of training [default: bf16]."""

    serve_chip: str | None = None
    """Chip to serve on [default: a100-40gb]."""

    serve_price: Price | None = None
    """Dollars per hour of the serving chip [default: the paper's, where it has one]."""

    serve_precision: Precision | None = None
    """Precision of serving [default: int8]."""

    prefill_mfu: Utilization | None = None
    """Utilisation on the prompt [default: 50%]."""

    decode_mfu: Utilization | None = None
    """Utilisation on the output [default: 1%]."""

    def of_chips(self) -> bool:
        """Whether a chip, a price, a utilisation or a precision is given."""
        return any(getattr(self, field.name) is not None for field in dataclasses.fields(self)[5:])


def given(**numbers: Any) -> dict[str, Any]:
    """Those of the flags that were given, by flag."""
    return {"--" + name.replace("_", "-"): value for name, value in numbers.items() if value is not None}
