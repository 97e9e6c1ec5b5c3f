"""The page from its parts: one file, the same bytes every time, with nothing to fetch."""

import base64
import hashlib
import html
import json
import re
from importlib import metadata, resources

from lifetimescale.page.facts import facts

SCRIPTS = (
    "kernel.js", "numbers.js", "model.js", "commands.js", "words.js", "svg.js", "bars.js", "universal.js",
    "equalloss.js", "app.js",
)  # fmt: skip
"""In the order in which they need each other; all but the last five know nothing of a page."""

_FIELD = re.compile(r"@([\w-]+)\|([^|@]+)\|([^@]*)@")


def calculator() -> str:
    """The calculator page as HTML: self-contained, and its policy forbids it to fetch anything.

    L = E + (A/N^alpha + B/D^beta)^gamma and C = N (k_t D + k_i), for the laws and the chips among the presets.

    >>> page = calculator()
    >>> page.startswith("<!doctype html>"), page == calculator()
    (True, True)
    """
    style, script = part("style.css"), "".join(part(name) for name in SCRIPTS)
    values = {
        "STYLE_HASH": _hash(style),
        "SCRIPT_HASH": _hash(script),
        "VERSION": html.escape(metadata.version("lifetimescale")),
        "FACTS": json.dumps(facts(), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "STYLE": style,
        "SCRIPT": script,
    }
    page = _FIELD.sub(_field, part("template.html"))
    return re.sub("@([A-Z_]+)@", lambda match: values[match[1]], page)


def part(name: str) -> str:
    """The text of one of the page's own files."""
    return resources.files("lifetimescale.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the content security policy calls a text that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _field(match: re.Match[str]) -> str:
    """A text field of `@name|label|hint@`, with its label, its hint and a place for its error."""
    name, label, hint = match.groups()
    described = f"{name}-hint {name}-error" if hint else f"{name}-error"
    own = f'<p class="hint" id="{name}-hint">{hint}</p>' if hint not in ("", "elsewhere") else ""
    return (
        f'<div class="field"><label for="{name}">{label}</label>'
        f'<input type="text" id="{name}" maxlength="40" spellcheck="false" autocapitalize="off" '
        f'aria-describedby="{described}">{own}<p class="error" id="{name}-error"></p></div>'
    )
