"""`lifetimescale sweep`."""

import contextlib
import errno
import pathlib
from importlib import resources
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lifetimescale.cli.inputs import start
from lifetimescale.cli.options import Flag, InputError, Positive, StoppedError
from lifetimescale.cli.progress import progress
from lifetimescale.cli.render import print_json, print_lines

WRONG_FOLDER = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST)


def sweep(
    specification: Annotated[str | None, Parameter(name="SPECIFICATION")] = None,
    /,
    *,
    out: str | None = None,
    resume: Flag = False,
    engine: Literal["local", "ray"] = "local",
    workers: Positive | None = None,
    distributed: Flag = False,
    dry_run: Flag = False,
    example: Flag = False,
    json: Flag = False,
) -> None:
    """Plans of many scenarios, into a folder of Parquet files; killed and resumed, it gives the same bytes.

    lifetimescale sweep --example > spec.toml

    lifetimescale sweep spec.toml --out results/

    Args:
        specification: A file that says what to plan, what varies, and what to keep; --example prints one.
        out: The folder of the results.
        resume: Go on with what the folder already has.
        engine: This machine, or a Ray cluster (RAY_ADDRESS names it) whose machines share the folder.
        workers: Actors on the cluster [default: one for each GPU, or else for each machine].
        distributed: One of several processes that JAX joins, each of which does its part: under SLURM, say.
        dry_run: Say how many scenarios there are, how large the files get and how long it takes, and stop.
        example: Print a commented specification that runs.
        json: Print one JSON object.
    """
    if example:
        print(resources.files("lifetimescale.cli").joinpath("sweep_example.toml").read_text(encoding="utf-8"), end="")
        return
    if specification is None:
        raise InputError("give a file that says what to sweep: `lifetimescale sweep --example > spec.toml` makes one")
    if out is None and not dry_run:
        raise InputError("give the folder of the results: --out results/, or --dry-run to see what they would take")
    start()
    if distributed:
        _join()
    with _as_exits():
        report = _estimated(specification) if dry_run else _swept(specification, out, resume, engine, workers)
    print_json(report) if json else print_lines(_sentences(report))


def _join() -> None:
    import jax

    try:
        jax.distributed.initialize()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"--distributed: JAX finds no processes to join here: {str(error).splitlines()[0]}") from None


@contextlib.contextmanager
def _as_exits():
    """What the library refuses is wrong input; what stops it can be gone on with."""
    try:
        yield
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        raise InputError(str(error).replace("resume it,", "give --resume to go on with it,")) from None
    except OSError as error:
        failure = InputError if error.errno in WRONG_FOLDER else StoppedError
        raise failure(_with_flag(error.strerror or str(error))) from None
    except KeyboardInterrupt as error:
        raise StoppedError(_with_flag(f"interrupted; {error}" if error.args else "interrupted")) from None


def _with_flag(text: str) -> str:
    return text.replace("go on by resuming", "go on with --resume")


def _estimated(path: str) -> dict[str, Any]:
    import lifetimescale as lts
    from lifetimescale.cli.specification import read_specification

    planner, scenarios, options = read_specification(path)
    return lts.estimate(planner, scenarios, **options)._asdict()


def _swept(path: str, out: str | None, resume: bool, engine: str, workers: float | None) -> dict[str, Any]:
    import lifetimescale as lts
    from lifetimescale.cli.specification import read_specification

    planner, scenarios, options = read_specification(path)
    options |= {"out": out, "resume": resume, "engine": engine, "workers": workers and int(workers)}
    with progress("planning", unit="plans") as bar:
        results = lts.sweep(planner, scenarios, progress=bar, **options)
    files = [file for file in pathlib.Path(str(out)).rglob("*") if file.suffix in (".parquet", ".npz")]
    report = {"scenarios": scenarios.size, "out": out, "files": len(files)}
    report["bytes"] = sum(file.stat().st_size for file in files)
    report["columns"] = [*scenarios.names, *results] if results else []
    return report | {
        "tables": [f"{name}.parquet" for name in results.reductions],
        "finished": bool(results or results.reductions),
    }


def _sentences(report: dict[str, Any]) -> list[str]:
    size = f"{report['bytes'] / 1e6:,.1f} MB"
    if "seconds" in report:
        took = f"{report['seconds']:,.1f} s" if report["seconds"] < 120 else f"{report['seconds'] / 60:,.1f} min"
        chunks = f"{report['chunks']:,} chunk" + ("s" if report["chunks"] > 1 else "")
        return [f"{report['scenarios']:,} scenarios in {chunks}: {size} and {took} on this machine."]
    if not report["finished"]:
        return [f"This process's chunks are in {report['out']}; others have yet to finish theirs."]
    held = ", ".join(report["tables"] or report["columns"])
    files = f"{report['files']:,} file" + ("s" if report["files"] > 1 else "")
    return [f"{report['scenarios']:,} scenarios in {files}, {size}, in {report['out']}: {held}."]
