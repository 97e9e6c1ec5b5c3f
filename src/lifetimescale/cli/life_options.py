"""What can be asked for of a life in dollars beyond chips and utilisations: training, serving by its roofline, time."""

import dataclasses
from typing import Annotated, Any

from cyclopts import Parameter

from lifetimescale.cli.options import Positive, Precision, reader
from lifetimescale.units import parse_count, parse_duration, parse_fraction, parse_price, parse_rate, parse_seconds

AtLeastOne = Annotated[
    float, Parameter(converter=reader(parse_count, lambda value: value >= 1, "1 or a number above 1"))
]
Share = Annotated[
    float, Parameter(converter=reader(parse_fraction, lambda value: 0 <= value < 1, "a fraction from 0 and below 1"))
]
PositiveShare = Annotated[
    float, Parameter(converter=reader(parse_fraction, lambda value: 0 < value <= 1, "a fraction above 0 and up to 1"))
]
Seconds = Annotated[float, Parameter(converter=reader(parse_seconds, lambda value: value > 0, "a time above 0"))]
Rate = Annotated[float, Parameter(converter=reader(parse_rate, lambda value: True, ""), allow_leading_hyphen=True)]
Years = Annotated[float, Parameter(converter=reader(parse_duration, lambda value: value > 0, "a time above 0"))]
NotNegativePrice = Annotated[
    float, Parameter(converter=reader(parse_price, lambda value: value >= 0, "0 or a price above 0"))
]


@Parameter(name="*", group="Training")
@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What training takes beyond 6 N D at a fixed utilisation; any of these means dollars."""

    context: Positive | None = None
    """Tokens of a training sequence, so that attention counts too [default: attention is left out]."""

    recomputation: PositiveShare | None = None
    """Share of the forward pass that is computed again, 100% with every activation checkpointed [default: none]."""

    goodput: PositiveShare | None = None
    """Share of the training time that failures and restarts leave [default: 100%]."""

    research: AtLeastOne | None = None
    """Training and research runs in all, as a multiple of the final run [default: 1]."""

    train_chips: AtLeastOne | None = None
    """Chips that there are to train on, for --train-time."""

    train_time: Years | None = None
    """Time that training may take on --train-chips, like 60d or 3mo."""

    data_price: NotNegativePrice | None = None
    """Dollars per million training tokens [default: 0]."""

    def given(self) -> dict[str, Any]:
        """Those that were given, by field."""
        return _given(self)


@Parameter(name="*", group="Serving by its roofline")
@dataclasses.dataclass(frozen=True)
class ServingOptions:
    """How the model is served, for --cost roofline; any of these means it."""

    batch: Positive | None = None
    """Sequences on a replica at once [default: the most that memory and latencies allow]."""

    chips: AtLeastOne | None = None
    """Chips of a replica [default: the cheapest number, not rounded]."""

    most_chips: AtLeastOne | None = None
    """Most chips of a replica, where --chips is not given [default: 1024]."""

    time_per_token: Seconds | None = None
    """Time that a generated token may take, like 50ms [default: any]."""

    time_to_first_token: Seconds | None = None
    """Time that the prompt and one token may take, like 0.5s [default: any]."""

    cache_elements: Positive | None = None
    """Cached elements per token and layer: 2048 for 8 heads of 128, 576 for a latent of DeepSeek's [default: 2048]."""

    cache_precision: Precision | None = None
    """Precision of the cached keys and values [default: that of serving]."""

    stored_ratio: AtLeastOne | None = None
    """Stored params per param, above 1 for a mixture of experts whose params are the active ones [default: 1]."""

    def given(self) -> dict[str, Any]:
        """Those that were given, by field."""
        return _given(self)


@Parameter(name="*", group="Demand over time")
@dataclasses.dataclass(frozen=True)
class TimeOptions:
    """When the demand comes, and what it costs by then."""

    lifetime: Years | None = None
    """How long the model serves, like 24mo."""

    requests_per_month: Positive | None = None
    """Requests in a month at launch, instead of --requests; needs --lifetime."""

    growth: Rate | None = None
    """Growth of the requests, like 5%/mo [default: none]."""

    discount: Rate | None = None
    """Discount of money, like 10%/yr [default: none]."""

    price_drift: Rate | None = None
    """Drift of the price of serving, like -30%/yr [default: none]."""

    demand_csv: str | None = None
    """A file of the columns month and requests, instead of --requests and --lifetime."""

    busy: PositiveShare | None = None
    """Share of the serving chips' time that is used; the rest is paid for all the same [default: 100%]."""

    cached: Share | None = None
    """Share of the prompt tokens that are found in a cache and not computed again [default: none]."""

    def given(self) -> dict[str, Any]:
        """Those that were given, by field."""
        return _given(self)


def _given(options: Any) -> dict[str, Any]:
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return {name: value for name, value in values.items() if value is not None}
