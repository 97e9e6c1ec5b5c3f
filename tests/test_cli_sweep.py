"""`lifetimescale sweep`: a file of TOML in, a folder out; what is wrong in the file is one sentence."""

import json
import time

import duckdb
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale.cli.progress import progress

SMALL = """
outputs = ["params", "total"]
[plan]
loss = 2.0
[axes]
inference_tokens = ["1T", "2T", "4T"]
"""


def query(text: str) -> dict[str, np.ndarray]:
    relation = duckdb.sql(text)
    assert relation is not None
    return relation.fetchnumpy()


@pytest.fixture
def file(tmp_path):
    """Write a specification."""

    def file(text: str) -> str:
        (tmp_path / "spec.toml").write_text(text)
        return str(tmp_path / "spec.toml")

    return file


def test_the_example_runs(run, answer, file, tmp_path):
    code, out, err = run("sweep --example")
    assert (code, err) == (0, "")
    spec = file(out)
    report = answer(f"sweep {spec} --out {tmp_path}/out")
    assert report["scenarios"] == 60 * 40 * 5 * 16
    assert report["finished"] is True
    found = query(f"select count(*) as plans, max(status) as worst, min(mfu) as low from '{tmp_path}/out/*.parquet'")
    assert (found["plans"], found["worst"]) == (192_000, 0)
    assert 0.3 < found["low"] < 0.31
    results = lts.read_sweep(tmp_path / "out")
    at = (30, 20, 2, 5)
    price, mfu = (float(results.coordinates[name][1][5]) for name in ("Training.price", "mfu"))
    requests, decode = (float(results.coordinates[name][1][k]) for name, k in (("requests", 30), ("decode", 20)))
    plan = answer(
        "plan --law besiroglu2024 --like 13B --train-chip h100 --serve-chip h100 --serve-precision fp8 --prompt 1000 "
        f"--output 250 --requests {requests!r} --decode-mfu {decode!r} --train-mfu {mfu!r} --train-price {price!r} "
        "--serve-price 3"
    )
    for name in ("params", "tokens", "total", "saving"):
        assert float(results[name][at]) == pytest.approx(plan[name], rel=1e-9)


def test_a_dry_run_counts_and_writes_nothing(run, answer, file, tmp_path):
    spec = file(SMALL.replace('["1T", "2T", "4T"]', '"1e9:1e15:3000000:log"'))
    report = answer(f"sweep {spec} --dry-run --out {tmp_path}/out")
    assert (report["scenarios"], report["chunks"]) == (3_000_000, 3)
    assert report["bytes"] > 3e7
    assert report["seconds"] > 0
    assert not (tmp_path / "out").exists()
    assert "3,000,000 scenarios in 3 chunks" in run(f"sweep {spec} --dry-run")[1].replace("\n", " ")


def test_a_sweep_says_what_it_wrote_and_is_resumed(run, file, tmp_path):
    spec = file(SMALL)
    code, out, err = run(f"sweep {spec} --out {tmp_path}/out")
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert said.startswith("3 scenarios in 1 file, 0.0 MB, in ")
    assert said.endswith(": inference_tokens, params, total.")
    code, out, err = run(f"sweep {spec} --out {tmp_path}/out")
    assert (code, out) == (2, "")
    assert "holds this sweep already: give --resume to go on with it, or give another folder" in err
    assert run(f"sweep {spec} --out {tmp_path}/out --resume")[0] == 0
    code, _, err = run(f"sweep {file(SMALL.replace('4T', '8T'))} --out {tmp_path}/out --resume")
    assert code == 2
    assert "holds another sweep (its scenarios differs)" in err


REDUCED = """
[plan]
loss = 2.0
[axes]
inference_tokens = ["1T", "2T", "4T"]
alpha = [0.33, 0.34]
[reductions.by-demand]
kind = "summary"
of = "total"
by = ["inference_tokens"]
[reductions.spread]
kind = "quantiles"
of = "params"
probabilities = [0.5]
"""


def test_reductions_are_tables(answer, file, tmp_path):
    report = answer(f"sweep {file(REDUCED)} --out {tmp_path}/out")
    assert report["tables"] == ["by-demand.parquet", "spread.parquet"]
    found = query(f"select * from '{tmp_path}/out/by-demand.parquet'")
    assert list(found) == ["inference_tokens", "count", "mean", "deviation", "least", "greatest"]
    assert (found["count"] == 2).all()


def test_chips_side_by_side(answer, file, tmp_path):
    text = """
outputs = ["choice", "total"]
[plan]
loss = 2.0
prompt = 1000
output = 250
cost = "fixed"
compare = "a100-80gb,h100:2.50"
[axes]
requests = [1e8, 1e12]
"""
    answer(f"sweep {file(text)} --out {tmp_path}/out")
    results = lts.read_sweep(tmp_path / "out")
    for place, requests in enumerate((1e8, 1e12)):
        plan = answer(
            "plan --loss 2.0 --prompt 1000 --output 250 --cost fixed --compare a100-80gb,h100:2.50 "
            f"--requests {requests}"
        )
        assert float(results["total"][place]) == pytest.approx(plan["total"], rel=1e-12)
        assert ["a100-80gb", "h100"][int(results["choice"][place])] == plan["chip"]


