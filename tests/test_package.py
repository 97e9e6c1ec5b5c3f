"""The installed package works without the repository: a wheel in a fresh environment prints the paper's plan."""

import json
import pathlib
import subprocess
import sys
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.network
def test_a_wheel_in_a_fresh_environment(tmp_path):
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("lifetimescale-*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True)
    command = [
        tmp_path / "env" / "bin" / "lifetimescale",
        "plan",
        "--like",
        "13B",
        "--inference-tokens",
        "2T",
        "--json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["params"] == pytest.approx(6.968595e9, rel=1e-6)
