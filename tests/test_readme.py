"""Nothing is shown that is not run: the README's Python, its commands, its output and its names."""

import pathlib
import re
import shlex
import tomllib
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import pytest
import yaml

import lifetimescale as lts
from lifetimescale.cli import app, main

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("lifetimescale ")]


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys) -> pathlib.Path:
    """A folder with the files that the commands before would have left."""
    monkeypatch.chdir(tmp_path)
    main(["fit", "--example"])
    pathlib.Path("runs.csv").write_text(capsys.readouterr().out)
    lts.save(lts.law("besiroglu2024"), "law.json")
    main(["sweep", "--example"])
    pathlib.Path("spec.toml").write_text(capsys.readouterr().out)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command, capsys, folder):
    words, _, file = command.partition(" > ")
    main(shlex.split(words)[1:])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert not file or printed.out == (folder / file).read_text()


@pytest.mark.parametrize("command", [name for name in app if not name.startswith("-")])
def test_every_command_is_shown_and_has_help(command):
    assert any(line.startswith(f"lifetimescale {command}") for line in COMMANDS)
    assert app[command].help


def test_demo_prints_what_is_shown(capsys, monkeypatch, folder):
    monkeypatch.setenv("COLUMNS", "80")
    main(shlex.split(COMMANDS[0])[1:])
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown == blocks("text")[0].splitlines()


def test_python(folder):
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)
    assert float(names["best"].params) == pytest.approx(6.968595e9, rel=1e-6)
    assert names["many"].params.shape == (1_000_000,)
    assert names["cloud"].params.shape == (1000,)
    assert float(names["fitted"].law.alpha) == pytest.approx(float(lts.law("besiroglu2024").alpha), rel=0.1)
    assert names["results"].shape == (100, 50)
    assert {picture.name for picture in folder.glob("*.png")} == {"cloud.png", "sweep.png"}


def test_the_picture_is_that_of_the_first_command(capsys, folder):
    """`make figures` draws it anew; here what is written in it, whatever matplotlib draws it with."""
    main(shlex.split(COMMANDS[0])[1:])
    assert words(folder / "plan.svg") == words(ROOT / "docs" / "pictures" / "plan.svg")
    assert "plan: 6.97B params, 1.25T tokens" in words(folder / "plan.svg")


def words(picture: pathlib.Path) -> str:
    """The description of an SVG file."""
    return str(ElementTree.parse(picture).findtext(".//{http://purl.org/dc/elements/1.1/}description"))


def test_the_sentence_under_the_picture():
    best = lts.plan(
        lts.law("chinchilla"), lts.Flops(2e12), loss=lts.compute_optimal(lts.law("chinchilla"), params=13e9).loss
    )
    smaller, longer = 1 - best.params / best.baseline.params, best.tokens / best.baseline.tokens
    assert f"{100 * float(smaller):.0f} %\nsmaller" in README
    assert f"{float(longer):.1f} times the tokens" in README
    assert f"{100 * float(best.saving):.0f} % less in all" in README


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert cited["license"] == "Apache-2.0"
    families = [author["family-names"] for author in cited["preferred-citation"]["authors"]]
    (entry,) = blocks("bibtex")
    assert all(f"{family}, " in entry for family in families)
    assert cited["preferred-citation"]["title"] == re.search(r"title\s*= {(.*)}", entry)[1].replace("{", "").replace(
        "}", ""
    )


def test_claims():
    """The numbers in the README's sentences and comments."""
    ratios = {
        name: float(lts.compute_optimal(lts.law(name), params=13e9).tokens_per_param)
        for name in ("chinchilla", "besiroglu2024")
    }
    assert round(ratios["chinchilla"]) == 44
    assert round(ratios["besiroglu2024"]) == 20
    law, cost = lts.law("chinchilla"), lts.Flops(2e12)
    law32, cost32 = jax.tree.map(lambda x: x.astype(jnp.float32), (law, cost))
    single = lts.plan(law32, cost32, loss=jnp.float32(2.0))
    assert float(single.params) == pytest.approx(float(lts.plan(law, cost, loss=2.0).params), rel=1e-5)
