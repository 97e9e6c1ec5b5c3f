"""From options to a cost."""

import dataclasses
from typing import Any, NamedTuple

from lifetimescale.cli.design import NamedLaw
from lifetimescale.cli.life_options import ServingOptions, TimeOptions, TrainingOptions
from lifetimescale.cli.options import CostOptions, InputError, given

# Sardana et al. 2024 (arXiv:2401.00448), section 5.
PROMPT, OUTPUT = 70.0, 215.0
TRAIN_CHIP, TRAIN_PRECISION, TRAIN_MFU = "a100-80gb", "bf16", 0.5
SERVE_CHIP, SERVE_PRECISION, PREFILL_MFU, DECODE_MFU = "a100-40gb", "int8", 0.5, 0.01


class Life(NamedTuple):
    """All options that make a cost."""

    cost: CostOptions
    training: TrainingOptions
    serving: ServingOptions
    time: TimeOptions

    def kind(self) -> str:
        """flops, fixed or roofline: what is asked for, or what the flags that are given imply."""
        if self.cost.cost is not None:
            return self.cost.cost
        if self.serving.given():
            return "roofline"
        money = {"discount", "price_drift", "busy", "cached"} & set(self.time.given())
        return "fixed" if self.cost.of_chips() or self.training.given() or money else "flops"

    def on(self, chip: str, price: float | None) -> "Life":
        """The same life, served on another chip, in the best precision that it has if none is given."""
        precision = self.cost.serve_precision or _best_precision(chip)
        changed = dataclasses.replace(self.cost, serve_chip=chip, serve_price=price, serve_precision=precision)
        return self._replace(cost=changed)


def suited_cost(named: NamedLaw, life: Life):
    """The cost of the models of a law: active params, bits, a teacher."""
    import lifetimescale as lts

    cost = build_cost(_in_full_bits(named, life))
    try:
        return lts.suited_cost(named.law, cost)
    except ValueError as error:
        raise InputError(f"--law: {error}, or leave chips, prices and --cost out") from None


def _in_full_bits(named: NamedLaw, life: Life) -> Life:
    """The life in bf16 where bits are design variables of the law, of which each costs its share of 16."""
    from lifetimescale.laws import LowPrecision, QuantizedAfterTraining

    cost = life.cost
    precisions = {"serve_precision": cost.serve_precision, "cache_precision": life.serving.cache_precision}
    if isinstance(named.law, LowPrecision):
        precisions["train_precision"] = cost.train_precision
    elif not isinstance(named.law, QuantizedAfterTraining):
        return life
    for flag, precision in given(**precisions).items():
        if precision != "bf16":
            raise InputError(
                f"{flag} {precision} would count few bits twice: bits are design variables of {named.name}, which cost "
                "their share of 16, so leave it out"
            )
    return life if life.kind() == "flops" else life._replace(cost=dataclasses.replace(cost, serve_precision="bf16"))


def build_cost(life: Life):
    """The cost of a dense model."""
    kind = life.kind()
    _check_flags(life, kind)
    demand, value = _demand(life)
    if kind == "flops":
        from lifetimescale.costs import Flops

        _unused_chips(life.cost)
        return Flops(inference_tokens=demand.tokens)
    serving = _fixed(life, demand) if kind == "fixed" else _roofline(life, demand)
    factor = value / (life.time.busy or 1.0)
    return _training(life) + (serving if factor == 1 else factor * serving)


def parse_alternatives(text: str) -> dict[str, float | None]:
    """The chips of --compare, each with its price if it has one there."""
    chips: dict[str, float | None] = {}
    for word in text.split(","):
        name, _, price = (part.strip() for part in word.partition(":"))
        if not name or name in chips:
            raise InputError(f"--compare: {word.strip()!r} is empty or there twice: write it like a100-80gb,h100:2.50")
        chips[name] = _price(name, price) if price else None
    return chips


def _price(chip: str, text: str) -> float:
    from lifetimescale.units import parse_price

    try:
        price = parse_price(text)
    except ValueError as error:
        raise InputError(f"--compare: {chip}: {error}") from None
    if not price > 0:
        raise InputError(f"--compare: {chip}: {text} is out of range, give a number above 0")
    return price


def _best_precision(chip: str) -> str:
    from lifetimescale import presets

    try:
        peaks = presets.chip_preset(chip).peak
    except ValueError as error:
        raise InputError(f"--compare: {error}") from None
    return next(precision for precision in ("fp8", "int8", "bf16") if precision in peaks)


def _check_flags(life: Life, kind: str) -> None:
    """No flag is given that the cost has no use for."""
    unused: dict[str, Any] = {}
    if kind == "flops":
        money = ("discount", "price_drift", "busy", "cached")
        unused |= life.training.given() | life.serving.given()
        unused |= {name: value for name, value in life.time.given().items() if name in money}
    elif kind == "fixed":
        unused |= life.serving.given()
    else:
        unused |= {"prefill_mfu": life.cost.prefill_mfu, "decode_mfu": life.cost.decode_mfu}
    for flag in given(**unused):
        other = "fixed" if flag in ("--prefill-mfu", "--decode-mfu") else "roofline" if kind == "fixed" else "fixed"
        raise InputError(f"{flag} says nothing about --cost {kind}: leave it out, or give --cost {other}")
    if (life.training.train_chips is None) != (life.training.train_time is None):
        raise InputError("--train-chips and --train-time make a deadline together: give both")
    if life.serving.chips is not None and life.serving.most_chips is not None:
        raise InputError("--chips gives the number, so --most-chips has nothing to bound: drop one")


