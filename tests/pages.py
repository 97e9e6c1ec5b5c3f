"""The pages of docs/, and what their Python makes."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"


def executed(page: pathlib.Path) -> dict:
    """The names that the Python blocks of a page leave, run in their order."""
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)
    return names
