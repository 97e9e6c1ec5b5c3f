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
    parse_fraction,
    parse_price,
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
    ("parse", "text"), [(parse_price, "1.40 EUR"), (parse_fraction, "half"), (parse_fraction, "%")]
)
def test_what_is_no_price_or_fraction_is_said_to_be_none(parse, text):
    with pytest.raises(ValueError, match="write it like"):
        parse(text)


@given(st.floats(1e3, 9.9e17))
def test_printed_counts_are_read_back_to_three_digits(value):
    assert parse_count(format_count(value)) == pytest.approx(value, rel=0.0051)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_value_error(text):
    for parse in (parse_count, parse_price, parse_fraction):
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
