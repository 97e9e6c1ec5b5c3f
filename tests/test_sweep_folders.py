"""Sweeps in folders: what is there is kept, what is broken is done again, what is another sweep's is refused."""

import json
import os
import pathlib

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lifetimescale as lts
from lifetimescale.files import PARTIAL, clear_partial, write_whole

GRID = lts.grid({"loss": "1.7:2.3:13", "inference_tokens": "1e9:1e15:40:log"})
BASE = lts.Planner(lts.law("chinchilla"), lts.Flops(0.0))
REDUCTIONS = {
    "by-loss": lts.Summary("total", ("loss",)),
    "spread": lts.Quantiles("params", by=("inference_tokens",)),
    "best": lts.Least("total", keep=("loss", "inference_tokens")),
}
KINDS = {"rows": {}, "reductions": {"reductions": REDUCTIONS}}


def sweep(out: pathlib.Path, planner=BASE, scenarios=GRID, **options) -> lts.Results:
    return lts.sweep(planner, scenarios, out=out, **({"chunk": 80} | options))


def content(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=KINDS)
def whole(request, tmp_path_factory):
    """An unbroken sweep: its options, its folder and its bytes."""
    folder = tmp_path_factory.mktemp(request.param) / "out"
    options = KINDS[request.param]
    sweep(folder, **options)
    return options, folder, content(folder)


def parts(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.rglob("part-*"))


def query(text: str) -> dict[str, np.ndarray]:
    relation = duckdb.sql(text)
    assert relation is not None
    return relation.fetchnumpy()


def copy(files: dict[str, bytes], folder: pathlib.Path) -> pathlib.Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(data)
    return folder


def test_rows_are_read_back(tmp_path):
    memory = lts.sweep(BASE, GRID, chunk=80)
    for found in (sweep(tmp_path / "out"), lts.read_sweep(tmp_path / "out")):
        assert dict(found.dimensions) == {"loss": 13, "inference_tokens": 40}
        assert found.units == memory.units
        for name in memory:
            np.testing.assert_array_equal(found[name], memory[name])
        assert found.dataset().equals(memory.dataset())
    with pytest.raises(KeyError):
        lts.read_sweep(tmp_path / "out")["loss_"]


def test_reductions_are_read_back(tmp_path):
    memory = lts.sweep(BASE, GRID, chunk=80, reductions=REDUCTIONS).reductions
    for found in (sweep(tmp_path / "out", reductions=REDUCTIONS), lts.read_sweep(tmp_path / "out")):
        for name, result in memory.items():
            assert dict(found.reductions[name].units) == dict(result.units)
            assert found.reductions[name].dataset().equals(result.dataset())


def test_draws_and_tables_are_read_back(tmp_path):
    scenarios = lts.table({"alpha": [0.33, 0.34, 0.35], "loss": [2.0, 2.1, 2.2]})
    scenarios *= lts.draws({"inference_tokens": "lognormal:2T:3x"}, 50, method="sobol")
    memory = lts.sweep(BASE, scenarios, chunk=20)
    assert sweep(tmp_path / "out", scenarios=scenarios, chunk=20).dataset().equals(memory.dataset())
    by_draw = {"by-draw": lts.Summary("total", ("draw",))}
    found = sweep(tmp_path / "reduced", scenarios=scenarios, chunk=20, reductions=by_draw).reductions["by-draw"]
    np.testing.assert_array_equal(found.coordinates["inference_tokens"][1], memory.coordinates["inference_tokens"][1])


def test_any_reader_of_parquet_takes_the_files(tmp_path):
    results = sweep(tmp_path / "out", dtype="float32")
    found = query(
        f"select loss, avg(total) as mean, count(*) as plans from '{tmp_path}/out/*.parquet' where status = 0 "
        "group by loss order by loss"
    )
    np.testing.assert_allclose(found["mean"], results["total"].mean(1), rtol=1e-6)
    assert (found["plans"] == 40).all()
    schema = pq.read_schema(tmp_path / "out" / "part-00000.parquet")
    assert [str(field.type) for field in schema] == ["float"] * 5 + ["uint8"]
    assert schema.field("total").metadata == {b"unit": b"FLOP"}
    column = pq.read_metadata(tmp_path / "out" / "part-00000.parquet").row_group(0).column(0)
    assert (column.compression, column.has_dictionary_page, column.is_stats_set) == ("ZSTD", False, False)
    assert "BYTE_STREAM_SPLIT" in column.encodings