def _training(life: Life):
    from lifetimescale.costs import Training, data_cost

    options, cost = life.training, life.cost
    name, precision = cost.train_chip or TRAIN_CHIP, cost.train_precision or TRAIN_PRECISION
    chip = _chip("train", name, cost.train_price)
    _check_precision("train", name, precision)
    training = Training(
        chip,
        cost.train_mfu or TRAIN_MFU,
        precision,
        context=options.context,
        recomputation=options.recomputation or 0.0,
        goodput=options.goodput or 1.0,
        chips=options.train_chips,
        days=None if options.train_time is None else 365 * options.train_time,
    )
    total = training if options.research is None else options.research * training
    return total if options.data_price is None else total + data_cost(options.data_price / 1e6)


def _serving_chip(life: Life):
    name, precision = life.cost.serve_chip or SERVE_CHIP, life.cost.serve_precision or SERVE_PRECISION
    chip = _chip("serve", name, life.cost.serve_price)
    _check_precision("serve", name, precision)
    return chip, name, precision


def _fixed(life: Life, demand):
    from lifetimescale.costs import FixedUtilization

    chip, _, precision = _serving_chip(life)
    prefill, decode = life.cost.prefill_mfu or PREFILL_MFU, life.cost.decode_mfu or DECODE_MFU
    return FixedUtilization(chip, demand=demand, precision=precision, prefill=prefill, decode=decode)


def _roofline(life: Life, demand):
    from lifetimescale import presets
    from lifetimescale.costs import Ladder, Roofline

    chip, name, precision = _serving_chip(life)
    preset, options = presets.chip_presets()[name], life.serving
    if preset.memory is None or preset.bandwidth is None:
        raise InputError(f"chip {name} has no known memory or bandwidth: take another --serve-chip, or --cost fixed")
    shape = {"cache": options.cache_elements, "stored_ratio": options.stored_ratio}
    named = {name: value for name, value in options.given().items() if name not in ("cache_elements", "stored_ratio")}
    ladder = Ladder(**{name: value for name, value in shape.items() if value is not None})
    return Roofline(chip, demand, precision, shape=ladder, **named)


def _demand(life: Life):
    """What is served, and the present value of a dollar of serving."""
    from lifetimescale.costs import Demand

    cost, time = life.cost, life.time
    prompt = PROMPT if cost.prompt is None else cost.prompt
    output = OUTPUT if cost.output is None else cost.output
    amounts = given(
        inference_tokens=cost.inference_tokens,
        requests=cost.requests,
        requests_per_month=time.requests_per_month,
        demand_csv=time.demand_csv,
    )
    if len(amounts) > 1:
        first, second, *_ = amounts
        raise InputError(f"{first} and {second} both say how much is served: give one of them")
    if prompt + output == 0 and "--requests" not in amounts:
        raise InputError("--prompt and --output are both 0: a request has at least one token")
    traffic = _traffic(time)
    value = 1.0 if traffic is None else float(traffic.present_value(**_rates(time)))
    cached = time.cached or 0.0
    if traffic is not None and ("--requests-per-month" in amounts or "--demand-csv" in amounts):
        return traffic.demand(prompt=prompt, output=output, cached=cached), value
    if cost.requests is not None:
        return Demand(cost.requests, prompt, output, cached), value
    requests = (cost.inference_tokens or 0.0) / (prompt + output)
    return Demand(requests, prompt, output, cached), value


def _rates(time: TimeOptions) -> dict[str, float]:
    return {"discount": time.discount or 0.0, "drift": time.price_drift or 0.0}


def _traffic(time: TimeOptions):
    """The demand over time, or None where time does not matter."""
    from lifetimescale.traffic import ExponentialTraffic, read_traffic

    if time.demand_csv is not None:
        for flag in given(lifetime=time.lifetime, growth=time.growth):
            raise InputError(f"--demand-csv has the demand month by month, so {flag} has nothing to say: drop one")
        try:
            return read_traffic(time.demand_csv)
        except ValueError as error:
            raise InputError(f"--demand-csv: {error}") from None
    if time.lifetime is None:
        rates = given(
            requests_per_month=time.requests_per_month,
            growth=time.growth,
            discount=time.discount,
            price_drift=time.price_drift,
        )
        for flag in rates:
            raise InputError(f"{flag} needs to know how long: give --lifetime 24mo")
        return None
    return ExponentialTraffic(12 * (time.requests_per_month or 1.0), time.growth or 0.0, time.lifetime)


def _unused_chips(options: CostOptions) -> None:
    """Names are checked even where the cost counts FLOPs and has no use for them."""
    for side, name, price in (
        ("train", options.train_chip, options.train_price),
        ("serve", options.serve_chip, options.serve_price),
    ):
        if name is not None:
            _chip(side, name, price or 1.0)


def _chip(side: str, name: str, price: float | None):
    from lifetimescale import presets

    try:
        return presets.chip(name, price=price)
    except ValueError as error:
        if name in presets.chip_presets():
            raise InputError(f"chip {name} has no default price: give --{side}-price in dollars per hour") from None
        raise InputError(f"--{side}-chip: {error}") from None


def _check_precision(side: str, name: str, precision: str) -> None:
    from lifetimescale import presets

    peaks = presets.chip_presets()[name].peak
    if precision not in peaks:
        raise InputError(f"chip {name} has no {precision}: give --{side}-precision {' or '.join(peaks)}")
