"""Numbers as people write them: "13B", "2T", "$1.40/h", "50%". Strict to read, short to print."""

import math
import re

SUFFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "Q": 1e15}
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_COUNT = re.compile(rf"{_NUMBER}\s*([A-Za-z]*)")
_PRICE = re.compile(rf"\$?\s*{_NUMBER}\s*(?:/\s*(?:h|hr|hour))?")
_FRACTION = re.compile(rf"{_NUMBER}\s*(%?)")


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
