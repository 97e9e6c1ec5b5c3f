"""`lifetimescale figures`: what it writes, what it says, and what it refuses."""

import subprocess
import sys

import pytest

from lifetimescale import paper


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """One figure and one table stand for all: the others are drawn in test_paper_figures.py."""
    figure, table = paper.figures()[2], paper.tables()[0]
    monkeypatch.setattr(paper, "figures", lambda: [figure])
    monkeypatch.setattr(paper, "tables", lambda: [table])


def test_files_are_listed_and_what_needs_runs_is_said_in_one_sentence(run, tmp_path):
    code, out, err = run(f"figures --out {tmp_path}/new/figures")
    assert (code, err) == (0, "")
    assert "Figure 1c" in out
    assert "fig1c.svg, fig1c.csv" in out
    assert "Figures 3, 4, 5 and 7 need the 47 runs of the paper: give them by --runs" in " ".join(out.split())
    written = sorted(path.name for path in (tmp_path / "new" / "figures").iterdir())
    assert written == ["fig1c.csv", "fig1c.svg", "index.csv", "table1.csv"]


def test_json_is_one_object_with_every_file(answer, tmp_path):
    report = answer(f"figures --out {tmp_path}")
    files = [row[kind] for row in report["files"] for kind in ("picture", "numbers") if row[kind]]
    assert {path.name for path in tmp_path.iterdir()} == {*files, "index.csv"}
    assert (report["out"], report["left_out"]) == (str(tmp_path), ["3", "4", "5", "7"])
    assert "--runs" in report["advice"]


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures_are_of_the_format_asked_for(run, tmp_path, kind, start):
    assert run(f"figures --out {tmp_path} --format {kind}")[0] == 0
    assert (tmp_path / f"fig1c.{kind}").read_bytes().startswith(start)


@pytest.mark.needs_data
def test_runs_add_their_figures(answer, tmp_path, shared, monkeypatch):
    monkeypatch.setattr(paper, "figures_of_runs", lambda experiment: paper.catalog.figures_of_runs(experiment)[:1])
    report = answer(f"figures --out {tmp_path} --runs {shared}/data/sardana2024.csv")
    assert [row["name"] for row in report["files"]] == ["fig1c", "fig3a", "table1"]
    assert report["left_out"] == []
    assert "advice" not in report


def test_wrong_input_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "runs.csv").write_text("params,tokens,loss\n1e9,2e10,2.6\n")
    assert "give the folder of the figures: lifetimescale figures --out figures/" in refused("figures")
    assert f"--out: cannot write to {tmp_path}/file" in refused(f"figures --out {tmp_path}/file")
    assert f"--out: cannot write to {tmp_path}/file/on" in refused(f"figures --out {tmp_path}/file/on")
    assert 'Choose from: "svg", "png", "pdf"' in refused(f"figures --out {tmp_path} --format bmp")
    assert "--runs: no.csv does not exist" in refused(f"figures --out {tmp_path} --runs no.csv")
    assert "has no column 'gauntlet_average'" in refused(f"figures --out {tmp_path} --runs {tmp_path}/runs.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "runs.csv"]


def test_without_matplotlib_it_says_what_to_install(tmp_path):
    probe = "import sys; sys.modules['matplotlib'] = None; from lifetimescale.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", probe, "figures", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'lifetimescale: pictures need matplotlib: pip install "lifetimescale[plots]"\n'


def test_help_needs_neither_jax_nor_matplotlib():
    probe = "import sys; from lifetimescale.cli import main; main(['figures', '--help']); "
    probe += "print({'jax', 'matplotlib', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "--runs" in done.stdout
    assert done.stdout.rstrip().endswith("set()")
