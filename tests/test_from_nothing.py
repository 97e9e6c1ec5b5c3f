"""Who has only the README gets from nothing to a plan, a fit and pictures by copying its commands."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
OWN_STEP = "make test"  # which CI runs by itself, and which runs this file


@pytest.mark.network
def test_every_command_block_of_the_readme_in_a_clean_environment(tmp_path):
    clone = tmp_path / "lifetimescale"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    readme = (clone / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    assert any(line.startswith(OWN_STEP) for block in commands for line in block.splitlines())
    lines = [line for block in commands for line in block.splitlines() if not line.startswith(OWN_STEP)]
    (clone / "readme.py").write_text("\n".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)), encoding="utf-8")
    script = "\n".join(["set -euo pipefail", *lines, "python readme.py"])
    done = subprocess.run(["bash", "-c", script], cwd=clone, env=_clean(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "6.97B params, 1.25T tokens" in done.stdout
    made = (
        "plan.svg calculator.html figures/index.csv runs.csv law.json fit.svg cloud.png tornado.svg spec.toml sweep.png"
    )
    for name in made.split():
        assert (clone / name).stat().st_size > 100, name
    assert [*(clone / "results").glob("*.parquet")]


def _clean(folder: pathlib.Path) -> dict[str, str]:
    """The environment without what this one has set up: no virtual environment, no settings of Python's or JAX's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "JAX", "XLA", "VIRTUAL", "MAKE"))
    }
    python = folder / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3.{sys.version_info.minor} "$@"\n')
    python.chmod(0o755)
    return kept | {"PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"])}
