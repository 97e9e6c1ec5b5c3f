"""The reference of the command line, from its own help."""

import re

from lifetimescale.cli import app

EXAMPLE = re.compile(r"^lifetimescale .*(?:\n\nlifetimescale .*)*$", re.MULTILINE)
FENCE = re.compile(r"^```console\n.*?^```\n", re.DOTALL | re.MULTILINE)


def commands() -> str:
    """A section for each command: what it does, examples, and every flag with its default and its choices."""
    _, *sections = re.split(r"^(?=## lifetimescale )", app.generate_docs(heading_level=1), flags=re.MULTILINE)
    return "\n".join(_section(section) for section in sections)


def _section(text: str) -> str:
    """Without the line that says no more than the heading, with examples as code."""
    text = FENCE.sub("", text).replace("## lifetimescale ", "## ").replace("*[default: False]*", "")
    return EXAMPLE.sub(lambda found: "```console\n" + found[0].replace("\n\n", "\n") + "\n```", text)
