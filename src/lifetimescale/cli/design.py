"""From --design to where the design variables of a law may lie."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from lifetimescale.cli.options import InputError
from lifetimescale.units import format_count, parse_number


class NamedLaw(NamedTuple):
    """A law, its name, and what is given of its design variables: a number each, or a choice."""

    law: Any
    name: str
    design: dict[str, Any]

    @property
    def open(self) -> list[str]:
        """The design variables that no number is given for."""
        return [name for name in self.law.variables if not isinstance(self.design.get(name), float)]

    def check_numbers(self, what: str, instead: str = "") -> None:
        """Raise InputError where a variable is open and `what` needs its number; `instead` does not."""
        if self.open:
            given = " ".join(f"--design {name}=..." for name in self.open)
            raise InputError(
                f"{what} depends on {_listed(self.open)} of {self.name}: give {instead}a number each, {given}"
            )

    def check_plain(self, command: str) -> None:
        """Raise InputError where there are design variables, for a command that has no use for them."""
        if self.law.variables:
            raise InputError(
                f"{command} is for laws of params and tokens alone, and {self.name} has the design variable "
                f"{_listed(self.law.variables)} too: take another --law, or `lifetimescale plan` of each case"
            )

    def check_within(self, what: str, params: float) -> None:
        """Raise InputError where a law that means nothing outside its sizes is asked of another."""
        least, most = (float(end) for end in self.law.fitted.params)
        if self.law.is_confined and not least <= params <= most:
            raise InputError(
                f"{what} of {format_count(params)} params is outside the {format_count(least)} to {format_count(most)} "
                f"that {self.name} was fitted on, where it has no meaning: ask for one within them"
            )


def build_design(law: Any, name: str, texts: Iterable[str]) -> dict[str, Any]:
    """What is given of each design variable of a law; what is not named lies where the law says."""
    variables = [*law.variables]
    given = {variable: _choice(variable, text, variables) for variable, text in _pairs(texts, name, variables)}
    _check_ranges({**law.variables, **given}, name)
    return {variable: _tied(choice, given) for variable, choice in given.items()}


def _pairs(texts: Iterable[str], law_name: str, variables: list[str]) -> Iterable[tuple[str, str]]:
    """Each variable with what is given of it."""
    seen = set()
    for text in texts:
        word, equals, value = (part.strip() for part in text.partition("="))
        name = _name(word)
        if not (word and equals and value) or name in seen:
            raise InputError(f"--design: {text!r} is incomplete or there twice: write it like granularity=8")
        if name not in variables:
            there = f"there is {_listed(variables)}" if variables else "it has none, so leave --design out"
            raise InputError(f"--design: {law_name} has no design variable {word!r}: {there}")
        seen.add(name)
        yield name, value


def _choice(name: str, text: str, variables: list[str]) -> Any:
    """A number, a range, a few numbers, or another variable."""
    from lifetimescale.design import Between, OneOf, Same

    if _name(text) == name:
        raise InputError(f"--design: {name}={text} says nothing: give a number, or the name of another variable")
    if _name(text) in variables:
        return Same(_name(text))
    low, dots, high = text.partition("..")
    if dots:
        ends = _number(name, low), _number(name, high)
        if not ends[0] < ends[1]:
            raise InputError(f"--design: {name}={text} ends before it begins: write the lower end first, like 1..64")
        return Between(*ends)
    numbers = [_number(name, word) for word in text.split(",")]
    return OneOf(*numbers) if len(numbers) > 1 else numbers[0]


def _number(name: str, text: str) -> float:
    try:
        value = parse_number(text)
    except ValueError as error:
        raise InputError(
            f"--design: {name}: {error}; 1..64 is a range, 1,4,16 are a few to choose from, and the name of another "
            "variable means the same number"
        ) from None
    if value < 0:
        raise InputError(f"--design: {name}: {text.strip()} is out of range, give 0 or a number above 0")
    return value


def _check_ranges(choices: dict[str, Any], law_name: str) -> None:
    """Every variable has an end, and none is the same as one that is itself the same as another."""
    from lifetimescale.design import Between, Same

    for name, choice in choices.items():
        if isinstance(choice, Between) and not math.isfinite(float(choice.most)):
            raise InputError(f"{law_name} depends on {name}, which has no range of its own: give --design {name}=25B")
        if isinstance(choice, Same) and isinstance(choices[choice.name], Same):
            chain = f"{name} is the same as {choice.name}, which is the same as another"
            raise InputError(f"--design: {chain}: give {name} the name of that one")


def _tied(choice: Any, given: dict[str, Any]) -> Any:
    """The number itself where a variable is the same as one that is given."""
    from lifetimescale.design import Same

    other = given.get(choice.name) if isinstance(choice, Same) else None
    return other if isinstance(other, float) else choice


def format_design(design: dict[str, float]) -> str:
    """The values of the design variables, in words.

    >>> format_design({"experts": 32.0, "unique_tokens": 25e9})
    'experts 32, unique_tokens 25.0B'
    """
    return ", ".join(f"{name} {format_value(value)}" for name, value in design.items())


def format_value(value: float) -> str:
    """Four digits, or a count where that is shorter.

    >>> format_value(7.00234), format_value(0.95), format_value(25e9)
    ('7.002', '0.95', '25.0B')
    """
    return format_count(value) if value >= 1e4 else f"{value:.4g}"


def _name(text: str) -> str:
    return text.strip().replace("-", "_")


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
