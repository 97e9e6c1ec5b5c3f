"""Presets: the coefficients and peaks of their sources, each with what it means; names are helped along."""

import csv
import json
import math
import re
import subprocess
import sys
import tomllib

import jax
import jax.numpy as jnp
import pytest
from problems import problems

import lifetimescale as lts

LAWS, CHIPS, CURVES, MAPS = lts.law_presets(), lts.chip_presets(), lts.reference_curves(), lts.score_presets()
RENAMED = {"R_D_star": "R_D", "R_N_star": "R_N", "lambda": "lambda_", "eps": "epsilon"}


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


def somewhere(law: lts.AbstractLaw) -> dict[str, float]:
    """A value of each design variable: the middle of its range, or the last of its choices."""

    def value(choice):
        if isinstance(choice, lts.OneOf):
            return float(choice.choices[-1])
        return float(choice.least + choice.most) / 2 if jnp.isfinite(choice.most) else 1e10

    return {name: value(choice) for name, choice in law.variables.items()}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_states_what_it_means(name):
    preset = LAWS[name]
    law, ranges = preset.law(), dict(preset.range)
    texts = (preset.params_meaning, preset.tokens_meaning, preset.loss_meaning, *preset.design_meaning.values())
    for text in (preset.title, preset.source, preset.warning, *texts):
        assert len(text) > 15
    assert all(text.endswith(".") for text in (preset.source, preset.warning, *texts))
    assert "arXiv:" in preset.source
    assert preset.design_meaning.keys() == law.variables.keys()
    for key in ("params", "tokens", "tokens_per_param"):
        low, high = ranges.pop(key, (0.0, math.inf))
        assert 0 <= low < high
        assert [float(x) for x in getattr(law.fitted, key)] == [low, high]
    assert {key: [float(x) for x in ends] for key, ends in law.fitted.design.items()} == ranges


@pytest.mark.parametrize("name", LAWS)
def test_a_law_falls_and_is_planned_with(name):
    law, design = LAWS[name].law(), somewhere(LAWS[name].law())
    loss = law(1e9, 2e10, design)
    assert 0 < float(law(2e9, 4e10, design)) < float(loss) < 4
    assert lts.plan(law, lts.Flops(1e12), loss=loss, design=design).status == lts.Status.OK


@pytest.mark.parametrize("name", LAWS)
def test_a_published_law_is_saved_and_read_back_to_the_last_digit(tmp_path, name):
    law = lts.law(name)
    lts.save(law, tmp_path / "law.json")
    again = lts.load(tmp_path / "law.json")
    assert jax.tree.structure(again) == jax.tree.structure(law)
    assert jax.tree.all(jax.tree.map(lambda a, b: float(a) == float(b), law, again))
    text = json.loads((tmp_path / "law.json").read_text())
    assert text["coefficients"] == LAWS[name].coefficients
    assert text["range"] == LAWS[name].range


def test_a_law_of_samples_is_saved_too(tmp_path):
    law = lts.TestTime(1.5, 400.0, 410.0, 0.5, 0.33, 0.28, 0.5, fitted=lts.FittedRange(design={"samples": (1, 64)}))
    lts.save(law, tmp_path / "law.json")
    again = lts.load(tmp_path / "law.json")
    assert isinstance(again, lts.TestTime)
    assert float(again.variables["samples"].most) == 64
    assert float(again(1e9, 2e10, {"samples": 16})) == float(law(1e9, 2e10, {"samples": 16}))