def test_tables_of_rows(answer, file, tmp_path):
    text = '[plan]\ninference-tokens = "2T"\n[table]\nlike = ["8B", "70B"]\nalpha = [0.33, 0.34]\n'
    answer(f"sweep {file(text)} --out {tmp_path}/out")
    found = lts.read_sweep(tmp_path / "out")["params"]
    law = lts.law("chinchilla")
    expected = [
        lts.Planner(law, lts.Flops(2e12), like=like)(alpha=alpha).params for like, alpha in ((8e9, 0.33), (70e9, 0.34))
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[plan", "is no TOML"),
        ("colour = 1\n", "there is no 'colour' in a sweep: there are outputs, dtype, chunk, plan, axes"),
        ("axes = 3\n", "axes is a table of its own: write it under [axes]"),
        ("[plan]\nloss = 2.0\n", "nothing varies: name what does under [axes], [table] or [draws]"),
        (SMALL.replace('["params", "total"]', "3"), "outputs = 3 is of another kind: write it like outputs = "),
        (SMALL.replace("loss = 2.0", "losses = 2.0"), "[plan]: "),
        (SMALL.replace("loss = 2.0", 'loss = "two"'), "'two' is not a number"),
        (SMALL.replace("loss = 2.0", 'law = "chinchila"'), "[plan]: --law: no law named 'chinchila': did you mean"),
        (SMALL.replace("loss = 2.0", ""), "give exactly one target, loss, budget or like; none is given"),
        (SMALL.replace("inference_tokens", "requests"), "no number of the law or the cost is named 'requests': there"),
        (SMALL.replace('["1T", "2T", "4T"]', '"1T:4T"'), "[axes]: inference_tokens: '1T:4T' is no axis"),
        (SMALL.replace('"params"', '"size"'), "no output is named 'size': there are params, tokens, loss"),
        (SMALL + "[draws]\nalpha = 'uniform:0.3:0.4'\n", "[draws]: say how many: rows = 1000"),
        (SMALL + "[draws]\nrows = 3\nalpha = 0.3\n", 'alpha = 0.3 is no distribution: write it like "lognormal:2T:3x"'),
        (SMALL + "[draws]\nrows = 3\nalpha = 'normal:0:1'\n", "[draws]: alpha: 'normal:0:1' is no distribution"),
        (SMALL + "[table]\ninference_tokens = [1e12]\n", "two columns are named 'inference_tokens'"),
        (SMALL + "[reductions.a]\nkind = 'mean'\n", "[reductions.a]: kind = 'mean' is none: write one of summary"),
        (SMALL + "[reductions.a]\nkind = 'summary'\nat = 'total'\n", "at is given, but a summary has of, by"),
        (SMALL + "[reductions.a]\nkind = 'summary'\nof = 'total'\n", "give outputs or reductions"),
        ("dtype = 'half'\n" + SMALL, "no dtype 'half'"),
        ("chunk = 0\n" + SMALL, "chunks of 0 scenarios cannot be"),
        ("chunk = inf\n" + SMALL, "chunks of inf scenarios cannot be"),
        ("chunk = true\n" + SMALL, "chunk = True is of another kind: write it like chunk = 1000000"),
        (SMALL.replace('"params"', "1"), "outputs = [1, 'total'] is of another kind"),
        (SMALL + "[draws]\nrows = inf\nalpha = 'uniform:0.3:0.4'\n", "inf draws are out of range"),
        (SMALL + "[reductions]\na = 3\n", "[reductions.a]: it is a table of its own"),
        (SMALL + "[reductions.a]\nkind = 'summary'\nof = 3\n", "of = 3 are not names"),
        (SMALL + "[reductions.a]\nkind = 'summary'\nof = 'total'\nby = 3\n", "by = 3 are not names"),
        (
            SMALL + "[reductions.a]\nkind = 'quantiles'\nof = 'total'\nprobabilities = 5\n",
            "probabilities = 5 are not numbers",
        ),
        (SMALL.replace("inference_tokens", "Flops.inference_tokens"), "write a name with dots in it in quotes"),
    ],
)
def test_what_is_wrong_is_one_sentence(refused, file, tmp_path, text, sentence):
    assert sentence in refused(f"sweep {file(text)} --out {tmp_path}/out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("", "give a file that says what to sweep: `lifetimescale sweep --example > spec.toml` makes one"),
        ("{spec}", "give the folder of the results: --out results/, or --dry-run"),
        ("{folder}/none.toml --out {folder}/out", "none.toml cannot be read: No such file or directory"),
        ("{spec} --out {spec}/out", "spec.toml/out: Not a directory"),
        ("{spec} --out {spec}", "spec.toml: File exists"),
        ("{spec} --out {folder}/out --engine dask", "engine"),
        ("{spec} --out {folder}/out --distributed", "--distributed: JAX finds no processes to join here"),
    ],
)
def test_flags_that_cannot_be(refused, file, tmp_path, flags, sentence):
    spec = file(SMALL)
    assert sentence in refused("sweep " + flags.format(spec=spec, folder=tmp_path))


def test_the_manifest_of_the_command_is_that_of_the_library(answer, file, tmp_path):
    answer(f"sweep {file(SMALL)} --out {tmp_path}/out")
    planner = lts.Planner(lts.law("chinchilla"), lts.Flops(0.0), loss=2.0)
    lts.sweep(
        planner, lts.grid({"inference_tokens": [1e12, 2e12, 4e12]}), outputs=["params", "total"], out=tmp_path / "same"
    )
    ours, same = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("out", "same"))
    assert ours == same


def test_the_bar_has_a_rate_where_there_is_a_terminal(monkeypatch, capsys):
    for forced in ("1", ""):
        monkeypatch.setenv("FORCE_COLOR", forced)
        with progress("planning", unit="plans") as bar:
            for done in range(1, 6):
                bar(done * 1_000_000, 10_000_000)
                time.sleep(0.1)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert ("plans/s" in printed.err) == bool(forced)
