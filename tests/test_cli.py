"""The command line, as its users meet it: answers, JSON, one sentence and an exit code for everything wrong."""

import contextlib
import math
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifetimescale.cli import main

AUTHORS_EXAMPLE = (
    "--loss 1.947 --requests 1e10 --prompt 1000 --output 250 --train-chip a100-80gb --train-price 1.40 "
    "--serve-chip a100-40gb --serve-precision int8 --serve-price 0.60 --train-mfu 0.5 --prefill-mfu 0.4 "
    "--decode-mfu 0.2"
)


def test_the_papers_13b_plan(answer):
    report = answer("plan --like 13B --inference-tokens 2T")
    assert report["params"] == pytest.approx(6.968595e9, rel=1e-6)
    assert report["tokens"] == pytest.approx(1.247840e12, rel=1e-6)
    assert report["saving"] == pytest.approx(0.17446704, abs=1e-8)
    assert (report["unit"], report["status"], report["law"]) == ("FLOP", "ok", "chinchilla")
    assert report["warnings"][0].startswith("1.25T training tokens are 2.5 times the most")
    keys = {"params", "tokens", "loss", "tokens_per_param", "training", "serving", "total", "unit", "spend_ratio"}
    assert keys | {"status", "warnings"} <= set(report["baseline"])
    assert keys | {"status", "warnings", "baseline", "saving", "law"} <= set(report)
    assert report["baseline"]["params"] == pytest.approx(13e9, rel=1e-12)
    assert report["near"]["smallest"]["total"] == pytest.approx(1.01 * report["total"], rel=1e-11)


def test_the_authors_dollars(answer):
    report = answer(f"plan {AUTHORS_EXAMPLE}")
    assert report["params"] == pytest.approx(2.0527285e10, rel=3e-8)
    assert report["total"] == pytest.approx(1425059.70, abs=0.005)
    assert report["unit"] == "USD"


def test_the_authors_calculators(answer):
    flags = "--compute-optimal --train-chip h100 --train-price $1.50/h --requests 1e9 --prompt 500 --output 100"
    report = answer(f"model {flags} --params 30B --serve-price 0.60")
    assert report["training"] == pytest.approx(235980.96, abs=0.05)
    assert report["total"] == pytest.approx(412263.01, abs=0.05)
    assert report["tokens"] == pytest.approx(1.555901e12, rel=1e-6)
    for flag in (f"--tokens {report['tokens']}", f"--compute {report['compute']}", f"--loss {report['loss']!r}"):
        again = answer(f"model --compute-optimal {flag}")
        for key in ("params", "tokens", "compute", "loss", "tokens_per_param"):
            assert again[key] == pytest.approx(report[key], rel=1e-9)


@pytest.mark.parametrize(
    "given", ["--params 70B --tokens 1T", "--params 70B --compute 4.2e23", "--tokens 1T --compute 4.2e23"]
)
def test_any_two_make_a_model(answer, given):
    report = answer(f"model {given}")
    assert report["loss"] == pytest.approx(1.9472728, abs=5e-8)
    assert (report["params"], report["tokens"], report["compute"]) == pytest.approx((70e9, 1e12, 4.2e23))


def test_fixed_cost_takes_the_papers_settings(answer):
    named = answer("plan --like 30B --requests 1.5e9 --prompt 70 --output 215 --cost fixed")
    by_flag = answer("plan --like 30B --requests 1.5e9 --train-mfu 50%")
    by_tokens = answer("plan --like 30B --inference-tokens 4.275e11 --cost fixed")
    assert named["total"] == pytest.approx(1378537, rel=1e-6)
    assert by_flag == named
    assert by_tokens["total"] == pytest.approx(named["total"], rel=1e-12)


def test_budget_and_loss_are_inverse(answer):
    at_loss = answer("plan --loss 2.0 --inference-tokens 2T")
    at_budget = answer(f"plan --budget {at_loss['total']!r} --inference-tokens 2T")
    assert at_budget["loss"] == pytest.approx(2.0, rel=1e-13)


def test_coefficients_can_be_replaced(answer):
    report = answer("plan --loss 1.947 --law besiroglu2024 --E 1.69 --A 406.4 --B 410.7 --alpha .336 --beta .283")
    assert report["params"] == pytest.approx(answer("plan --loss 1.947")["params"], rel=1e-12)
    assert report["law"] == "besiroglu2024, E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.283"


def test_bounds_and_given_sizes(answer):
    assert answer("plan --loss 2 --inference-tokens 2T --max-params 5B")["params"] == 5e9
    report = answer("plan --loss 2 --inference-tokens 2T --params 8B")
    assert report["params"] == 8e9
    assert "near" not in report