def test_the_manifest_says_all_that_the_results_depend_on(tmp_path):
    sweep(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    specification = manifest["specification"]
    assert specification["chunk"] == 80
    assert specification["outputs"] == ["params", "tokens", "total", "status"]
    assert set(specification["versions"]) == {"lifetimescale", "jax", "jaxlib", "numpy", "pyarrow", "scipy"}
    assert [block["dimension"] for block in specification["scenarios"]] == ["loss", "inference_tokens"]
    assert manifest["finished"] is True
    assert sum(file["scenarios"] for file in manifest["files"]) == GRID.size
    for file in manifest["files"]:
        assert (tmp_path / "out" / file["name"]).stat().st_size == file["bytes"]
    text = (tmp_path / "out" / "manifest.json").read_text()
    assert os.uname().nodename not in text
    assert str(tmp_path) not in text


def test_what_is_whole_is_not_done_again(whole, tmp_path):
    options, _, files = whole
    folder = copy(files, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in parts(folder)}
    broken = parts(folder)[2]
    broken.unlink()
    sweep(folder, resume=True, **options)
    assert content(folder) == files
    after = {path: path.stat().st_mtime_ns for path in parts(folder)}
    assert {path for path in before if before[path] != after[path]} == {broken}


def truncated(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: pathlib.Path) -> None:
    path.write_bytes(b"")


def beheaded(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def another_box(path: pathlib.Path) -> None:
    path.write_bytes(parts(path.parent)[0].read_bytes())


def unrenamed(path: pathlib.Path) -> None:
    path.with_name(path.name + ".0123" + PARTIAL).write_bytes(path.read_bytes()[:50])
    path.unlink()


def foreign(path: pathlib.Path) -> None:
    if path.suffix == ".npz":
        np.savez(path, other=np.zeros(3))
    else:
        pq.write_table(pa.table({"other": [1, 2, 3]}), path)


@pytest.mark.parametrize("breaking", [truncated, emptied, beheaded, another_box, unrenamed, foreign])
def test_a_broken_file_is_done_again(whole, tmp_path, breaking):
    options, _, files = whole
    folder = copy(files, tmp_path / "out")
    breaking(parts(folder)[3])
    sweep(folder, resume=True, **options)
    assert content(folder) == files


def test_a_file_that_another_process_clears_is_written_again(tmp_path):
    tries = []

    def write(part: pathlib.Path) -> None:
        part.write_text("whole")
        tries.append(part)
        if len(tries) == 1:
            clear_partial(tmp_path)

    write_whole(tmp_path / "file", write)
    assert (tmp_path / "file").read_text() == "whole"
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_nobody_elses_partial_files_are_cleared(tmp_path):
    (tmp_path / "film.partial").write_text("half a film")
    sweep(tmp_path, resume=True)
    assert (tmp_path / "film.partial").read_text() == "half a film"
    assert not [*tmp_path.glob(f"*{PARTIAL}")]


def test_any_damage_to_a_part_is_seen(tmp_path):
    """What reductions keep is checked to the last byte of the numbers; of tables, what can be read of the end."""
    sweep(tmp_path / "out", reductions=REDUCTIONS)
    files = content(tmp_path / "out")
    rng = np.random.default_rng(3)
    for _ in range(10):
        path = parts(tmp_path / "out")[2]
        damaged = bytearray(path.read_bytes())
        damaged[rng.integers(len(damaged))] ^= 0xFF
        path.write_bytes(damaged)
        sweep(tmp_path / "out", resume=True, reductions=REDUCTIONS)
        results = {name: data for name, data in content(tmp_path / "out").items() if "parts" not in name}
        assert results.items() <= files.items()


def test_the_manifest_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "manifest.json").write_text('{"name": "my web app"}')
    with pytest.raises(ValueError, match=r"manifest.json is not that of a sweep: give a folder of its own"):
        sweep(tmp_path, resume=True)
    assert (tmp_path / "manifest.json").read_text() == '{"name": "my web app"}'


@pytest.mark.parametrize("manifest", [None, b"", b'{"fingerpr', b"\xff\xfe"])
def test_a_broken_manifest_is_written_again(whole, tmp_path, manifest):
    options, _, files = whole
    folder = copy(files, tmp_path / "out")
    parts(folder)[1].unlink()
    if manifest is None:
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_bytes(manifest)
    with pytest.raises(ValueError, match="holds this sweep already"):
        sweep(folder, **options)
    sweep(folder, resume=True, **options)
    assert content(folder) == files


STEEPER = lts.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.284)
FURTHER = lts.grid({"loss": "1.7:2.3:13", "inference_tokens": "1e9:2e15:40:log"})
OTHERS = {
    "the scenarios": ({"scenarios": FURTHER}, "scenarios"),
    "a coefficient": ({"planner": lts.Planner(STEEPER, lts.Flops(0.0))}, "program"),
    "the chunks": ({"chunk": 81}, "chunk"),
    "the outputs": ({"outputs": ["params", "total"]}, "outputs"),
    "the type": ({"dtype": "float32"}, "dtype"),
    "what is kept": ({"reductions": {"a": lts.Summary("total")}}, "reductions"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_sweep_is_refused(tmp_path, what):
    options, named = OTHERS[what]
    sweep(tmp_path / "out")
    before = content(tmp_path / "out")
    with pytest.raises(ValueError, match=rf"holds another sweep \(its .*{named}.* differ"):
        sweep(tmp_path / "out", resume=True, **options)
    (tmp_path / "out" / "manifest.json").unlink()
    with pytest.raises(ValueError, match="holds another sweep"):
        sweep(tmp_path / "out", resume=True, **options)
    assert content(tmp_path / "out") | {"manifest.json": before["manifest.json"]} == before


def test_another_version_is_refused(tmp_path):
    sweep(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    manifest["fingerprint"] = "0" * 64
    manifest["specification"]["versions"]["jax"] = "0.1"
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="the version of jax differs"):
        sweep(tmp_path / "out", resume=True)


def test_the_same_sweep_is_not_begun_twice(tmp_path):
    sweep(tmp_path / "out")
    with pytest.raises(ValueError, match="holds this sweep already: resume it, or give another folder"):
        sweep(tmp_path / "out")


def test_an_unfinished_sweep_is_not_read(tmp_path):
    with pytest.raises(ValueError, match="holds no sweep"):
        lts.read_sweep(tmp_path)

    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        sweep(tmp_path / "out", progress=stop)
    for _ in range(2):
        assert parts(tmp_path / "out")
        with pytest.raises(ValueError, match="holds an unfinished sweep, so run it again to the end"):
            lts.read_sweep(tmp_path / "out")
        sweep(tmp_path / "out", resume=True)
        assert lts.read_sweep(tmp_path / "out").shape == (13, 40)
        for part in parts(tmp_path / "out")[3:]:  # as it was finished once, what is lost since is not there
            part.unlink()
        with pytest.raises(RuntimeError, match="enough"):
            sweep(tmp_path / "out", resume=True, progress=stop)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/out: Not a directory: nothing is stored"):
        sweep(tmp_path / "file" / "out")


def test_a_function_is_another_sweep_if_it_computes_something_else(tmp_path):
    def scenario(factor):
        return lambda loss, inference_tokens: {"x": factor * loss + inference_tokens}

    sweep(tmp_path / "out", scenario(2.0), outputs=["x"])
    sweep(tmp_path / "out", scenario(2.0), outputs=["x"], resume=True)
    with pytest.raises(ValueError, match="its program differs"):
        sweep(tmp_path / "out", scenario(2.5), outputs=["x"], resume=True)
