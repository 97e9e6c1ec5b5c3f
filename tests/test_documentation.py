"""The documentation holds everything, and what is in it leads somewhere; `make docs` builds it and runs its cells."""

import ast
import inspect
import re
import types
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from cells import PLAIN, SHELL, notebook
from command_line import commands
from docstrings import converted
from docutils.core import publish_parts
from pages import DOCS, ROOT
from tables import chips, curves, laws, laws_of_others, others, scores

import lifetimescale as lts
from lifetimescale import page, paper, plots
from lifetimescale.cli import app

PAGES = {str(path.relative_to(DOCS).with_suffix("")): path for path in DOCS.rglob("*.md")}
SOURCES = PAGES | {str(path.relative_to(DOCS).with_suffix("")): path for path in DOCS.rglob("*.rst")}
FRONT = {name: ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")}
MODULES = {"lifetimescale": lts, "lifetimescale.plots": plots, "lifetimescale.paper": paper, "lifetimescale.page": page}
GENERATED = {"cli": (commands,), "presets": (laws, chips, scores, curves), "laws_of_others": (laws_of_others,)}
COMMANDS = [name for name in app if not name.startswith("-")]
LANGUAGES = {"python", "sh", "text", "toml"}


def text(name: str) -> str:
    """A page as readers have it, with what is generated in it."""
    path = {**SOURCES, **FRONT}[name]
    made = "\n".join(make() for make in GENERATED.get(name, ()))
    return path.read_text(encoding="utf-8") + made


def outside_code(markdown: str) -> str:
    """What is neither in a block nor in a line of code."""
    return re.sub(r"^(```+).*?^\1$|`[^`\n]+`", "", markdown, flags=re.DOTALL | re.MULTILINE)


def links(name: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", outside_code(text(name)))


def anchors(name: str) -> set[str]:
    """The anchors that headings have, as GitHub and MyST name them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text(name), flags=re.DOTALL | re.MULTILINE), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def public(module: types.ModuleType) -> Iterator[str]:
    """The functions and classes that a module offers."""
    if module is lts:
        return iter(lts.__all__)
    names = (name for name in vars(module) if not name.startswith("_"))
    return (name for name in names if inspect.isfunction(vars(module)[name]) or inspect.isclass(vars(module)[name]))


def documented() -> set[str]:
    """The full names that pages of the API document."""
    found, module = set(), ""
    for line in "\n".join(text(name) for name in sorted(SOURCES) if name.startswith("api/")).splitlines():
        module = line.partition("currentmodule:: ")[2] or module
        if named := re.match(r"\.\. auto\w+:: (\w+)$", line):
            found.add(f"{module}.{named[1]}")
    return found


def test_every_public_name_has_a_docstring_and_stands_in_the_api_pages():
    names = {f"{where}.{name}" for where, module in MODULES.items() for name in public(module)}
    assert documented() == names
    for where, module in MODULES.items():
        for name in public(module):
            assert getattr(module, name).__doc__ or name == "Leaf", f"{where}.{name} has no docstring"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_section_and_every_flag_stands_in_it(command):
    section = f"\n{commands()}".split(f"\n## {command}\n")[1].split("\n## ")[0]
    arguments = app[command].assemble_argument_collection()
    flags = {name for argument in arguments for name in argument.names if name.startswith("--")}
    assert not {flag for flag in flags if f"`{flag}" not in section}
    assert "```console\nlifetimescale " in section, "it has no example"


@pytest.mark.parametrize(
    ("presets", "page"),
    [
        (lts.law_presets(), laws()),
        (lts.chip_presets(), chips()),
        (lts.score_presets(), scores()),
        (lts.reference_curves(), curves()),
    ],
    ids=["laws", "chips", "scores", "curves"],
)
def test_every_preset_stands_in_its_table_with_its_source(presets, page):
    for name, preset in presets.items():
        _, found, rest = page.partition(f"### `{name}`\n")
        entry = rest.partition("\n### ")[0]
        assert found, f"{name} has no entry"
        assert preset.title in entry
        assert "**source**" in entry


def test_every_law_of_others_stands_in_the_page_with_its_coefficients():
    page = laws_of_others()
    for law in others().values():
        entry = page.partition(f"## {law['law']}\n")[2].partition("\n## ")[0]
        assert f"https://arxiv.org/abs/{law['arxiv']}" in entry, law["law"]
        for one in law.get("coefficients", []):
            assert all(name.replace("_", r"\_") in entry for name in one["values"]), law["law"]


def test_every_page_is_in_a_table_of_contents():
    listed = {"index"}
    for name in PAGES:
        folder = name.rpartition("/")[0]
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", text(name), re.DOTALL | re.MULTILINE):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {f"{folder}/{entry}".lstrip("/") for entry in entries}
    assert listed == set(SOURCES)


@pytest.mark.parametrize("name", [*PAGES, *FRONT])
def test_every_link_within_leads_somewhere(name):
    base = {**PAGES, **FRONT}[name].parent
    for link in links(name):
        if urlsplit(link).scheme:
            continue
        file, _, anchor = link.partition("#")
        target = (base / file).resolve() if file else {**PAGES, **FRONT}[name]
        assert target.exists(), f"{link}: there is no such file"
        if anchor:
            page = target.relative_to(DOCS if DOCS in target.parents else ROOT)
            where = str(page.with_suffix("")) if DOCS in target.parents else str(page)
            assert anchor in anchors(where), f"{link}: there is no such heading"


@pytest.mark.parametrize("name", [*PAGES, *FRONT])
def test_every_link_outside_is_well_formed(name):
    for link in links(name):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            assert re.fullmatch(r"[\w.-]+\.\w+", parts.netloc), link


@pytest.mark.parametrize("name", PAGES)
def test_every_block_that_could_run_does(name):
    page = text(name) if name not in GENERATED else PAGES[name].read_text(encoding="utf-8")
    languages = re.findall(r"^```(\w+)$", page, re.MULTILINE)
    assert set(languages) <= LANGUAGES
    cells = [cell for cell in notebook(page).cells if cell.cell_type == "code"]
    shells = re.findall(r"^```sh\nlifetimescale ", page, re.MULTILINE)
    assert len(cells) == languages.count("python") + len(shells) + len(re.findall(r"^<!-- run$", page, re.MULTILINE))
    for cell in cells:
        ast.parse(cell.source)


def test_a_notebook_keeps_the_order_and_the_lines_of_its_page():
    page = "# A\n\n```python\n1 + 1\n```\n\nB\n\n```sh\nlifetimescale laws\n```\n\n<!-- run\nassert 1\n-->\nC\n"
    made = notebook(page)
    found = [(cell.cell_type, cell.source) for cell in made.cells]
    assert found == [
        ("markdown", "# A\n\n"),
        ("code", "1 + 1\n"),
        ("markdown", "\nB\n\n```sh\nlifetimescale laws\n```\n"),
        ("code", SHELL.format(PLAIN + "lifetimescale laws\n")),
        ("code", "assert 1\n"),
        ("markdown", "C\n"),
    ]
    assert made.metadata["source_map"] == [0, 2, 5, 8, 12, 15]
    assert [cell.metadata.get("tags", []) for cell in made.cells if cell.cell_type == "code"] == [
        [],
        ["remove-input"],
        ["remove-cell"],
    ]


def test_docstrings_mean_in_html_what_they_mean_as_text():
    lines = """A sum of |x| with a_ and `f(x_)` and *:

        L = E + A/N^alpha * B

    Args:
        E: irreducible,
            in nats.
        A: of |params|.

    Returns:
        The loss.

    Raises:
        ValueError: A is 0.

    >>> 1 * 2
    2
    """
    html = publish_parts("\n".join(converted(inspect.cleandoc(lines).splitlines())), writer="html5").get("body", "")
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    for part in ("|x| with a_ and", "f(x_)", "and *:", "param E: irreducible, in nats.", "raises ValueError: A is 0."):
        assert part in shown.replace(" :", ":"), part
    assert "<pre" in html.partition("L = E + A/N^alpha * B")[0]
    assert "problematic" not in html
