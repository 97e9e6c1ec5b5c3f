"""Costs of serving against what was measured, what hosts charge, and what the textbooks work out."""

import csv
import itertools
import json
from collections import namedtuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifetimescale as lts
from lifetimescale.batch import elementwise
from lifetimescale.fitting.coordinates import coordinates
from lifetimescale.fitting.descent import Problem
from lifetimescale.fitting.huber import Huber
from lifetimescale.fitting.minimum import minimise

pytestmark = pytest.mark.needs_data

Rows = namedtuple(
    "Rows",
    "n_params layers d_attn kv_bytes_per_token weight_bytes peak_flops mem_bw mem batch chips in_len out_len "
    "out_tok_s_per_chip element",  # columns of the file, and the bytes of a cached element
)
CONSTANTS = {"compute": 0.40, "bandwidth": 0.90, "launch": 60e-6, "growth": 0.20}


@pytest.fixture(scope="module")
def rows(shared) -> Rows:
    with (shared / "data" / "serving_rows.csv").open() as file:
        read = list(csv.DictReader(file))
    columns = [np.array([float(row[name]) for row in read]) for name in Rows._fields[:-1]]
    return Rows(*columns, np.array([2.0 if row["precision"] == "fp16" else 1.0 for row in read]))


@pytest.fixture(scope="module")
def goldens(shared) -> dict:
    return json.loads((shared / "facts" / "cost_goldens.json").read_text())


def residuals(rows: Rows, stack=None, shape=None):
    """log of predicted over measured tokens per second and chip; with a byte an element the shape counts bytes."""
    chip = lts.Chip(3600.0, fp8=rows.peak_flops, memory=rows.mem, bandwidth=rows.mem_bw)
    if shape is None:
        shape = lts.Shape(rows.layers, rows.d_attn, rows.kv_bytes_per_token, rows.weight_bytes / rows.n_params)
    request = lts.Demand(1.0, rows.in_len, rows.out_len)
    cost = lts.Roofline(chip, request, "fp8", batch=rows.batch, chips=rows.chips, shape=shape, stack=stack)
    chip_seconds = cost(rows.n_params, 1.0)
    return jnp.log(rows.out_len / chip_seconds / rows.out_tok_s_per_chip)


def score(logs) -> tuple[float, float, float]:
    """Medians of |p/y - 1| and of exp|log(p/y)| - 1, and the share within a factor of 2."""
    logs = np.asarray(logs)
    distances = np.expm1(np.abs(logs))
    return float(np.median(np.abs(np.expm1(logs)))), float(np.median(distances)), float(np.mean(distances <= 1))


def test_791_measurements_from_their_true_shapes(rows):
    error, distance, within = score(residuals(rows))
    assert len(rows.batch) == 791
    assert (error, distance) == pytest.approx((0.1133, 0.1172), abs=5e-5)
    assert max(error, distance) < 0.15
    assert within == pytest.approx(0.9684, abs=5e-5)
    assert within >= 0.95


def test_791_measurements_from_params_alone(rows):
    shape = lts.Ladder(cache=2048 * rows.element, stored_ratio=rows.weight_bytes / rows.n_params)
    error, distance, within = score(residuals(rows, shape=shape))
    assert max(error, distance) < 0.15
    assert within >= 0.95


def test_fixed_utilisations_are_off_by_half(rows):
    chip, request = lts.Chip(3600.0, fp8=rows.peak_flops), lts.Demand(1.0, rows.in_len, rows.out_len)
    cost = lts.FixedUtilization(chip, demand=request, precision="fp8", prefill=0.355, decode=0.0254)  # the fitted ones
    logs = jnp.log(rows.out_len / cost(rows.n_params, 1.0) / rows.out_tok_s_per_chip)
    error, distance, within = score(logs)
    assert error > 0.5
    assert distance > 0.85
    assert within < 0.6


