"""Sweeps that are killed, interrupted, or out of space, on one machine, on two and on Ray: resumed, the bytes are those
of an unbroken run."""

import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from sweep_process import BOXES

from lifetimescale.files import PARTIAL

SCRIPT = pathlib.Path(__file__).with_name("sweep_process.py")
PATIENCE = 120  # seconds, for processes that end in three


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """That of the processes: one device, and their compiled programs kept between them."""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("jax"))}
    return {**os.environ, **cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@pytest.fixture(scope="module")
def start(environment):
    """Start a sweep as a process."""

    def start(folder: pathlib.Path, mode: str = "plain", *joined: int) -> subprocess.Popen:
        command = [sys.executable, SCRIPT, folder, mode, *map(str, joined)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return start


@pytest.fixture(scope="module")
def unbroken(start, tmp_path_factory):
    """The bytes of runs that nothing disturbs."""
    runs = {}
    for mode in ("plain", "reduced"):
        folder = tmp_path_factory.mktemp("unbroken") / mode
        ended(start(folder, mode))
        runs[mode] = content(folder)
        assert len(parts(folder)) == BOXES
    return runs


def ended(process: subprocess.Popen) -> str:
    """What a process printed, once it has ended well."""
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    return out


def content(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def parts(folder: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in folder.rglob("part-*") if path.suffix in (".parquet", ".npz")]


def wait_for(folder: pathlib.Path, count: int, process: subprocess.Popen) -> None:
    """Until so many chunks are stored."""
    deadline = time.monotonic() + PATIENCE
    while len(parts(folder)) < count:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(("mode", "kills"), [("plain", 10), ("reduced", 3)])
def test_killed_at_seeded_moments(start, unbroken, tmp_path, mode, kills):
    rng = np.random.default_rng(2024)
    moments = np.sort(rng.choice(np.arange(1, BOXES - 4), kills, replace=False))
    folder = tmp_path / "out"
    for count in moments:
        process = start(folder, f"{mode}-slow")
        wait_for(folder, count, process)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.wait()
        assert process.returncode == -signal.SIGKILL
        assert len(parts(folder)) < BOXES
        process.stdout.close()
    ended(start(folder, mode))
    assert content(folder) == unbroken[mode]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_two_processes_one_of_them_killed(start, unbroken, tmp_path):
    """Both share the work; one is killed, the other does its own part; both started again finish it."""
    folder, port = tmp_path / "out", free_port()
    first, second = (start(folder, "plain-slow", port, process) for process in (0, 1))
    wait_for(folder, 4, first)
    second.kill()
    deadline = time.monotonic() + PATIENCE
    own = {f"part-{index:05d}.parquet" for index in range(0, BOXES, 2)}
    while not own <= {path.name for path in parts(folder)} and time.monotonic() < deadline:
        time.sleep(0.01)
    first.kill()  # JAX has it wait for the other, which is no more
    for process in (first, second):
        process.communicate()
    assert own <= {path.name for path in parts(folder)}
    assert len(parts(folder)) < BOXES
    port = free_port()
    for process in [start(folder, "plain", port, process) for process in (0, 1)]:
        ended(process)
    assert content(folder) == unbroken["plain"]


def test_a_worker_of_ray_killed(start, unbroken, tmp_path):
    printed = ended(start(tmp_path / "out", "plain-ray"))
    assert "killed a worker" in printed
    assert content(tmp_path / "out") == unbroken["plain"]


def test_a_disk_filled_and_one_locked(environment, unbroken, tmp_path):
    """A disk of 2 MB takes a part of it; made larger, it takes the rest; one that is read-only takes nothing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("util-linux has no unshare here, to mount a small disk with")
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
    if subprocess.run([*namespace, f"mount -t tmpfs -o size=2m none {disk}"], capture_output=True).returncode:
        pytest.skip("this system mounts no small disk for a user")
    run = f"{sys.executable} {SCRIPT} {disk}/out plain"
    script = f"""
    mount -t tmpfs -o size=2m none {disk}
    if {run}; then exit 9; fi
    ls {disk}/out > {tmp_path}/listing
    mount -o remount,size=100m {disk}
    {run}
    cp -r {disk}/out {tmp_path}/out
    rm {disk}/out/part-00003.parquet
    mount -o remount,ro {disk}
    if {run}; then exit 8; fi
    """
    done = subprocess.run([*namespace, script], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    listed = (tmp_path / "listing").read_text().split()
    stored = [name for name in listed if name.startswith("part-")]
    assert 0 < len(stored) < BOXES
    assert all(name.endswith(".parquet") for name in stored)  # nothing half written is left
    assert f"No space left on device: {len(stored)} of {BOXES} chunks are stored and stay" in done.stderr
    assert f"Read-only file system: {BOXES - 1} of {BOXES} chunks are stored and stay" in done.stderr
    assert content(tmp_path / "out") == unbroken["plain"]


SPECIFICATION = """
chunk = 20_000
[axes]
loss = "1.9:2.3:1000"
inference_tokens = "1e9:1e15:4000:log"
"""


@pytest.fixture
def command(environment, tmp_path):
    """Start `lifetimescale sweep`."""
    (tmp_path / "spec.toml").write_text(SPECIFICATION)

    def command(*flags: str, limit: str = "true", **variables: str) -> subprocess.Popen:
        words = shlex.join([sys.executable, "-m", "lifetimescale", "sweep", str(tmp_path / "spec.toml"), *flags])
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(["sh", "-c", f"{limit}; exec {words}"], env=environment | variables, text=True, **pipes)

    return command


def test_an_interrupt_is_one_sentence(command, tmp_path):
    process = command("--out", str(tmp_path / "out"))
    wait_for(tmp_path / "out", 3, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("lifetimescale: interrupted; ")
    assert err.endswith("of 200 chunks are stored and stay, go on with --resume\n")
    assert err.count("\n") == 1
    assert not [*(tmp_path / "out").glob(f"*{PARTIAL}")]
    stored = len(parts(tmp_path / "out"))
    assert f" {stored} of 200" in err
    assert 0 < stored < 200


def test_a_quota_is_one_sentence(command, tmp_path):
    process = command("--out", str(tmp_path / "out"), limit="ulimit -f 195")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert (
        err
        == f"lifetimescale: {tmp_path}/out: File too large: 0 of 200 chunks are stored and stay, go on with --resume\n"
    )


def test_the_command_alone_under_slurm_and_on_ray(command, tmp_path):
    """SLURM is the variables that `srun` sets; JAX joins the processes by them."""
    runs = {"alone": [{}], "ray": [{}], "slurm": [{"SLURM_PROCID": str(k), "SLURM_LOCALID": str(k)} for k in (0, 1)]}
    job = {"SLURM_JOB_ID": str(free_port()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    flags = {"alone": [], "ray": ["--engine", "ray", "--workers", "2"], "slurm": ["--distributed"]}
    for name, variables in runs.items():
        added = job if name == "slurm" else {}
        out = ["--out", str(tmp_path / name), "--json"]
        processes = [command(*flags[name], *out, **added, **own) for own in variables]
        for process in processes:
            printed, err = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, err
            assert '"scenarios": 4000000' in printed
    for name in ("ray", "slurm"):
        assert content(tmp_path / name) == content(tmp_path / "alone")