def test_a_law_at_one_design_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="a Repeated is code of your own, or a law at one design"):
        lts.save(lts.law("muennighoff2023").at({"unique_tokens": jnp.asarray(1e10)}), tmp_path / "law.json")
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), lts.law("busbridge2025_distillation"))
    with pytest.raises(ValueError, match="a batch"):
        lts.save(batch, tmp_path / "law.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"range": {"sparsity": [0, 1]}},
            "it has no sparsity: a range is of params, tokens, tokens_per_param, teacher",
        ),
        ({"range": [1, 2]}, "the coefficients or the range of a Distilled are wrong"),
        ({"coefficients": {"supervised": 1.0}}, "are wrong"),
        ({"coefficients": {"supervised": {"E": 1.0}}}, "are wrong"),
    ],
)
def test_a_file_of_another_law_is_refused(tmp_path, change, words):
    lts.save(lts.law("busbridge2025_distillation"), tmp_path / "law.json")
    content = json.loads((tmp_path / "law.json").read_text()) | change
    (tmp_path / "law.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words):
        lts.load(tmp_path / "law.json")


@pytest.mark.parametrize("name", MAPS)
def test_a_score_map_states_what_it_means(tmp_path, name):
    preset = MAPS[name]
    for text in (preset.title, preset.loss_meaning, preset.score_meaning, preset.source, preset.warning):
        assert len(text) > 15
    assert "arXiv:" in preset.source
    assert name.rpartition("_")[0] in LAWS
    score_map = lts.score_map(name)
    assert float(score_map.loss_for(score_map(2.5))) == pytest.approx(2.5, rel=1e-12)
    assert 0 < float(score_map(2.0)) < float(score_map(3.0)) < float(score_map.worst)
    lts.save(score_map, tmp_path / "map.json")
    assert float(lts.load(tmp_path / "map.json")(2.5)) == float(score_map(2.5))


@pytest.mark.parametrize("name", CURVES)
def test_a_reference_curve_states_what_it_means(name):
    curve = lts.reference_curve(name)
    for text in (curve.title, curve.source, curve.warning, *curve.meaning.values()):
        assert len(text) > 13
    assert "arXiv:" in curve.source
    assert curve.meaning.keys() == {"compute", *curve.curves} != {"compute"}
    compute = jnp.asarray([[1e20], [1e22]])
    for what in ("params", "tokens", "flops_per_token"):
        if what in curve.curves:
            values = getattr(curve, what)(compute)
            assert values.shape == (2, 1)
            assert 0 < float(values[0, 0]) < float(values[1, 0])
        else:
            with pytest.raises(ValueError, match=f"the source of {name} states no {what}, only "):
                getattr(curve, what)(compute)
    if curve.range:
        assert curve.range[0] < curve.range[1]


def test_a_table_of_a_frontier_ends_where_it_ends():
    curve = lts.reference_curve("hoffmann2022_a2_frontier")
    assert jnp.isnan(curve.params(jnp.asarray([1e18, 1e29]))).all()
    assert float(curve.params(6.88e23)) == pytest.approx(6.7e10, rel=1e-12)
    assert curve.tokens(jnp.asarray(1e21, jnp.float32)).dtype == jnp.float32


WITHOUT_LAW = """
import lifetimescale as lts
curve = lts.reference_curve("llama3_2024")
for ask in (lambda: lts.plan(curve, lts.Flops(1e12), loss=2.0), lambda: lts.compute_optimal(curve, loss=2.0)):
    try:
        ask()
    except TypeError as error:
        print(error)
"""


def test_a_reference_curve_is_no_law():
    sentence = lts.reference_curve("llama3_2024").why_not_a_law
    for words in ("is a reference curve, not a law", "cannot price over-training", "reference_curve('llama3_2024')"):
        assert words in sentence
    with pytest.raises(ValueError, match=re.escape(sentence)):
        lts.law("llama3_2024")
    # as users meet it: here every argument is checked by its annotation first
    done = subprocess.run([sys.executable, "-c", WITHOUT_LAW], capture_output=True, text=True, check=True)
    assert done.stdout == 2 * f"{sentence}\n"


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
    names = {alias: name for name, preset in LAWS.items() for alias in (name, *preset.aliases)}
    shipped = {name: entry["coef"] for name, entry in catalogue.items() if name in names}
    assert {
        name for name, entry in catalogue.items() if entry["form"] in ("coupled", "kaplan") and entry["coef"]
    } <= set(shipped)
    assert {names[name] for name in shipped} | {"krajewski2024_moe_unrounded", "kumar2024_ptq"} == set(LAWS)
    shipped["kumar2024_ptq"] = shipped["kumar2024_precision"]
    for key, published in shipped.items():
        ours = dict(LAWS[names[key]].coefficients)
        supervised = ours.pop("supervised", None)
        assert supervised in (None, LAWS["busbridge2025_supervised"].coefficients)
        for name, value in published.items():
            coefficient = RENAMED.get(name, name.removeprefix("ln"))
            if key.startswith("kumar2024") and coefficient not in ours:
                continue  # each of the two laws has some of the constants of the paper's one
            expected = math.exp(value) if name.startswith("ln") else value
            assert ours.pop(coefficient) == pytest.approx(expected, rel=1e-14), (key, name)
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
    with pytest.raises(ValueError, match="no score map named 'gadre_c4_17': did you mean 'gadre2024_c4_17'"):
        lts.score_map("gadre_c4_17")
    with pytest.raises(ValueError, match="no reference curve named 'llama3': did you mean 'llama3_2024'"):
        lts.reference_curve("llama3")


def test_a_law_of_arrays_prints_and_stacks():
    assert problems("everyday", 3).law.A.shape == (3,)


def test_the_catalogue_of_laws_has_their_design_variables(run, answer):
    assert "(experts)" in run("laws")[1]
    assert answer("laws abnar2025_sparsity")["abnar2025_sparsity"]["variables"]["sparsity"] == {
        "meaning": LAWS["abnar2025_sparsity"].design_meaning["sparsity"], "least": 0.0, "most": 0.98,
    }  # fmt: skip
    for name, where in (
        ("krajewski2024_moe", "Plans choose from 1 to 16."),
        ("ludziejewski2025_moe", "Plans choose one of 1, 2, 4, 8, 16, 32."),
        ("muennighoff2023", "A plan is given it, or a range of it."),
        ("busbridge2025_distillation", "supervised (E 1.22, A 3355,"),
    ):
        assert where in " ".join(run(f"laws {name}")[1].split())
    code, _, error = run("laws llama3_2024")
    assert code == 2
    assert "is a reference curve, not a law" in " ".join(error.split())
