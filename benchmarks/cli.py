"""How long the commands take from the shell: `--help`, and a plan with JAX's compilation cache warm."""

import pathlib
import shutil
import statistics
import subprocess
import sys
import time

PROGRAM = shutil.which("lifetimescale", path=str(pathlib.Path(sys.executable).parent)) or "lifetimescale"
TARGETS = {"--help": 0.3, "plan --like 13B --inference-tokens 2T": 1.5}
REPEATS = 11


def seconds(command: str) -> float:
    """Wall-clock seconds of one run."""
    start = time.perf_counter()
    subprocess.run([PROGRAM, *command.split()], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each command beside its target."""
    for command, target in TARGETS.items():
        seconds(command)  # fills the cache
        median = statistics.median(seconds(command) for _ in range(REPEATS))
        verdict = "reached" if median < target else "not reached"
        print(f"lifetimescale {command}: {median:.2f} s, target {target} s: {verdict}")


if __name__ == "__main__":
    main()
