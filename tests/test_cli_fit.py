"""`lifetimescale fit`, and plans by what it saves."""

import json

import numpy as np
import pytest

import lifetimescale as lts

FITTED = {"law", "coefficients", "objective", "runs", "starts", "converged_share", "next_best", "gradient_norm"}


@pytest.fixture
def runs(tmp_path, run):
    """A file of the runs that `fit --example` prints."""
    code, out, err = run("fit --example")
    assert (code, err) == (0, "")
    (tmp_path / "runs.csv").write_text(out)
    return tmp_path / "runs.csv"


def test_the_example_is_fitted(runs, answer):
    report = answer(f"fit {runs}")
    law = lts.fit(lts.Chinchilla, lts.read_runs(runs)).law
    assert set(report) >= FITTED
    assert (report["law"], report["runs"], report["starts"]) == ("chinchilla", 60, 4500)
    assert report["coefficients"] == {name: float(value) for name, value in lts.coefficients(law).items()}
    assert "standard_errors" not in report


def test_a_bootstrap_adds_errors_and_intervals(runs, answer):
    report = answer(f"fit {runs} --bootstrap 200 --level 80% --seed 3")
    for name, value in report["coefficients"].items():
        low, high = report["intervals"][name]
        assert low < value < high
        assert report["standard_errors"][name] > 0
    assert report["level"] == 0.8
    assert np.linalg.eigvalsh(report["covariance"]["matrix"]).min() > 0
    assert answer(f"fit {runs} --bootstrap 200 --level 80% --seed 3") == report


def test_a_saved_law_is_planned_with(runs, tmp_path, answer):
    fitted = answer(f"fit {runs} --save {tmp_path}/law.json")
    report = answer(f"plan --law {tmp_path}/law.json --like 13B --inference-tokens 2T")
    law = lts.Chinchilla(**fitted["coefficients"])
    expected = lts.plan(law, lts.Flops(2e12), loss=lts.compute_optimal(law, params=13e9).loss)
    assert report["params"] == pytest.approx(float(expected.params), rel=1e-9)
    assert report["law"] == f"{tmp_path}/law.json"
    assert report["baseline"]["warnings"][0].startswith("13.0B params are 1.37 times the most")


def test_the_expensive_runs_are_predicted(runs, answer, run):
    held = answer(f"fit {runs} --holdout compute:0.25")["holdout"]
    assert (held["fitted"], held["predicted"]) == (45, 15)
    assert 0.002 < held["mean_absolute"] < 0.008
    assert "it predicts the 15 held out (compute:0.25)" in run(f"fit {runs} --holdout compute:0.25")[1].replace(
        "\n", " "
    )


def test_options_reach_the_fit(runs, answer):
    bounded = answer(f"fit {runs} --law coupled --bound E=0.5:1.5")["coefficients"]
    assert bounded["E"] == pytest.approx(1.5, rel=1e-12)
    assert "gamma" in bounded
    short = answer(f"fit {runs} --max-tokens-per-param 100 --where 'params>=1e8' --fix E=1.7 --tie beta=alpha")
    assert short["coefficients"]["E"] == 1.7
    assert short["coefficients"]["alpha"] == short["coefficients"]["beta"]
    assert set(short["left_out"]) == {"params>=1e8", "tokens per param <= 100"}
    assert short["runs"] + sum(short["left_out"].values()) == 60
    squares = lts.fit(lts.Chinchilla, lts.read_runs(runs), delta=1e9, quantile=0.2)
    assert answer(f"fit {runs} --delta 1e9 --quantile 20%")["objective"] == float(squares.objective)


