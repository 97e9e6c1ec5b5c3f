"""Numbers as people write them: strict to read, short to print."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetimescale.units import (
    format_cost,
    format_count,
    format_percent,
    parse_count,
    parse_duration,
    parse_fraction,
    parse_price,
    parse_rate,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("13B", 13e9), ("13b", 13e9), ("13 B", 13e9), (" 2T ", 2e12), ("1e12", 1e12), ("1.5e3K", 1.5e6),
     ("7", 7), (".5M", 5e5), ("-3", -3), ("2Q", 2e15)],
)  # fmt: skip
def test_counts(text, value):
    assert parse_count(text) == value


@pytest.mark.parametrize(
    "text", ["13X", "B", "", "1,000", "1e", "13BB", "nan", "inf", "0x10", "1 2", "$5", "50%", "1e999"]
)
def test_what_is_no_count_is_said_to_be_none(text):
    with pytest.raises(ValueError, match=r"like 13B|too large"):
        parse_count(text)


@pytest.mark.parametrize("text", ["1.40", "$1.40", "$1.40/h", "1.40 / hour", "$ 1.4/hr"])
def test_prices(text):
    assert parse_price(text) == 1.4


@pytest.mark.parametrize(("text", "value"), [("50%", 0.5), ("0.5", 0.5), ("1 %", 0.01), ("1e-2", 0.01)])
def test_fractions(text, value):
    assert parse_fraction(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("5%/mo", 12 * math.log(1.05)), ("0.05/mo", 12 * math.log(1.05)), ("5 % / month", 12 * math.log(1.05)),
     ("-30%/yr", math.log(0.7)), ("+1/year", math.log(2)), ("100%/yr", math.log(2)), ("0%/mo", 0),
     ("1e-2/yr", math.log(1.01))],
)  # fmt: skip
def test_rates(text, value):
    assert parse_rate(text) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "value"),
    [("24mo", 2), ("1 month", 1 / 12), ("18 months", 1.5), ("2yr", 2), ("1year", 1), ("2.5 years", 2.5), ("365d", 1),
     ("1 day", 1 / 365), ("73 days", 0.2), ("2w", 14 / 365), ("1 week", 7 / 365), ("52 weeks", 364 / 365)],
)  # fmt: skip
def test_durations(text, value):
    assert parse_duration(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    ["", "5%", "0.05", "5%/day", "5/", "%/mo", "5%mo", "5%/mo/yr", "$5/mo", "nan/yr", "inf%/yr", "5%/MO", "5%/months"],
)  # fmt: skip
def test_what_is_no_rate_is_said_to_be_none(text):
    with pytest.raises(ValueError, match=r"is not a rate: write it like 5%/mo"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["-100%/yr", "-1/mo", "-250%/mo", "-1e999/yr"])
def test_no_rate_leaves_nothing(text):
    with pytest.raises(ValueError, match=r"leaves nothing: a rate must be above -100%"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is not a duration"), ("24", "is not a duration"), ("mo", "is not a duration"),
     ("2yr 3mo", "is not a duration"), ("nanmo", "is not a duration"), ("2h", "unit 'h'"), ("24m", "unit 'm'"),
     ("0mo", "is no time at all"), ("-2yr", "is no time at all"), ("1e999yr", "too large")],
)  # fmt: skip
def test_what_is_no_duration_is_said_to_be_none(text, message):
    with pytest.raises(ValueError, match=message):
        parse_duration(text)


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_price, "1.40 EUR"), (parse_fraction, "half"), (parse_fraction, "%")]
)
def test_what_is_no_price_or_fraction_is_said_to_be_none(parse, text):
    with pytest.raises(ValueError, match="write it like"):
        parse(text)


@given(st.floats(1e3, 9.9e17))
def test_printed_counts_are_read_back_to_three_digits(value):
    assert parse_count(format_count(value)) == pytest.approx(value, rel=0.0051)


@given(st.floats(-0.99, 1e6), st.sampled_from([("yr", 1), ("year", 1), ("mo", 12), ("month", 12)]))
def test_a_continuous_rate_grows_as_its_periods_do(share, unit):
    name, periods = unit
    rate = parse_rate(f"{share!r}/{name}")
    assert math.expm1(rate / periods) == pytest.approx(share, rel=1e-12, abs=1e-15)
    assert parse_rate(f"{100 * share!r}%/{name}") == pytest.approx(rate, rel=1e-12, abs=1e-300)


@given(st.one_of(st.text(max_size=12), st.text("0159.eE+-%/ moyrdaywkshntK$", max_size=12)))
def test_any_text_is_a_number_or_a_value_error(text):
    for parse in (parse_count, parse_price, parse_fraction, parse_rate, parse_duration):
        with contextlib.suppress(ValueError):  # any other exception fails the test
            assert math.isfinite(parse(text))


def test_printed_costs_and_percents():
    assert format_cost(12.5, "USD") == "$12.50"
    assert format_cost(0.0, "FLOP") == "0 FLOP"
    assert format_cost(3e-5, "kWh") == "3.00e-5 kWh"
    assert format_percent(0.5) == "50.0 %"
    assert format_count(float("nan")) == "nan"
    assert format_count(12.0) == "12.0"
    assert format_count(1e20) == "1.00e+20"
