"""The table of docs/laws.md, from docs/laws_of_others.toml: `python tests/laws_table.py` writes it into the page."""

import pathlib
import textwrap
import tomllib
from collections.abc import Iterator
from typing import Any

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE = DOCS / "laws.md"
BEGIN, END = "<!-- table of laws_of_others.toml -->\n", "<!-- end of the table -->\n"
WIDTH, TIE = 120, "\u00a0"  # a space at which no row ends
EVIDENCE = {
    "P": "read in the authors' repository",
    "R": "quoted from reviews, checked against the authors' data",
    "T": "read in the paper",
    "S": "quoted from reviews",
    "M": "from memory, not verified",
}


def laws() -> dict[str, dict[str, Any]]:
    return tomllib.loads((DOCS / "laws_of_others.toml").read_text(encoding="utf-8"))


def table() -> str:
    """The table in Markdown; what is too long for one row of the page goes on in the next."""
    rows = [row for law in laws().values() for row in _rows(law)]
    return "\n".join(["| law | | |", "|---|---|---|", *rows]) + "\n"


def shown() -> str:
    """The table that stands in the page."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


def _rows(law: dict[str, Any]) -> Iterator[str]:
    name = f" {law['law']}"
    for what, text, mark in _cells(law):
        head = f"|{name} | {what} | {mark}"
        wrapped = textwrap.wrap(text, WIDTH - len(head) - 3, break_on_hyphens=False, break_long_words=False)
        first, *rest = (line.replace(TIE, " ") for line in wrapped)
        yield f"{head}{first}{mark} |"
        for more in rest:
            yield f"| | | {mark}{more}{mark} |"
        name = ""


def _cells(law: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "form", law["form"], "`"
    sets = law.get("coefficients", [])
    for one in sets:
        numbers = ", ".join(f"{name}{TIE}{_number(value, one)}" for name, value in one["values"].items())
        yield "coefficients", f"{one['of']}: {numbers}" if one["of"] else numbers, ""
    if "missing" in law:
        yield "not found", law["missing"], ""
    yield "counts", law["counts"], ""
    link = f"[{law['arxiv']}](https://arxiv.org/abs/{law['arxiv']}), {EVIDENCE[law['evidence']]}"
    yield "source", f"{link}; {law['source']}" if "source" in law else link, ""


def _number(value: float | list[float], one: dict[str, Any]) -> str:
    if isinstance(value, list):
        return one.get("joined", " / ").join(_number(each, one) for each in value)
    return f"{value:.12g}" if abs(value) < 1e6 else f"{value:.6g}".replace("e+0", "e").replace("e+", "e")


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(BEGIN + shown() + END, BEGIN + table() + END), encoding="utf-8")