def test_tables_are_for_people(run):
    code, out, _ = run("plan --like 13B --inference-tokens 2T")
    assert code == 0
    assert out.startswith("Train 6.97B params on 1.25T tokens: 8.00e22 FLOP over its life, 17.4 % less than")
    assert "Nothing is served" in run("plan --like 13B")[1]
    assert "Within 1 % of the least cost" in out
    assert "compute-optimal" in run(f"model --params 70B --tokens 1T --compute-optimal {''}")[2]
    assert "14.29" in run("model --params 70B --tokens 1T")[1]


def test_laws_and_chips_are_listed(run, answer):
    assert "besiroglu2024" in run("laws")[1]
    assert "a100-80gb" in run("chips")[1]
    assert answer("laws hoffmann2022_a3_neurips")["chinchilla"]["coefficients"]["alpha"] == 0.336
    assert answer("chips")["h100"]["price"] == 2.0
    assert "source:" in run("laws gadre2024_c4")[1]


WRONG = [
    ("plan", "exactly one target"),
    ("plan --loss 2 --like 13B", "exactly one target"),
    ("plan --loss 13X", "--loss: '13X' ends in an unknown unit 'X': use K, M, B, T or Q"),
    ("plan --loss nan", "'nan' is not a number"),
    ("plan --loss -2", "-2 is out of range, give a number above 0"),
    ("plan --loss 2 --inference-tokens -5", "-5 is out of range"),
    ("plan --loss 2 --inference-tokens", "requires an argument"),
    ("plan --loss 2 --foo 3", "Unknown option: --foo"),
    ("plan --loss 2 --inference-token 3", "Did you mean --inference-tokens"),
    ("plan --like 13B --law chinchila", "did you mean 'chinchilla'"),
    (
        "plan --loss 2 --serve-chip a100-40gb --serve-precision fp8",
        "a100-40gb has no fp8: give --serve-precision bf16 or int8",
    ),
    ("plan --loss 2 --serve-chip h200", "h200 has no default price: give --serve-price"),
    ("plan --loss 2 --train-chip h10", "did you mean 'h100'"),
    ("plan --loss 2 --train-chip nope --cost flops", "--train-chip: no chip named 'nope'"),
    ("plan --loss 2 --train-mfu 150% --cost flops", "150% is out of range, give a fraction above 0 and up to 1"),
    ("plan --loss 2 --requests 1e9 --inference-tokens 1T", "give one of them"),
    ("plan --loss 2 --inference-tokens 1T --prompt 0 --output 0", "at least one token"),
    ("plan --loss 2 --params 8B --max-params 9B", "nothing to bound"),
    ("plan --loss 2 --min-params 9B --max-params 8B", "--min-params is above --max-params"),
    ("plan --loss 2 --law kaplan2020_joint_text --alpha .3", "has no coefficient alpha"),
    ("plan --loss 2 --cost euros", 'Choose from: "flops", "fixed", "roofline"'),
    ("model --params 7B", "exactly two of"),
    ("model --params 7B --loss 2", "exactly two of"),
    ("model --compute-optimal --params 7B --tokens 1T", "exactly one of"),
    ("laws chinchila", "did you mean 'chinchilla'"),
    ("chips a10o", "did you mean"),
    ("pln --loss 2", 'Did you mean "plan"'),
]
IMPOSSIBLE = [
    ("plan --loss 1.69", "falls to 1.69 at best"),
    ("plan --loss 1.5 --json", "falls to 1.69 at best"),
    ("plan --loss 2 --max-params 1B --max-tokens 1T", "falls to 2.23957 within these bounds"),
    ("plan --loss 2 --params 1B", "falls to 2.07455 within these bounds"),
    ("plan --budget 1e3 --min-params 1B --min-tokens 1T", "the least model allowed costs 6.00e21 FLOP"),
    ("plan --budget $1e6 --params 70B --requests 1e9 --cost fixed", ""),
    ("plan --budget 1e6 --params 70B --requests 1e9 --cost fixed", "the least model allowed costs $1,483,511"),
    ("model --compute-optimal --loss 1.6", "falls to 1.69"),
]


@pytest.mark.parametrize(("command", "advice"), WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(refused, command, advice):
    assert advice in refused(command)


@pytest.mark.parametrize(("command", "advice"), IMPOSSIBLE)
def test_impossible_plans_are_exit_code_3_with_the_number_that_would_do(refused, command, advice):
    assert advice in refused(command, 3 if "$" not in command else 2)


@given(st.lists(st.text(max_size=8), max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_words_make_a_traceback(words):
    with contextlib.suppress(SystemExit):  # any other exception fails the test
        main(["plan", "--loss", *words])


def test_help_needs_no_jax():
    probe = "import sys; from lifetimescale.cli import main; main(['plan', '--help']); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "--inference-tokens" in done.stdout
    assert done.stdout.rstrip().endswith("False")


def test_the_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "lifetimescale", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0.1.0"


def test_json_has_no_value_that_is_not_json(answer):
    report = answer("plan --like 13B --law gemstones2025_hot_all")
    assert all(math.isfinite(value) for value in report.values() if isinstance(value, float))