def test_a_table_is_for_people(runs, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = run(f"fit {runs} --bootstrap 100 --fix E=1.7 --where params>1e8")
    assert (code, err) == (0, "")
    assert "95 % interval" in out
    assert "held" in out
    assert "left out by params>1e8" in out
    assert "starts reached it" in out


def test_a_plan_by_score(runs, tmp_path, run, answer):
    score_map = lts.SigmoidScore(worst=0.25, best=0.85, rate=4.0, middle=2.4)
    planted = runs.read_text().splitlines()
    with_score = [planted[0] + ",accuracy"]
    with_score += [f"{line},{float(score_map(float(line.split(',')[2])))}" for line in planted[1:]]
    (tmp_path / "both.csv").write_text("\n".join(with_score) + "\n")
    command = f"fit {tmp_path}/both.csv --score-column accuracy --save-score-map {tmp_path}/map.json"
    fitted = answer(command)["score_map"]
    assert fitted["coefficients"]["middle"] == pytest.approx(2.4, rel=1e-6)
    plan = f"plan --inference-tokens 2T --score-map {tmp_path}/map.json --law besiroglu2024"
    report = answer(f"{plan} --score 0.7")
    assert report["loss"] == pytest.approx(float(score_map.loss_for(0.7)), rel=1e-6)
    assert report["score"] == 0.7
    code, _, err = run(f"{plan} --score 0.9")
    assert code == 3
    assert "a score of 0.9 is out of reach" in err


WRONG = [
    ("fit", "name a file of runs"),
    ("fit nowhere.csv", "nowhere.csv does not exist"),
    ("fit {runs} --law farseer", "farseer"),
    ("fit {runs} --where 'loss>9'", "leaves none of 60 rows"),
    ("fit {runs} --where loss", "is no filter"),
    ("fit {runs} --loss-column L2", "has no column 'L2'"),
    ("fit {runs} --max-tokens-per-param 1", "leaves none of the 60 rows"),
    ("fit {runs} --fix E", "--fix E: write it like E=1.69"),
    ("fit {runs} --fix E=x", "--fix: 'x' is not a number"),
    ("fit {runs} --fix gamma=1", "has no coefficient gamma"),
    ("fit {runs} --bound E=2:1", "the least value must be below the greatest"),
    ("fit {runs} --bound E=2", "is not a number"),
    ("fit {runs} --tie beta=betta", "has no coefficient betta"),
    ("fit {runs} --delta 0", "0 is out of range"),
    ("fit {runs} --quantile 100%", "quantile=1.0 is out of range"),
    ("fit {runs} --holdout loss:0.2", "no order 'loss'"),
    ("fit {runs} --holdout compute:1.5", "cannot be held out"),
    ("fit {runs} --holdout compute:x", "write it like compute:0.2"),
    ("fit {runs} --bootstrap 0", "0 is out of range"),
    ("fit {runs} --save nowhere/law.json", "the folder of nowhere/law.json does not exist"),
    ("fit {runs} --score-column accuracy", "go together"),
    ("fit {runs} --score-column accuracy --save-score-map map.json", "has no column 'accuracy'"),
    ("plan --loss 2 --law nowhere.json", "--law: nowhere.json cannot be read"),
    ("plan --loss 2 --law {runs}.json", "cannot be read"),
    ("plan --score 0.3", "go together"),
    ("plan --score 0.3 --score-map nowhere.json", "--score-map: nowhere.json cannot be read"),
]
CELLS = [
    ("params,tokens,loss\n1e9,2e10,2.5\n2e9,,2.4\n", "row 2 (line 3), column 'tokens': the cell is empty"),
    ("params,tokens,loss\n1e9,2e10,two\n", "row 1 (line 2), column 'loss': 'two'"),
    ("params,tokens,loss\n1e9,2e10,-2\n", "row 1 (line 2), column 'loss': '-2' is out of range"),
    ("params,tokens\n1e9,2e10\n", "name one by --loss-column"),
    ("params,tokens,train_loss,val_loss\n1e9,2e10,3,3\n", "name one, as --loss-column 'train_loss'"),
    ("params,tokens,loss\n1e9,2e10,2.5\n", "1 runs cannot fix 5 coefficients"),
    ("", "is empty"),
]


@pytest.mark.parametrize(("command", "advice"), WRONG)
def test_wrong_input_is_one_sentence_and_no_file(command, advice, runs, refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert advice in refused(command.format(runs=runs))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("text", "advice"), CELLS)
def test_a_wrong_file_is_one_sentence_with_its_row(text, advice, refused, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    assert advice in refused(f"fit {path} --save {tmp_path}/law.json")
    assert [file.name for file in tmp_path.iterdir()] == ["runs.csv"]


def test_progress_is_silent_where_stderr_is_no_terminal(runs, run):
    assert run(f"fit {runs} --bootstrap 50 --json")[2] == ""


def test_a_law_is_no_score_map(runs, run, tmp_path, answer):
    answer(f"fit {runs} --save {tmp_path}/law.json")
    assert "is a law: give it by --law" in run(f"plan --score 1 --score-map {tmp_path}/law.json")[2]
    lts.save(lts.SigmoidScore(0.2, 0.9, 3.0, 2.5), tmp_path / "map.json")
    assert "is a score map: give it by --score-map" in run(f"plan --loss 2 --law {tmp_path}/map.json")[2]
    assert json.loads((tmp_path / "map.json").read_text())["family"] == "SigmoidScore"
