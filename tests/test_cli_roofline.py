"""`plan` and `model` with serving by its roofline: what they say, side by side and over time, and what they refuse."""

import pytest

import lifetimescale as lts
from lifetimescale.units import parse_rate

COMPARED = "plan --loss 1.947 --requests 1e10 --prompt 1000 --output 250 --train-chip h100 --train-price 2.50"
H100 = f"{COMPARED} --train-mfu 41% --serve-chip h100 --serve-price $2.50 --serve-precision fp8"


def test_the_roofline_plans_a_larger_model_than_the_papers_utilisations(answer):
    """COST.md 3.6: 10.4B by the paper's model, 17.8B by the roofline, for the same loss and demand."""
    paper, roofline = answer(f"{H100} --cost fixed"), answer(f"{H100} --cost roofline")
    assert (round(paper["params"] / 1e8), round(roofline["params"] / 1e8)) == (104, 178)
    assert set(roofline["parts"]) == {"training", "prefill", "decode", "weight reads", "cache reads", "launches"}
    assert sum(roofline["parts"].values()) == pytest.approx(roofline["total"], rel=1e-12)
    assert roofline["deployment"]["memory used"] == pytest.approx(1, rel=1e-12)
    assert roofline["guarantee"].startswith("This is the only optimum")


def test_a_flag_of_the_roofline_means_it(answer):
    named, implied = answer(f"{H100} --cost roofline --batch 64 --chips 8"), answer(f"{H100} --batch 64 --chips 8")
    assert named == implied
    assert (named["deployment"]["batch"], named["deployment"]["chips"]) == (64, 8)


def test_chips_side_by_side(answer, run):
    chips = "--chips 1 --compare a100-80gb,h100:2.50,l4:5"
    report = answer(f"{COMPARED} --train-mfu 41% {chips}")
    totals = {name: one["total"] for name, one in report["alternatives"].items()}
    assert list(totals) == ["a100-80gb", "h100", "l4"]
    assert report["chip"] == min(totals, key=totals.__getitem__) == "h100"
    assert report["total"] == totals["h100"]
    out = run(f"{COMPARED} --train-mfu 41% {chips}")[1]
    assert "The best of them is h100." in out
    assert "what it costs" in out


def test_a_chip_that_serves_no_such_model_is_said_beside_the_others(answer, run):
    chips = "--chips 1 --compare h100:2.50,l4:5 --law chinchilla"
    command = f"{COMPARED.replace('1.947', '1.80')} {chips}"
    report = answer(command)
    assert report["chip"] == "h100"
    assert "the largest model that can has" in report["alternatives"]["l4"]["status"]
    assert "l4: a loss of 1.8 is out of reach of what can be served" in run(command)[1].replace("\n", " ")


def test_time_discounts_serving_alone(answer):
    life = "--lifetime 24mo --growth 5%/mo --discount 10%/yr --price-drift -30%/yr"
    today = answer(f"{H100} --cost fixed --max-params 10B")
    later = answer(f"{H100} --cost fixed --max-params 10B {life}")
    growth, discount, drift = (parse_rate(text) for text in ("5%/mo", "10%/yr", "-30%/yr"))
    factor = lts.ExponentialTraffic(1.0, growth, 2.0).present_value(discount=discount, drift=drift)
    assert later["serving"] == pytest.approx(float(factor) * today["serving"], rel=1e-12)
    assert later["training"] == pytest.approx(today["training"], rel=1e-12)


def test_demand_by_the_month_and_from_a_file(answer, tmp_path):
    file = tmp_path / "demand.csv"
    file.write_text("month,requests\n2026-01,1e9\n2026-02,3e9\n")
    total = answer("plan --loss 2 --requests 4e9")["params"]
    assert answer(f"plan --loss 2 --demand-csv {file}")["params"] == pytest.approx(total, rel=1e-12)
    steady = answer("plan --loss 2 --requests-per-month 2e9 --lifetime 2mo")
    assert steady["params"] == pytest.approx(total, rel=1e-12)


def test_other_terms_of_a_life(answer):
    plain = answer(f"{H100} --params 20B --cost fixed")
    more = answer(f"{H100} --params 20B --cost fixed --research 3 --goodput 90% --data-price 0.10 --busy 50%")
    assert more["parts"]["training"] == pytest.approx(3 / 0.9 * plain["training"], rel=1e-12)
    assert more["parts"]["data"] == pytest.approx(1e-7 * plain["tokens"], rel=1e-12)
    assert more["serving"] == pytest.approx(2 * plain["serving"], rel=1e-12)
    context = answer(f"{H100} --params 20B --cost fixed --context 8192 --recomputation 100%")
    assert context["parts"]["training"] == pytest.approx(4 / 3 * plain["training"], rel=1e-12)
    assert context["parts"]["training attention"] == pytest.approx(0.243 * context["parts"]["training"], rel=2e-3)
    cached = answer(f"{H100} --params 20B --cost fixed --cached 56%")
    assert cached["parts"]["prefill"] == pytest.approx(0.44 * plain["parts"]["prefill"], rel=1e-12)


