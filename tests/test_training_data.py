"""Training: published utilisations by the formula of the FLOPs, and the shapes that models of N parameters have."""

import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts

pytestmark = pytest.mark.needs_data

SIZES = ("125m", "350m", "760m", "1b", "3b", "7b", "13b", "30b", "70b")  # of the mpt models, in order
PEAKS = {"a100": 312e12, "h100": 989e12}  # in bf16; in fp8 twice that


def read(path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def configs(shared) -> list[dict[str, str]]:
    return read(shared / "data" / "config_ladder.csv")


@pytest.fixture(scope="module")
def runs(shared) -> list[dict[str, str]]:
    return read(shared / "data" / "training_rows.csv")


def column(rows, name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


@pytest.fixture(scope="module")
def models(runs, configs) -> list[dict[str, str]]:
    """The configuration of every run."""
    mpt = sorted((row for row in configs if row["family"] == "mpt"), key=lambda row: float(row["n_nonembed"]))
    by_name = dict(zip((f"mpt-{size}" for size in SIZES), mpt, strict=True))
    return [by_name[row["model"]] for row in runs]


def error(runs, shape: lts.AbstractShape | None, *, attention: bool = True) -> np.ndarray:
    """Of the utilisation of every run, relative to the published one, which counts embeddings among the N of 6 N."""
    peaks = [PEAKS[row["hardware"][:4]] * (2 if "fp8" in row["precision"] else 1) for row in runs]
    chip = lts.Chip(3600.0, bf16=np.array(peaks))  # at a dollar a second
    context = column(runs, "seq_len") if attention else None
    chip_seconds = lts.Training(chip, mfu=1.0, context=context, shape=shape)(column(runs, "n_params"), 1.0)
    return np.asarray(chip_seconds) * column(runs, "tok_s_per_gpu") / (column(runs, "mfu_pct") / 100) - 1


def medians(runs, errors: np.ndarray) -> list[float]:
    """Of the size of the errors, by context."""
    contexts = column(runs, "seq_len")
    return [float(np.median(np.abs(errors[contexts == context]))) for context in (2048, 8192, 32768)]


def test_every_published_utilisation_is_that_of_the_formula(runs, models):
    shape = lts.Shape(column(models, "n_layers"), column(models, "d_model"), 0.0)
    errors = error(runs, shape)
    assert len(errors) == 106
    assert np.max(np.abs(errors)) < 0.003
    assert np.max(np.abs(errors)) == pytest.approx(0.0022, abs=5e-5)
    assert np.median(np.abs(errors)) < 3e-4


def test_attention_cannot_be_left_out_at_long_contexts(runs):
    assert medians(runs, error(runs, None, attention=False)) == pytest.approx([0.112, 0.243, 0.630], abs=0.002)


def test_utilisations_by_the_shapes_of_the_params_outside_of_the_embeddings(runs, models):
    ladder, params = lts.Ladder(), jnp.asarray(column(models, "n_nonembed"))
    of_params = lts.Shape(jax.vmap(ladder.layers)(params), jax.vmap(ladder.width)(params), 0.0)
    found = medians(runs, error(runs, of_params))
    assert found == pytest.approx([0.0050, 0.0169, 0.0358], abs=1e-4)
    assert np.all(np.array(found) < [0.006, 0.02, 0.06])


def test_utilisations_by_the_shapes_of_all_params(runs):
    found = medians(runs, error(runs, lts.Ladder()))
    assert found == pytest.approx([0.0063, 0.0343, 0.0884], abs=1e-4)


def test_the_shapes_of_91_published_models(configs):
    ladder, params = lts.Ladder(), jnp.asarray(column(configs, "n_nonembed"))
    assert len(params) == 91
    layers = np.log(column(configs, "n_layers") / np.asarray(jax.vmap(ladder.layers)(params)))
    width = np.log(column(configs, "d_model") / np.asarray(jax.vmap(ladder.width)(params)))
    heads = np.log(
        column(configs, "n_heads") * column(configs, "head_dim") / np.asarray(jax.vmap(ladder.width)(params))
    )
    spread = [float(np.std(each)) for each in (layers, width, heads)]
    assert spread == pytest.approx([0.132, 0.076, 0.097], abs=5e-4)
    assert np.max(np.abs([np.mean(each) for each in (layers, width, heads)])) < 0.025
