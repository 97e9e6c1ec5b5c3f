"""Docstrings as reStructuredText: what they say in plain text means the same there.

The library's docstrings are plain text in Google form: `name` is code, an indented block is a formula, and other signs
mean themselves.
"""

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

import lifetimescale as lts

CODE = re.compile(r"(`[^`]+`)")
SIGNS = re.compile(r"([*|\\]|_(?=\W|$))")  # which reStructuredText would read as its own
SECTION = re.compile(r"(Args|Returns|Raises):$")
ENTRY = re.compile(r" {4}(\S+): (.*)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Every docstring that autodoc reads is converted."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = converted(lines)


def converted(lines: list[str]) -> Iterator[str]:
    """Paragraphs with their signs escaped, sections as fields, formulas and doctests as they are."""
    inside = ""
    for line in lines:
        if not line.strip():
            inside = "" if inside == "doctest" else inside
            yield ""
        elif inside == "doctest" or line.startswith(">>> "):
            inside = "doctest"
            yield line
        elif found := SECTION.match(line):
            inside = found[1]
            yield ""
        elif not line.startswith(" "):
            inside = ""
            yield _escaped(line)
        elif inside in ("", "formula"):
            yield from () if inside else ("::", "")
            inside = "formula"
            yield line
        else:
            yield _field(inside, line)
            inside = inside.replace("Returns", "more")


def _field(section: str, line: str) -> str:
    """A line of a section: a field where one begins, or more of the last."""
    if section == "Returns":
        return f":returns: {_escaped(line.strip())}"
    if section != "more" and (entry := ENTRY.match(line)):
        kind = {"Args": "param", "Raises": "raises"}[section]
        return f":{kind} {entry[1]}: {_escaped(entry[2])}"
    return f"    {_escaped(line.strip())}"


def _escaped(line: str) -> str:
    parts = CODE.split(line)
    parts[::2] = [SIGNS.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [_reference(part[1:-1]) for part in parts[1::2]]
    return "".join(parts)


def _reference(code: str) -> str:
    return f":py:obj:`~lifetimescale.{code}`" if code in dir(lts) else f"``{code}``"
