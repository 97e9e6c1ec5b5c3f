"""Every check value of the catalogue of published laws, by what the library has of each law."""

import math
import pathlib
import tomllib

import jax.numpy as jnp
import pytest
from scipy import optimize

import lifetimescale as lts
from lifetimescale.laws import Logs

PATH = pathlib.Path(__file__).parents[2] / "shared" / "facts" / "laws.toml"
CATALOGUE = tomllib.loads(PATH.read_text())["law"] if PATH.exists() else {}
CHECKS = [(name, check) for name, entry in CATALOGUE.items() for check in entry["checks"]]
ABOUT = {"kind", "tol", "rtol"}  # what a check says beside its question and its answers

DESIGN = {"U": "unique_tokens", "E": "experts", "R": "aspect_ratio", "L_T": "teacher_loss"}
ACTIVE = 43  # params in all experts over those of "64 x" in Krajewski et al. 2024, whose d^2 (8 E + 4) is 43 x 12 d^2
FLOPS_ROUNDED = 5e-3  # Krajewski et al. 2024 print three digits, of which the third is off by one in some rows
BITS = ("weight_bits", "activation_bits", "cache_bits")
MANY = 1e3  # bits that leave nothing to be wished for


def loss(name, question, check):
    design = {DESIGN[letter]: value for letter, value in question.items() if letter in DESIGN}
    return {"out": lts.law(name)(question["N"], question["D"], design)}


def loss_of_active(name, question, check):
    model = ACTIVE * question["x"], question["D"], {"granularity": question["G"]}
    return {"out": lts.law(name)(*model), "flop": lts.Resized(lts.Flops(0.0), lts.RoutedParams())(*model)}


def frontier(name, question, check):
    best = lts.compute_optimal(lts.law(name), compute=question["C"])
    return {"N": best.params, "ratio": best.tokens_per_param}


def lifetime(name, question, check):
    best = lts.plan(lts.law(name), lts.Flops(question["D_inf"]), loss=question["L"])
    return {"N": best.params, "D": best.tokens}


def worth(name, unique, tokens):
    """D', what so many tokens are worth."""
    law = lts.law(name).at({"unique_tokens": jnp.asarray(unique)})
    return jnp.exp(law.effective(Logs(jnp.asarray(0.0), jnp.log(tokens))).tokens)


def repeats(name, question, check):
    tokens = question["U"] * question["epochs"]
    return {"ratio": worth(name, question["U"], tokens) / tokens}


def data_ceiling(name, question, check):
    return {"ratio": worth(name, question["U"], 1e9 * question["U"]) / question["U"]}