def test_constants_fitted_to_a_half_predict_the_other(rows):
    order = np.random.default_rng(0).permutation(len(rows.batch))
    first, second = (Rows(*(column[half] for column in rows)) for half in np.array_split(order, 2))
    plane = coordinates(lts.Stack, dict.fromkeys(CONSTANTS, True), fixed={}, tied={}, bounds={})
    corners = np.array(list(itertools.product((0.5, 2.0), repeat=4))) * np.array([*CONSTANTS.values()])

    def residual(stack, *row):
        return residuals(Rows(*row), stack)

    @jax.jit
    def fit(columns, corners):
        problem = Problem(residual, plane, Huber(0.1, 0.5), tuple(columns), jnp.ones(len(columns[0])))
        found = minimise(problem, corners, optimizer=None, advance=len(corners), steps=100)
        return plane.walked(near=True)(found.position), found.remaining

    stack, remaining = fit(tuple(map(jnp.asarray, first)), jnp.asarray(corners))
    error, distance, within = score(residuals(second, stack))
    assert float(remaining) < 1e-9
    assert max(error, distance) < 0.15
    assert within >= 0.95
    fitted = [float(getattr(stack, name)) for name in CONSTANTS]
    assert fitted == pytest.approx([0.395, 0.938, 64.5e-6, 0.117], rel=0.05)


# cheapest and median open host, dollars per 1e6 output tokens with 4e6 input tokens (litellm 1.109.1), and chips
MARKET = {8.03e9: (0.12, 0.14, 1), 32.76e9: (0.30, 0.70, 1), 70.55e9: (0.72, 1.32, 2), 405.8e9: (4.0, 11.0, 16)}


def test_the_cheapest_host_charges_the_optimum_and_the_median_one_a_batch_of_32():
    params = np.array([*MARKET])
    cheapest, median, chips = np.array([*MARKET.values()]).T
    h100 = eqx.tree_at(lambda chip: chip.price, lts.chip("h100"), 2.5)
    demand = lts.Demand(1e6 / 250, 1000.0, 250.0)
    optimum = np.asarray(lts.Roofline(h100, demand, "fp8")(params, 1.0))
    batch = np.asarray(lts.Roofline(h100, demand, "fp8", batch=32.0, chips=chips)(params, 1.0))
    assert optimum == pytest.approx([0.098, 0.332, 0.679, 3.686], abs=6e-4)
    assert batch == pytest.approx([0.206, 0.635, 1.385, 10.607], abs=6e-4)
    assert np.all(np.abs(optimum / cheapest - 1) < 0.19)
    assert np.all(np.abs(batch / median - 1)[1:] < 0.10)
    market, ours = (np.log(prices[-1] / prices[0]) / np.log(params[-1] / params[0]) for prices in (cheapest, optimum))
    assert (market, ours) == pytest.approx((0.89, 0.92), abs=0.005)


def test_the_elasticity_of_the_least_cost_in_params():
    cost = lts.Roofline(lts.chip("h100"), lts.Demand(1.0, 1000.0, 250.0), "fp8")
    slope = jax.jit(jax.vmap(jax.grad(lambda log_params: jnp.log(cost(jnp.exp(log_params), 1.0)))))
    slopes = slope(jnp.log(jnp.array([1e9, 1e10, 7e10, 4e11])))
    assert np.asarray(slopes) == pytest.approx([0.55, 0.83, 0.95, 0.98], abs=0.005)


def latency(stack: lts.Stack, bandwidth, **options) -> lts.Roofline:
    """One sequence, where nothing but launches and reads of the weights takes time."""
    chip = lts.Chip(0.0, bf16=1e30, memory=1e20, bandwidth=bandwidth)
    return lts.Roofline(chip, lts.Demand(1.0, 0.0, 1.0), batch=1.0, shape=lts.Ladder(cache=0.0), stack=stack, **options)


def test_the_least_latency_goes_as_the_root_of_params_and_the_cube_root_of_the_bandwidth():
    """Erdil 2025: the least over G of a sqrt(G) + W/G is 3 2^(-2/3) a^(2/3) W^(1/3), with L as N^(1/4)."""
    stack = lts.Stack(compute=1.0, bandwidth=1.0, launch=8e-6, growth=0.5)
    params, bandwidth = np.array([1e9, 1e10, 1e11]), 3.35e12

    def log_seconds(log_params, log_bandwidth):
        cost = latency(stack, jnp.exp(log_bandwidth), time_per_token=1.0)
        return cost.limits(jnp.exp(log_params), jnp.exp(log_params)).capacity  # of a limit of one second

    of_each = jax.jit(jax.vmap(jax.value_and_grad(log_seconds, (0, 1)), in_axes=(0, None)))
    logs, (in_params, in_bandwidth) = of_each(jnp.log(jnp.asarray(params)), jnp.log(bandwidth))
    a, weights = 8e-6 * 0.14 * params**0.25, 2 * params / bandwidth
    seconds = 3 * 2 ** (-2 / 3) * a ** (2 / 3) * weights ** (1 / 3)
    assert np.exp(logs) == pytest.approx(seconds, rel=1e-9)
    assert np.asarray(in_params) == pytest.approx(1 / 2, abs=1e-6)
    assert np.asarray(in_bandwidth) == pytest.approx(-1 / 3, abs=1e-6)
    best = latency(stack, bandwidth, chips=(2 * weights / a) ** (2 / 3))
    assert deployed(best, params)["seconds per token"] == pytest.approx(seconds, rel=1e-9)


