"""Numbers as people write them: "13B", "2T", "$1.40/h", "50%", "5%/mo", "24mo". Strict to read, short to print."""

import math
import numbers
import re
from typing import Any

SUFFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "Q": 1e15}
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_COUNT = re.compile(rf"{_NUMBER}\s*([A-Za-z]*)")
_PRICE = re.compile(rf"\$?\s*{_NUMBER}\s*(?:/\s*(?:h|hr|hour))?")
_FRACTION = re.compile(rf"{_NUMBER}\s*(%?)")
_RATE = re.compile(rf"{_NUMBER}\s*(%?)\s*/\s*(?:(mo|month)|yr|year)")
_SECONDS = re.compile(rf"{_NUMBER}\s*(ms|s)?")
_DURATION = re.compile(rf"{_NUMBER}\s*([a-z]+)")
YEARS = {
    **dict.fromkeys(("yr", "year", "years"), 1.0),
    **dict.fromkeys(("mo", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "week", "weeks"), 7 / 365),
    **dict.fromkeys(("d", "day", "days"), 1 / 365),
}
"""The years in each unit of time; a year has 365 days."""


def parse_count(text: str) -> float:
    """A number with an optional suffix K, M, B, T or Q (1e3 to 1e15), upper or lower case.

    Raises:
        ValueError: it is not one; the message says what would be.

    >>> parse_count("13B"), parse_count("2 t"), parse_count("1e12")
    (13000000000.0, 2000000000000.0, 1000000000000.0)
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number: write it like 13B, 2T or 1e12")
    number, suffix = match.groups()
    if suffix.upper() not in SUFFIXES:
        raise ValueError(f"{text!r} ends in an unknown unit {suffix!r}: use K, M, B, T or Q (1e3 to 1e15), like 13B")
    return _finite(text, float(number) * SUFFIXES[suffix.upper()])


def parse_number(text: str) -> float:
    """A count, or a fraction in percent: "2T", "1e12", "0.5", "50%", "-3".

    Raises:
        ValueError: it is not one; the message says what would be.
    """
    return parse_fraction(text) if text.strip().endswith("%") else parse_count(text)


def is_whole(number: Any) -> bool:
    """Whether this is a whole number, of any numeric type but bool."""
    return not isinstance(number, bool) and isinstance(number, numbers.Real) and float(number).is_integer()


def parse_price(text: str) -> float:
    """Dollars per hour, with or without the signs: "1.40", "$1.40", "$1.40/h".

    Raises:
        ValueError: it is not one; the message says what would be.
    """
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a price in dollars per hour: write it like 1.40 or $1.40/h")
    return _finite(text, float(match[1]))


def parse_fraction(text: str) -> float:
    """A fraction, as "0.5" or as "50%".

    Raises:
        ValueError: it is not one; the message says what would be.
    """
    match = _FRACTION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a fraction: write it like 0.5 or 50%")
    return _finite(text, float(match[1]) / (100 if match[2] else 1))


def parse_rate(text: str) -> float:
    """The continuous rate per year of a growth by "5%/mo" or "0.05/mo" each month, or by "-30%/yr" each year.

    A share p in each of n periods a year is n log(1 + p), so that e^(rate t) is the growth in t years.

    Raises:
        ValueError: it is not one, or a fall by 100 % or more; the message says what would be.

    >>> print(f"{parse_rate('5%/mo'):.4f} {parse_rate('-0.3/year'):.4f}")
    0.5855 -0.3567
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a rate: write it like 5%/mo, -30%/yr or 0.05/mo")
    share = float(match[1]) / (100 if match[2] else 1)
    if share <= -1:
        raise ValueError(f"{text!r} leaves nothing: a rate must be above -100%, so write it like -30%/yr")
    return _finite(text, (12 if match[3] else 1) * math.log1p(share))


def parse_duration(text: str) -> float:
    """Years, from "24mo", "2 years", "90d" or "6 weeks"; a year has 12 months or 365 days.

    Raises:
        ValueError: it is not a duration above 0; the message says what would be.

    >>> parse_duration("24mo"), parse_duration("1.5 years"), parse_duration("73d")
    (2.0, 1.5, 0.2)
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write it like 24mo, 2yr, 6w or 90d")
    number, unit = match.groups()
    if unit not in YEARS:
        raise ValueError(f"{text!r} ends in an unknown unit {unit!r}: use yr, mo, w or d, like 24mo")
    years = _finite(text, float(number) * YEARS[unit])
    if not years > 0:
        raise ValueError(f"{text!r} is no time at all: give a duration above 0, like 24mo")
    return years


def parse_seconds(text: str) -> float:
    """Seconds, from "50ms", "0.5s" or a number of seconds alone.

    Raises:
        ValueError: it is not one; the message says what would be.

    >>> parse_seconds("50ms"), parse_seconds("0.5s"), parse_seconds("2")
    (0.05, 0.5, 2.0)
    """
    match = _SECONDS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time in seconds: write it like 50ms or 0.5s")
    return _finite(text, float(match[1]) / (1000 if match[2] == "ms" else 1))


def _finite(text: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is too large for a number")
    return value


def format_count(value: float) -> str:
    """Three digits and a suffix: 6.97B, 1.25T; in powers of ten outside K to Q.

    >>> format_count(6.968595e9), format_count(999.9e9), format_count(0.0)
    ('6.97B', '1.00T', '0')
    """
    value = float(value)
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    value = float(f"{value:.3g}")  # so that 999.9e9 is 1.00T and not 1000B
    for suffix, scale in reversed(SUFFIXES.items()):
        if scale <= abs(value) < scale * 1e3:
            return f"{_three_digits(value / scale)}{suffix}"
    return f"{value:.2e}"


def format_cost(value: float, unit: str) -> str:
    """A cost in its unit: $1,425,060 in dollars, 8.00e22 FLOP in FLOPs and in any unit of one's own.

    >>> format_cost(1425059.7, "USD"), format_cost(8.004926e22, "FLOP")
    ('$1,425,060', '8.00e22 FLOP')
    """
    if not math.isfinite(value):
        return f"{value} {unit}"
    if unit == "USD":
        return f"${value:,.0f}" if abs(value) >= 100 else f"${value:,.2f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"0 {unit}" if value == 0 else f"{mantissa}e{int(exponent)} {unit}"


def format_percent(fraction: float) -> str:
    """17.4 %, and enough digits of small ones.

    >>> format_percent(0.174467), format_percent(0.0000123), format_percent(0.0)
    ('17.4 %', '0.00123 %', '0 %')
    """
    percent = 100 * float(fraction)
    if percent == 0:
        return "0 %"
    return f"{percent:.1f} %" if abs(percent) >= 1 else f"{percent:.3g} %"


def _three_digits(value: float) -> str:
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
