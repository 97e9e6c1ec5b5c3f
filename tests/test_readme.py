"""Nothing is shown that is not run: the README's Python, its commands, its output and its names."""

import pathlib
import re
import shlex

import jax
import jax.numpy as jnp
import pytest

import lifetimescale as lts
from lifetimescale.cli import app, main

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


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


def test_demo_prints_what_is_shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    main(shlex.split(COMMANDS[0])[1:])
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown == blocks("text")[0].splitlines()


def test_python(folder):
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)
    assert float(names["best"].params) == pytest.approx(6.968595e9, rel=1e-6)
    assert float(names["mixture"].design["experts"]) == 16
    assert float(names["quantized"].design["weight_bits"]) == pytest.approx(7.0, abs=0.01)
    assert float(names["answers"]) == pytest.approx(3.4, abs=0.01)
    assert names["many"].params.shape == (1_000_000,)
    assert names["cloud"].params.shape == (1000,)
    assert float(names["fitted"].law.alpha) == pytest.approx(float(names["truth"].alpha), rel=0.1)
    assert float(lts.break_even(names["a"], names["b"])) == pytest.approx(5.903087e11, rel=1e-6)


def test_claims():
    """The numbers in the README's sentences and comments."""
    ratios = {
        name: float(lts.compute_optimal(lts.law(name), params=13e9).tokens_per_param)
        for name in ("chinchilla", "besiroglu2024")
    }
    assert round(ratios["chinchilla"]) == 44
    assert round(ratios["besiroglu2024"]) == 20
    million = lts.Monomial(1e-7, 0.0, 1.0)(1e9, 1e6)
    assert float(million) == pytest.approx(0.10)
    law, cost = lts.law("chinchilla"), lts.Flops(2e12)
    law32, cost32 = jax.tree.map(lambda x: x.astype(jnp.float32), (law, cost))
    single = lts.plan(law32, cost32, loss=jnp.float32(2.0))
    assert float(single.params) == pytest.approx(float(lts.plan(law, cost, loss=2.0).params), rel=1e-5)
