"""Presets: the coefficients and peaks of their sources, each with what it means; names are helped along."""

import csv
import math
import tomllib

import jax.numpy as jnp
import pytest
from problems import problems

import lifetimescale as lts

LAWS, CHIPS = lts.law_presets(), lts.chip_presets()


@pytest.mark.parametrize(
    ("name", "params", "tokens", "loss", "digits"),
    [
        ("hoffmann2022_a3_rounded", 70e9, 1.4e12, 1.93665, 2e-5),
        ("hoffmann2022_a3_rounded", 280e9, 300e9, 1.99326, 2e-5),
        ("hoffmann2022_a3_unrounded", 70e9, 1.4e12, 1.92085, 2e-5),
        ("hoffmann2022_a3_unrounded", 280e9, 300e9, 1.96724, 2e-5),
        ("chinchilla", 70e9, 1.4e12, 1.93228, 2e-5),
        ("besiroglu2024_printed", 70e9, 1.4e12, 1.97388, 2e-5),
        ("besiroglu2024", 70e9, 1.4e12, 1.97337, 2e-5),
        ("gadre2024_c4", 1439795200.0, 28795904000.0, 2.6568587, 2.2e-2),
        ("gadre2024_redpajama", 1439795200.0, 921468928000.0, 2.502053562, 1.9e-2),
        ("gadre2024_refinedweb", 1439795200.0, 460734464000.0, 2.531392898, 5.1e-3),
        ("busbridge2025_supervised", 546e6, 1.092e10, 2.5149, 2e-4),
        ("busbridge2025_supervised", 1.82e9, 3.64e10, 2.2509, 2e-4),
        ("busbridge2025_supervised", 7.75e9, 1.55e11, 2.0036, 2e-4),
        ("kaplan2020_joint_text", 1.5e9, 2.3e10, 2.3718, 2e-4),
        ("kaplan2020_joint_text", 1.75e11, 3e11, 1.7323, 2e-4),
        ("kaplan2020_joint_table2", 1.5e9, 2.3e10, 2.3101, 2e-4),
        ("kaplan2020_joint_table2", 1.75e11, 3e11, 1.6610, 2e-4),
    ],
)
def test_losses_known_of_the_laws(name, params, tokens, loss, digits):
    assert float(lts.law(name)(params, tokens)) == pytest.approx(loss, abs=digits)


@pytest.mark.parametrize(
    ("name", "params", "ratio"),
    [
        ("hoffmann2022_a3_rounded", 3.219e10, 92.65),
        ("hoffmann2022_a3_unrounded", 4.036e10, 58.93),
        ("chinchilla", 4.172e10, 55.17),
        ("besiroglu2024_printed", 7.225e10, 18.39),
        ("besiroglu2024", 7.319e10, 17.92),
    ],
)
def test_compute_optimal_models_known_of_the_laws(name, params, ratio):
    best = lts.compute_optimal(lts.law(name), compute=5.76e23)
    assert float(best.params) == pytest.approx(params, rel=1e-3)
    assert float(best.tokens_per_param) == pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_states_what_it_means(name):
    preset = LAWS[name]
    for text in (preset.title, preset.params_meaning, preset.tokens_meaning, preset.loss_meaning, preset.source):
        assert len(text) > 15
    assert "arXiv:" in preset.source
    law = preset.law()
    assert float(law(1e9, 2e10)) > 0
    for key, (low, high) in preset.range.items():
        assert 0 <= low < high
        assert [float(x) for x in getattr(law.fitted, key)] == [low, high]
    assert lts.plan(law, lts.Flops(1e12), loss=law(1e9, 2e10)).status == lts.Status.OK


def test_the_two_presets_that_must_not_be_confused():
    assert lts.law_preset("hoffmann2022_a3_neurips") is lts.law_preset("chinchilla")
    assert lts.law_preset("besiroglu2024_converged") is lts.law_preset("besiroglu2024")
    assert "besiroglu2024" in LAWS["chinchilla"].warning
    covariance = jnp.asarray(LAWS["besiroglu2024"].covariance["matrix"])
    assert covariance.shape == (5, 5)
    assert (jnp.linalg.eigvalsh(covariance) > 0).all()
    correlation = covariance[0, 3] / jnp.sqrt(covariance[0, 0] * covariance[3, 3])
    assert float(correlation) == pytest.approx(0.9993, abs=1e-4)


@pytest.mark.needs_data
def test_coefficients_are_those_of_the_catalogue(shared):
    catalogue = tomllib.loads((shared / "facts" / "laws.toml").read_text())["law"]
    forms = {
        name: entry for name, entry in catalogue.items() if entry["form"] in ("coupled", "kaplan") and entry["coef"]
    }
    names = {alias: name for name, preset in LAWS.items() for alias in (name, *preset.aliases)}
    assert set(forms) <= set(names)
    for key, entry in forms.items():
        ours = dict(LAWS[names[key]].coefficients)
        for name, value in entry["coef"].items():
            expected = math.exp(value) if name.startswith("ln") else value
            assert ours.pop(name.removeprefix("ln")) == pytest.approx(expected, rel=1e-14), (key, name)
        assert not ours


@pytest.mark.needs_data
def test_chips_are_those_of_the_hardware_table(shared):
    with (shared / "data" / "hardware.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(CHIPS)
    for row, preset in zip(rows, CHIPS.values(), strict=True):
        for precision, column in [("bf16", "bf16_tflops"), ("fp8", "fp8_tflops"), ("int8", "int8_tops")]:
            expected = float(row[column]) * 1e12 if row[column] else None
            assert preset.peak.get(precision) == expected, (preset.name, precision)
        seen = {entry["usd_per_hour"] for entry in preset.seen}
        cells = [row[column] for column in row if column.startswith("usd_h")]
        assert seen <= {float(cell) for cell in cells if cell.replace(".", "").isdigit()}
        assert all(entry["source"] and 2023 <= entry["year"] <= 2026 for entry in preset.seen)


def test_default_prices_are_the_papers_and_its_authors():
    assert {name: chip.price for name, chip in CHIPS.items() if chip.price} == {
        "a100-40gb": 1.10, "a100-80gb": 1.50, "h100": 2.00,
    }  # fmt: skip
    with pytest.raises(ValueError, match="b200 has no default price: give one in dollars per hour"):
        lts.chip("b200")
    assert float(lts.chip("b200", price=6.69).price) == 6.69


def test_unknown_names_get_the_nearest():
    for wrong, nearest in (("chinchila", "chinchilla"), ("besiroglu", "besiroglu2024"), ("H100", "h100")):
        find = lts.chip if "00" in wrong else lts.law
        with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
            find(wrong)
    with pytest.raises(ValueError, match="there are chinchilla, besiroglu2024"):
        lts.law("???")


def test_a_law_of_arrays_prints_and_stacks():
    assert problems("everyday", 3).law.A.shape == (3,)
