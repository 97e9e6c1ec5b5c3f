"""What the page knows: the laws and chips among the presets, and what its fields say at first."""

from typing import Any

from lifetimescale.presets import ChipPreset, LawPreset, chip_presets, law_presets

FAMILIES = ("Chinchilla", "Coupled")
"""The families whose coefficients are those of E + (A/N^alpha + B/D^beta)^gamma as they stand."""


def _price(chip: str) -> str:
    return f"{chip_presets()[chip].price:.2f}"


DEFAULTS = {
    "target": "like", "like": "13B", "loss": "2.05",
    "demand": "tokens", "tokens": "2T", "requests": "1e10", "prompt": "70", "output": "215",
    "unit": "flops",
    "train": "a100-80gb", "train-price": _price("a100-80gb"), "train-mfu": "50%",
    "serve": "a100-40gb", "precision": "int8", "serve-price": _price("a100-40gb"), "prefill": "50%", "decode": "1%",
    "law": "chinchilla", **{name: f"{value:g}" for name, value in law_presets()["chinchilla"].coefficients.items()},
    "gamma": "1",
}  # fmt: skip
"""The paper's example in FLOPs; the settings of Sardana et al. 2024 (arXiv:2401.00448), section 5, for dollars."""

EXAMPLES = {
    "The example of the paper": "like=13B&tokens=2T&law=chinchilla",
    "A real decision": "like=8B&tokens=1T&law=besiroglu2024",
    "In dollars": "loss=1.947&requests=1e10&prompt=1000&output=250&unit=usd&train=a100-80gb&train-price=1.40"
    "&train-mfu=50%25&serve=a100-40gb&precision=int8&serve-price=0.60&prefill=40%25&decode=20%25&law=chinchilla",
}
"""Addresses to begin with, by what the page calls them."""


def facts() -> dict[str, Any]:
    """All of it, as JSON can hold it."""
    laws = {name: _law(preset) for name, preset in law_presets().items() if preset.family in FAMILIES}
    chips = {name: _chip(preset) for name, preset in chip_presets().items()}
    return {"laws": laws, "chips": chips, "defaults": DEFAULTS, "examples": EXAMPLES}


def _law(preset: LawPreset) -> dict[str, Any]:
    told = {"title": preset.title, "warning": preset.warning, "range": dict(preset.range)}
    return {"gamma": 1.0, **preset.coefficients, **told}


def _chip(preset: ChipPreset) -> dict[str, Any]:
    seen = [{"year": one["year"], "price": one["usd_per_hour"]} for one in preset.seen]
    return {"title": preset.title, "peak": dict(preset.peak), "price": preset.price, "seen": seen[-1:]}
