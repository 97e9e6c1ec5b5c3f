"""The tables of published laws, chips, score maps and reference curves, as Markdown, from their data."""

import pathlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import lifetimescale as lts
from lifetimescale.units import format_count

OTHERS = pathlib.Path(__file__).parents[1] / "laws_of_others.toml"
EVIDENCE = {
    "P": "read in the authors' repository",
    "R": "quoted from reviews, checked against the authors' data",
    "T": "read in the paper",
    "S": "quoted from reviews",
    "M": "from memory, not verified",
}


def laws() -> str:
    """All laws in one table, and then all about each of them."""
    presets = lts.law_presets().values()
    rows = [(f"[`{preset.name}`](#{preset.name})", preset.family, preset.title) for preset in presets]
    return _table(("name", "class", "what it is"), rows) + "\n" + "\n".join(map(_law, presets))


def _law(preset: lts.LawPreset) -> str:
    covariance = "known, so that law_draws can draw from it" if preset.covariance else ""
    return _entry(
        f"`{preset.name}`",
        preset.title,
        {
            "class": preset.family,
            "also called": ", ".join(preset.aliases),
            "coefficients": _numbers(preset.coefficients),
            "params": preset.params_meaning,
            "tokens": preset.tokens_meaning,
            "loss": preset.loss_meaning,
            **preset.design_meaning,
            "fitted range": "; ".join(f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in preset.range.items()),
            "covariance": covariance,
            "source": preset.source,
            "beware": preset.warning,
        },
    )


def chips() -> str:
    """Peaks, memory and bandwidth of every chip, and what the sources say of prices."""
    presets = lts.chip_presets().values()
    columns = ("name", "what it is", "year", "bf16", "fp8", "int8", "fp4", "memory", "bandwidth", "power", "$/h")
    rows = [_chip(preset) for preset in presets]
    seen = [_prices(preset) for preset in presets]
    return _table(columns, rows) + "\n" + "\n".join(seen)


def _chip(preset: lts.ChipPreset) -> Iterable[str]:
    peaks = [_count(preset.peak.get(precision)) for precision in ("bf16", "fp8", "int8", "fp4")]
    memory = f"{preset.memory / 1e9:.4g} GB" if preset.memory else ""
    bandwidth = f"{preset.bandwidth / 1e12:.4g} TB/s" if preset.bandwidth else ""
    power = f"{preset.power:.4g} W" if preset.power else ""
    price = f"{preset.price:.2f}" if preset.price else ""
    named = f"[`{preset.name}`](#{preset.name})"
    return (named, preset.title, str(preset.year), *peaks, memory, bandwidth, power, price)


def _prices(preset: lts.ChipPreset) -> str:
    seen = [f"${one['usd_per_hour']:.2f} in {one['year']} ({one['source']})" for one in preset.seen]
    return _entry(
        f"`{preset.name}`",
        preset.title,
        {
            "default price": f"${preset.price:.2f} per hour: {preset.price_source}" if preset.price else "",
            "prices seen, per chip and hour": "; ".join(seen),
            "source": preset.source,
            "note": preset.note,
        },
    )


def curves() -> str:
    """Every compute-optimal frontier."""
    return "\n".join(_curve(preset) for preset in lts.reference_curves().values())


def _curve(preset: lts.ReferenceCurve) -> str:
    ends = " to ".join(f"{end:.3g}" for end in preset.range) + " FLOP" if preset.range else ""
    facts = dict(preset.meaning) | {"budgets": ends, "source": preset.source, "beware": preset.warning}
    return _entry(f"`{preset.name}`", preset.title, facts)


def scores() -> str:
    """Every map from loss to a benchmark score."""
    return "\n".join(_score(preset) for preset in lts.score_presets().values())


def _score(preset: lts.ScorePreset) -> str:
    facts = {
        "class": preset.family,
        "coefficients": _numbers(preset.coefficients),
        "loss": preset.loss_meaning,
        "score": preset.score_meaning,
        "source": preset.source,
        "beware": preset.warning,
    }
    return _entry(f"`{preset.name}`", preset.title, facts)


def laws_of_others() -> str:
    """Published laws that do not ship: a section each."""
    return "\n".join(_entry(law["law"], "", dict(_facts(law)), level="##") for law in others().values())


def others() -> dict[str, dict[str, Any]]:
    """The laws of laws_of_others.toml, by name."""
    return tomllib.loads(OTHERS.read_text(encoding="utf-8"))


def _facts(law: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield "form", f"`{law['form']}`"
    yield "coefficients", "; ".join(map(_coefficients, law.get("coefficients", [])))
    yield "not found", law.get("missing", "")
    yield "counts", law["counts"]
    read = f"arXiv:{law['arxiv']}, {EVIDENCE[law['evidence']]}"
    yield "source", f"{read}; {law['source']}" if "source" in law else read


def _coefficients(one: dict[str, Any]) -> str:
    numbers = ", ".join(f"{name} {_joined(value, one)}" for name, value in one["values"].items())
    return f"{one['of']}: {numbers}" if one["of"] else numbers


def _joined(value: float | list[float], one: dict[str, Any]) -> str:
    return one.get("joined", " / ").join(map(_number, value)) if isinstance(value, list) else _number(value)


def _number(value: float) -> str:
    return f"{value:.12g}" if abs(value) < 1e6 else f"{value:.6g}".replace("e+0", "e").replace("e+", "e")


def _numbers(coefficients: Mapping[str, Any]) -> str:
    """Coefficients by name; those of a law within the law in brackets."""
    return ", ".join(
        f"{name} ({_numbers(value)})" if isinstance(value, Mapping) else f"{name} {_number(value)}"
        for name, value in coefficients.items()
    )


def _count(value: float | None) -> str:
    return format_count(value) if value else ""


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = tuple(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _entry(name: str, title: str, facts: Mapping[str, str], *, level: str = "###") -> str:
    """A heading, a sentence, and a list of what is known."""
    listed = "".join(f"- **{_text(key)}**: {_text(text)}\n" for key, text in facts.items() if text)
    return f"{level} {name}\n\n{title}\n\n{listed}"


def _text(text: str) -> str:
    """Plain text, in which every sign means itself, a paper's number is a link, and code stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_<\[\]~$])", r"\\\1", part) for part in parts[::2]]
    return re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", "".join(parts))
