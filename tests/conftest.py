"""Stricter than users are: no implicit promotion of types or ranks, every annotation checked, 8 CPU devices."""

import json
import pathlib
import shlex

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

DATA = pathlib.Path(__file__).parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        skip = pytest.mark.skip(reason="the real observations of ../shared are not here")
        for item in items:
            if item.get_closest_marker("needs_data"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of the real observations."""
    return DATA


@pytest.fixture
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "jax"))


@pytest.fixture
def run(capsys, _cache):
    """Run a command: its exit code, what it printed, and what it complained of."""

    from lifetimescale.cli import main

    def run(command: str) -> tuple[int, str, str]:
        try:
            main(shlex.split(command))
            code = 0
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def answer(run):
    """The JSON object that a command prints, and nothing else."""

    def answer(command: str) -> dict:
        code, out, err = run(command + " --json")
        assert (code, err) == (0, "")
        assert out.count("\n") == 1
        return json.loads(out)

    return answer
