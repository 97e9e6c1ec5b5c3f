"""`lifetimescale sensitivity`: what it prints, and what it says of wrong input."""

import json
import subprocess
import sys

import pytest

import lifetimescale as lts

PLAN = "sensitivity --like 13B --inference-tokens 2T"
PLANNER = lts.Planner(lts.law("chinchilla"), lts.Flops(2e12), like=13e9)
RANGES = {"inference_tokens": ("1T", "4T"), "alpha": ("0.335", "33.7%")}
DRAWN = {"inference_tokens": "lognormal:2T:3x", "alpha": "uniform:0.33:0.342"}


def flags(flag: str, given: dict) -> str:
    texts = [f"{name}={value if isinstance(value, str) else ':'.join(value)}" for name, value in given.items()]
    return " ".join(f"{flag} {text}" for text in texts)


def test_a_table_for_people(run):
    code, out, err = run(PLAN)
    assert (code, err) == (0, "")
    assert out.startswith("Train 6.97B params on 1.25T tokens: 8.00e22 FLOP over its life, 17.4 % less than")
    lines = out[out.index("1 % more of") :].splitlines()
    assert lines[0].split()[4:] == ["params", "tokens", "total", "saving"]
    assert lines[1].split() == ["alpha", "6.644", "14.017", "15.779", "-21.747"]
    assert [line.split()[0] for line in lines[1:]] == [name for name, _ in lts.elasticities(PLANNER).ranked("params")]


def test_everything_as_json(run, answer):
    report = answer(f"{PLAN} {flags('--range', RANGES)} {flags('--vary', DRAWN)} --samples 64 --seed 3 --of params")
    assert [*report] == ["plan", "elasticities", "tornado", "sobol", "law"]
    assert report["law"] == "chinchilla"
    plan = answer("plan --like 13B --inference-tokens 2T")
    assert report["plan"].keys() == plan.keys() - {"near"}
    for name in ("params", "tokens", "total", "saving"):
        assert report["plan"][name] == pytest.approx(plan[name], rel=1e-12)
    assert [*report["elasticities"]] == ["params", "tokens", "total", "saving"]
    for output, values in lts.elasticities(PLANNER).values.items():
        expected = {name: float(value) for name, value in values.items()}
        assert [*report["elasticities"][output]] == [*expected]
        assert report["elasticities"][output] == pytest.approx(expected, rel=1e-10, abs=1e-12)
    ends = lts.tornado(PLANNER, RANGES, output="params")
    assert report["tornado"]["output"] == "params"
    assert {name: tuple(pair) for name, pair in report["tornado"]["ends"].items()} == ends.ends
    shares = lts.sobol(PLANNER, DRAWN, 64, outputs=["params"], seed=3)
    assert report["sobol"]["scenarios"] == 256
    assert report["sobol"]["total"] == shares.total
    out = run(f"{PLAN} {flags('--range', RANGES)} {flags('--vary', DRAWN)} --samples 64 --seed 3 --of params")[1]
    assert str(ends) in out
    assert str(shares) in out


def test_names_of_a_life_in_dollars_and_of_a_budget(answer):
    """Several in one flag, between commas."""
    ranges = "Training.price=1:2,FixedUtilization.price=1:2,budget=1e6:2e6"
    report = answer(f"sensitivity --budget 1e6 --requests 1e10 --cost fixed --of loss --range {ranges}")
    assert set(report["tornado"]["ends"]) == {"Training.price", "FixedUtilization.price", "budget"}
    assert report["elasticities"]["total"]["budget"] == pytest.approx(1)
    assert report["elasticities"]["loss"]["budget"] < 0
    low, high = report["tornado"]["ends"]["budget"]
    assert high < low


WRONG = [
    ("sensitivity", "give exactly one target: --like 13B, --loss 2.0 or --budget 1e6"),
    ("sensitivity --like 13B --loss 2", "give exactly one target"),
    ("sensitivity --loss 2 --params 8B --max-params 9B", "nothing to bound"),
    (f"{PLAN} --range alpha", "--range: 'alpha' is incomplete or there twice: write it like inference_tokens=1T:4T"),
    (f"{PLAN} --range alpha=1:2,alpha=1:2", "--range: 'alpha=1:2' is incomplete or there twice"),
    (f"{PLAN} --range alpha=1", "--range: alpha=1 has no two ends: write it like inference_tokens=1T:4T"),
    (f"{PLAN} --range alpha=2:1", "--range: alpha: 2 is above 1: give the low end first"),
    (f"{PLAN} --range alpha=1X:2X", "--range: alpha: ('1X', '2X') is no range"),
    (f"{PLAN} --range alhpa=1:2", "--range: no number of the law or the cost is named 'alhpa': there are E, A, B"),
    (f"{PLAN} --range budget=1:2", "--range: budget is not given: there is like"),
    (f"{PLAN} --vary alpha", "--vary: 'alpha' is incomplete or there twice: write it like inference_tokens=lognormal"),
    (f"{PLAN} --vary alpha=normal:1:2", "--vary: alpha: 'normal:1:2' is no distribution: write it like uniform:5%:40%"),
    (f"{PLAN} --vary alhpa=uniform:1:2", "--vary: no number of the law or the cost is named 'alhpa'"),
    (f"{PLAN} --vary E=uniform:1:2 --of loses", 'Choose from: "params", "tokens", "total", "saving", "loss"'),
    (f"{PLAN} --vary E=uniform:1:2 --samples 1000", "1000 is out of range, give a power of two"),
    (f"{PLAN} --vary E=uniform:1:2 --seed 0.5", "0.5 is out of range, give a whole number"),
    (f"{PLAN} --vary alpha=uniform:-1:1 --samples 64", "of 192 scenarios have no plan"),
    (f"{PLAN} --of params", "--of has nothing to say without --vary or --range: give it"),
    (f"{PLAN} --range alpha=1:2 --samples 64", "--samples has nothing to say without --vary: give it"),
    (f"{PLAN} --law chinchila", "did you mean 'chinchilla'"),
]


@pytest.mark.parametrize(("command", "sentence"), WRONG)
def test_wrong_input_is_one_sentence(run, command, sentence):
    code, out, err = run(command)
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err


def test_no_plan_is_one_sentence(run):
    code, out, err = run("sensitivity --loss 1.5 --inference-tokens 2T")
    assert (code, out) == (3, "")
    assert "falls to 1.69 at best" in err


def test_a_missing_salib_is_one_sentence(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.analyze.sobol", None)
    code, out, err = run(f"{PLAN} {flags('--vary', DRAWN)}")
    assert (code, out) == (2, "")
    assert '--vary: Sobol indices need SALib: pip install "lifetimescale[sensitivity]"' in err


def test_help_does_not_wait_for_jax():
    program = """
import sys, cyclopts
from lifetimescale.cli.sensitivity import sensitivity
app = cyclopts.App()
app.command(sensitivity)
app("sensitivity --help", exit_on_error=False, result_action="return_value")
print("jax" in sys.modules, "numpy" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "--range" in out
    assert out.splitlines()[-1] == "False False"


def test_json_of_numbers_that_are_none(answer):
    """Where nothing is served the saving is 0, and has no elasticity."""
    report = answer("sensitivity --like 13B")
    assert set(report["elasticities"]["saving"].values()) == {None}
    assert json.dumps(report["elasticities"]["params"])