def joint_precision(name, question, check):
    """The one precision for all three at which a useful param costs least, where cost is linear in bits."""
    law = lts.law(name)
    best = optimize.minimize_scalar(
        lambda bits: float(bits / law.useful_share({of: jnp.asarray(bits) for of in BITS})),
        bounds=(4, 16),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return {"P": best.x}


def factors(name, question, check):
    law, ample = lts.law(name), {of: jnp.asarray(MANY) for of in BITS}
    shares = [law.useful_share(ample | {of: jnp.asarray(float(question["P"]))}) for of in BITS]
    return dict(zip(("w", "a", "kv"), shares, strict=True))


def bnsl(coef, x):
    """A broken neural scaling law, of one scale, as a law of tokens alone."""
    breaks = list(zip(coef["c"], coef["d"], coef["f"], strict=True))

    def function(N, D, a, b, c0):
        bends = [(1 + (D / d) ** (1 / f)) ** (-c * f) for c, d, f in breaks]
        return a + b * D**-c0 * math.prod(bends)

    return {"out": lts.FunctionLaw(function, {of: coef[of] for of in ("a", "b", "c0")})(1.0, x)}


def transfer(name, question, check):
    """Tokens that pre-training is worth to a model of N params, fine-tuned on D_F."""
    coef = CATALOGUE[name]["coef"]
    k, alpha, beta = (coef[f"text_{of}"] for of in ("k", "alpha", "beta"))
    gained = lts.FunctionLaw(
        lambda N, D, k, alpha, beta: k * D**alpha * N**beta, {"k": k, "alpha": alpha, "beta": beta}
    )
    return {"out_text": gained(question["N"], question["D_F"])}


def hestness(name, question, check):
    coef = CATALOGUE[name]["coef"]
    law = lts.FunctionLaw(lambda N, D, a, b: a * D**b, {"a": coef["word_lm_a"], "b": coef["word_lm"]})
    return {"out": law(1.0, question["m"])}


def jones(name, question, check):
    """FLOPs of testing, for FLOPs of training and a strength of play."""
    coef = CATALOGUE[name]["coef"]
    log10 = coef["slope"] * jnp.log10(question["C_train"]) + coef["elo"] * question["Elo"] + coef["const"]
    return {"out": 10**log10}


def flops_of_the_frontier(name, question, check):
    curve = lts.reference_curve(name)
    return {"product_over_C": curve.flops_per_token(question["C"]) * curve.tokens(question["C"]) / question["C"]}


ANSWERS = {
    "in": loss,
    "in_active": loss_of_active,
    "frontier": frontier,
    "lifetime": lifetime,
    "repeats": repeats,
    "data_ceiling": data_ceiling,
    "joint_precision": joint_precision,
    "factors": factors,
    "nconv": lambda name, question, check: {"out": lts.NonEmbedding()(jnp.asarray(question["N_ne"]))},
    "frontier_power": lambda name, question, check: {"N": lts.reference_curve(name).params(question["C"])},
    "frontier_md": flops_of_the_frontier,
    "frontier_d": lambda name, question, check: {"D": lts.reference_curve(name).tokens(question["C"])},
    "err": lambda name, question, check: {"out": lts.score_map(f"gadre2024_{question['set']}")(question["L"])},
    "bnsl": lambda name, question, check: bnsl(CATALOGUE[name]["coef"], question["x"]),
    "bnsl_addition": lambda name, question, check: bnsl(CATALOGUE[name]["coef_addition"], question["x"]),
    "transfer": transfer,
    "hestness_word": hestness,
    "jones": jones,
}


def kind(check: dict) -> str:
    (only,) = [key for key in check if key in ANSWERS]
    return only


def expected(check: dict) -> dict:
    return {key: value for key, value in check.items() if key not in ABOUT and key != kind(check)}


@pytest.mark.needs_data
@pytest.mark.parametrize(("name", "check"), CHECKS, ids=[f"{name}:{kind(check)}" for name, check in CHECKS])
def test_check_value(name, check):
    answers, values = ANSWERS[kind(check)](name, check[kind(check)], check), expected(check)
    assert answers.keys() == values.keys()
    for key, value in values.items():
        rtol = FLOPS_ROUNDED if key == "flop" else check.get("rtol", 0.0)
        tolerance = check.get("tol", 0.0) if key != "flop" else 0.0
        assert abs(float(answers[key]) - value) <= tolerance + rtol * abs(value), (key, float(answers[key]), value)


@pytest.mark.needs_data
def test_no_check_of_the_catalogue_is_left_out():
    assert len(CHECKS) == PATH.read_text().count("kind = ") == 63
    assert sum(len(expected(check)) for _, check in CHECKS) == 79
    assert {kind(check) for _, check in CHECKS} == set(ANSWERS)


@pytest.mark.needs_data
def test_every_law_that_can_be_planned_with_is_shipped():
    """Those of category 1: as a law, a map of scores or a count of params; T^2 prints no coefficients."""
    laws = {alias for name, preset in lts.law_presets().items() for alias in (name, *preset.aliases)}
    other = {"gadre2024_err", "pearce2024_conversion", "t2_2026"}
    assert {name for name, entry in CATALOGUE.items() if entry["category"] == 1} <= laws | other
    shipped = laws | other | set(lts.reference_curves())
    assert {name for name, entry in CATALOGUE.items() if "frontier" in entry["form"]} <= shipped | {"porian2024"}


@pytest.mark.needs_data
def test_unrounded_granularity_agrees_with_the_table_that_the_rounded_misses():
    digits = CATALOGUE["krajewski2024_moe"]["coef_unrounded_example"]
    assert lts.law_preset("krajewski2024_moe_unrounded").coefficients == {
        key: value for key, value in digits.items() if key != "note"
    }
    for name, check in CHECKS:
        if kind(check) == "in_active":
            rounded = loss_of_active(name, check["in_active"], check)
            exact = loss_of_active(f"{name}_unrounded", check["in_active"], check)
            assert float(exact["out"]) == pytest.approx(check["out"], abs=6e-4)
            assert 0.010 < check["out"] - float(rounded["out"]) < 0.024


@pytest.mark.needs_data
def test_reference_curves_are_those_of_the_catalogue():
    for name in ("kaplan2020_frontier", "deepseek2024", "llama3_2024"):
        coef, curve = CATALOGUE[name]["coef"], lts.reference_curve(name)
        letters = {"params": "N", "tokens": "D", "flops_per_token": "M"}
        assert set(curve.curves) == {what for what, letter in letters.items() if f"{letter}_coef" in coef}
        for what, power in curve.curves.items():
            assert power.coefficient == coef[f"{letters[what]}_coef"]
            assert power.exponent == coef[f"{letters[what]}_exp"]
            assert power.unit == coef.get("C_unit_flop", 1.0)
        assert list(curve.range or ()) == CATALOGUE[name].get("range", {}).get("C", [])
    envelope = lts.reference_curve("hoffmann2022_a1_frontier")
    for params, compute, tokens in CATALOGUE["hoffmann2022_a1_frontier"]["table_NCD"]:
        assert float(envelope.params(compute)) == pytest.approx(params, rel=1e-12)
        assert float(envelope.tokens(compute)) == pytest.approx(tokens, rel=1e-12)


@pytest.mark.needs_data
def test_steps_of_porian_are_those_of_the_catalogue():
    entry = CATALOGUE["porian2024"]
    for step, params in entry["n_at_5_88e23"].items():
        curve = lts.reference_curve(f"porian2024_{step.removeprefix('a_')}")
        assert float(curve.params(5.88e23)) == pytest.approx(params, rel=1e-12)
        assert curve.curves["params"].exponent == entry["coef"][step]


@pytest.mark.needs_data
def test_score_maps_are_those_of_the_catalogue():
    sets = CATALOGUE["gadre2024_err"]["coef"]
    assert {f"gadre2024_{name}" for name in sets} == set(lts.score_presets())
    for name, (k, gamma, epsilon) in sets.items():
        assert lts.score_presets()[f"gadre2024_{name}"].coefficients == {"worst": epsilon, "gain": -k, "rate": gamma}