def test_a_deadline_is_kept_and_said(answer, run):
    deadline = "--cost fixed --train-chips 256 --train-time 50d"
    report = answer(f"{H100} {deadline}")
    assert 6 * report["params"] * report["tokens"] == pytest.approx(256 * 9.89e14 * 0.41 * 50 * 86400, rel=1e-12)
    assert any("all the days that there are" in sentence for sentence in report["warnings"])


def test_one_model_by_its_roofline(answer, run):
    report = answer("model --params 8B --tokens 15T --cost roofline --serve-chip h100 --batch 64 --chips 1")
    assert report["deployment"]["batch"] == 64
    assert "Served on 1 chips with 64 sequences" in run(
        "model --params 8B --tokens 15T --cost roofline --serve-chip h100 --batch 64 --chips 1"
    )[1].replace("\n", " ")


WRONG = [
    ("plan --loss 2 --batch -3", "-3 is out of range, give a number above 0"),
    ("plan --loss 2 --chips 0.5", "0.5 is out of range, give 1 or a number above 1"),
    ("plan --loss 2 --time-per-token 50m", "'50m' is not a time in seconds: write it like 50ms or 0.5s"),
    ("plan --loss 2 --serve-price -2", "-2 is out of range"),
    ("plan --loss 2 --cost flops --batch 64", "--batch says nothing about --cost flops"),
    ("plan --loss 2 --cost fixed --batch 64", "leave it out, or give --cost roofline"),
    ("plan --loss 2 --cost roofline --decode-mfu 1%", "leave it out, or give --cost fixed"),
    ("plan --loss 2 --chips 8 --most-chips 16", "drop one"),
    ("plan --loss 2 --train-chips 256", "--train-chips and --train-time make a deadline together"),
    ("plan --loss 2 --growth 5%/mo", "--growth needs to know how long: give --lifetime 24mo"),
    ("plan --loss 2 --lifetime 24", "'24' is not a duration"),
    ("plan --loss 2 --lifetime 24mo --growth 5%", "'5%' is not a rate"),
    ("plan --loss 2 --requests 1e9 --requests-per-month 1e8 --lifetime 2yr", "both say how much is served"),
    ("plan --loss 2 --compare h100,h200:3", "FLOPs are the same on all"),
    ("plan --loss 2 --cost fixed --compare h100,nope:3", "--compare: no chip named 'nope'"),
    ("plan --loss 2 --cost fixed --compare h100,h200", "h200 has no default price"),
    ("plan --loss 2 --cost fixed --compare h100,h200:x", "--compare: h200: 'x' is not a price"),
    ("plan --loss 2 --cost fixed --compare h100:0", "--compare: h100: 0 is out of range"),
    ("plan --loss 2 --cost fixed --compare h100,h100:3", "is empty or there twice"),
    ("plan --loss 2 --demand-csv nowhere.csv", "--demand-csv: nowhere.csv"),
    ("plan --loss 2 --cost roofline --cached 100%", "100% is out of range, give a fraction from 0 and below 1"),
]
IMPOSSIBLE = [
    (f"{H100} --chips 1 --time-per-token 2ms", "the largest model that can has 1.22B params"),
    (f"{H100.replace('1000', '1e9')} --chips 1", "no model at all can be served"),
    (f"{H100} --cost fixed --train-chips 256 --train-time 20d", "takes 2.06 times the training time"),
    ("model --params 80B --tokens 1T --serve-chip h100 --chips 1", "beyond what can be served (1.11 times"),
]


@pytest.mark.parametrize(("command", "advice"), WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(refused, command, advice):
    assert advice in refused(command)


@pytest.mark.parametrize(
    ("text", "advice"), [("", "is empty"), ("month,requests\n", "no rows"), ("a,b\n1,2\n", "month")]
)
def test_a_file_without_demand_is_one_sentence(run, tmp_path, text, advice):
    file = tmp_path / "demand.csv"
    file.write_text(text)
    code, out, err = run(f"plan --loss 2 --demand-csv {file}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert advice in err


@pytest.mark.parametrize(("command", "advice"), IMPOSSIBLE)
def test_impossible_plans_are_exit_code_3_with_the_number_that_would_do(run, command, advice):
    code, out, err = run(command)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert advice in err