def deployed(cost: lts.Roofline, params) -> dict[str, np.ndarray]:
    found = elementwise(lambda cost, params: cost.deployment(params), cost, jnp.asarray(params))
    return jax.tree.map(np.asarray, found)


def step_seconds(batch, chips, params, context, *, weight_bytes, cache_bytes, **chip) -> np.ndarray:
    """Of one step of a textbook: no launches, all of the peak and of the bandwidth, weights and cache in bytes."""
    roof = lts.Chip(0.0, **{"fp8": 1e30, "memory": 1e20} | chip)
    shape = lts.Shape(1.0, 1.0, cache_bytes, weight_bytes)
    stack = lts.Stack(compute=1.0, bandwidth=1.0, launch=0.0)
    cost = lts.Roofline(roof, lts.Demand(1.0, context, 0.0), "fp8", batch=batch, chips=chips, shape=shape, stack=stack)
    return deployed(cost, params)["seconds per token"]


def test_the_steps_of_llama_2_13b_on_eight_tpus(goldens):
    book = goldens["scaling_book_llama2_13b_v5e8"]
    weights, cache = book["weights_gb"] * 1e9 / 13e9, book["kv_gb_per_seq"] * 1e9 / 8192
    bytes_ = {"weight_bytes": weights, "cache_bytes": cache, "bandwidth": book["bw_total"] / 8}
    batch = np.array(book["batch"], float)
    seconds = step_seconds(batch, 8.0, 13e9, 8192.0, **bytes_)
    assert 1e3 * seconds == pytest.approx(book["step_ms"], abs=0.006)
    assert batch / seconds == pytest.approx(book["tok_s"], rel=3e-4)


def test_the_steps_of_a_30b_model_on_sixteen_tpus(goldens):
    """The book takes the greater of compute and reads of the weights, and we add them: at most twice as much."""
    book = goldens["scaling_book_quiz"]
    case = np.array([4.0, 256.0]), float(book["chips"]), book["N"], float(book["context"])
    read = {"cache_bytes": book["kv_bytes_per_token"], "bandwidth": book["bw"]}
    weights, peak = {"weight_bytes": float(book["weight_bytes"])}, {"fp8": book["flops"]}
    by_weights = step_seconds(*case, **read, **weights)
    by_compute = step_seconds(*case, **read, **peak, weight_bytes=0.0)
    greater = np.maximum(by_weights, by_compute)
    assert greater[0] == pytest.approx(book["step_s_batch4"], abs=1e-4)
    assert greater[1] == pytest.approx(book["step_s_batch256"], abs=5e-4)
    ours = step_seconds(*case, **read, **weights, **peak)
    assert ours / greater == pytest.approx([1.030, 1.110], abs=5e-4)


CACHES = {  # shape, tokens, and the bytes of the unit
    "llama2_13b_8192_bf16_gb": (lts.Shape(40.0, 5120.0, 40 * 2 * 5120.0), 8192.0, 1e9),
    "llama2_70b_bytes_per_token_fp16": (lts.Shape(80.0, 8192.0, 80 * 2048.0), 1.0, 1.0),
    "llama2_7b_bytes_per_token_fp16": (lts.Shape(32.0, 4096.0, 32 * 2 * 4096.0), 1.0, 1.0),
    "deepseek_v3_bytes_per_token_bf16": (lts.Shape(61.0, 7168.0, 61 * 576.0), 1.0, 1.0),
}


@pytest.mark.parametrize("name", CACHES)
def test_the_memory_that_a_cache_takes(name, goldens):
    shape, context, unit = CACHES[name]
    chip = lts.Chip(0.0, bf16=1e15, memory=1.0, bandwidth=1e12)
    stack, request, batch = lts.Stack(memory=1.0), lts.Demand(1.0, context, 0.0), np.array([1.0, 2.0])
    cost = lts.Roofline(chip, request, batch=batch, chips=1.0, shape=shape, stack=stack)
    one, two = deployed(cost, 1e9)["memory used"]  # in bytes, with the weights
    assert (two - one) / unit == pytest.approx(goldens["kv_cache"][name], rel=2e-3)
