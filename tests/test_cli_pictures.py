"""`--plot`: a picture beside the answer, and what is said where there can be none."""

import sys
from xml.etree import ElementTree

import pytest

PLAN = "plan --like 13B --inference-tokens 2T"


@pytest.mark.parametrize(
    "command",
    [
        PLAN,
        "plan --loss 2.3 --inference-tokens 2T --law muennighoff2023 --design unique_tokens=1e11",
        "plan --like 13B --requests 1e9 --cost fixed --compare a100-80gb,h100",
        f"{PLAN} --max-tokens 1T",
        "plan --like 13B --demand-lognormal 2T:3x --draws 200",
        "sensitivity --like 13B --inference-tokens 2T --range inference_tokens=1T:4T",
    ],
)
def test_the_answer_is_the_same_and_the_picture_beside_it(run, tmp_path, command):
    picture = tmp_path / "plan.svg"
    assert run(f"{command} --plot {picture}") == run(command)
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    assert [*tmp_path.iterdir()] == [picture]


def test_of_a_fit(run, answer, tmp_path):
    (tmp_path / "runs.csv").write_text(run("fit --example")[1])
    assert answer(f"fit {tmp_path}/runs.csv --plot {tmp_path}/fit.png")["law"] == "chinchilla"
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_another_kind_of_file(refused, tmp_path):
    assert "end it in .svg, .png or .pdf" in refused(f"{PLAN} --plot {tmp_path}/plan.bmp")


def test_no_such_folder(refused, tmp_path):
    assert "does not exist: make it first" in refused(f"{PLAN} --plot {tmp_path}/none/plan.svg")


def test_a_tornado_needs_ranges(refused, tmp_path):
    assert "give --range" in refused(f"sensitivity --like 13B --inference-tokens 2T --plot {tmp_path}/tornado.svg")


def test_what_cannot_be_drawn_is_refused_after_the_answer(run, tmp_path):
    command = "sensitivity --loss 2.0 --inference-tokens 2T --range E=2.1:2.2"
    code, out, err = run(f"{command} --plot {tmp_path}/tornado.svg")
    assert (code, out) == (2, run(command)[1])
    assert "--plot: there is no plan to draw" in err


def test_an_example_is_not_drawn(refused, tmp_path):
    assert "--example prints runs" in refused(f"fit --example --plot {tmp_path}/fit.svg")


def test_a_folder(refused, tmp_path):
    (tmp_path / "plan.svg").mkdir()
    assert "is a folder: name a file in it" in refused(f"{PLAN} --plot {tmp_path}/plan.svg")


def test_without_matplotlib(refused, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("lifetimescale.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = refused(f"{PLAN} --plot {tmp_path}/plan.svg")
    assert 'pictures need matplotlib: pip install "lifetimescale[plots]"' in said
