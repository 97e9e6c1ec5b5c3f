"""Stricter than users are: no implicit promotion of types or ranks, every annotation checked, 8 CPU devices."""

import json
import os
import pathlib
import shlex

# Most of the suite's time is compilation. What has been compiled is kept for the other worker, for the next run, and
# for other clones: JAX knows a program by all that it is made of.
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
PROGRAMS = CACHE / "lifetimescale" / "tests"
os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(PROGRAMS), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3"}

import jax  # noqa: E402, as the settings are read by the import
import pytest  # noqa: E402

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

MAPPINGS = pathlib.Path("/proc/self/maps")
DATA = pathlib.Path(__file__).parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        skip = pytest.mark.skip(reason="the real observations of ../shared are not here")
        for item in items:
            if item.get_closest_marker("needs_data"):
                item.add_marker(skip)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    """Programs are let go between modules, once there are many: Linux gives a process 65,530 memory mappings."""
    yield
    if MAPPINGS.exists() and len(MAPPINGS.read_bytes().splitlines()) > 20_000:
        jax.clear_caches()


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of the real observations."""
    return DATA


@pytest.fixture
def run(capsys):
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


@pytest.fixture
def refused(run):
    """The one sentence with which a command is refused, by exit code 2 for wrong input or 3 for no plan."""

    def refused(command: str, exit_code: int = 2) -> str:
        code, out, err = run(command)
        assert (code, out) == (exit_code, "")
        assert err.startswith("lifetimescale: ")
        assert err.count("\n") == 1
        return err

    return refused
