"""Scenarios: axes, tables and draws by their words, and their division into boxes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import lifetimescale as lts
from lifetimescale.scenarios import Boxes
from lifetimescale.scenarios.distributions import parse_distribution

DISTRIBUTIONS = {
    "uniform": (lts.Uniform(0.05, 0.4), scipy.stats.uniform(0.05, 0.35)),
    "loguniform": (lts.LogUniform(1e9, 1e15), scipy.stats.loguniform(1e9, 1e15)),
    "lognormal": (lts.LogNormal(2e12, 3.0), scipy.stats.lognorm(np.log(3), scale=2e12)),
}


def columns(scenarios: lts.Scenarios, start: int = 0, stop: int | None = None) -> dict[str, np.ndarray]:
    """The columns of the first block."""
    block = scenarios.blocks[0]
    found = compiled(block)(block.rows(start, stop or block.size))
    return {name: np.asarray(column) for name, column in found.items()}


@functools.cache
def compiled(block):
    return jax.jit(block.columns)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("1.8:2.6:5", np.linspace(1.8, 2.6, 5)),
        ("1B:1Q:7:log", np.geomspace(1e9, 1e15, 7)),
        ("5%:40%:8:linear", np.linspace(0.05, 0.4, 8)),
        ("2T:2T:1", [2e12]),
        ([1, "2T", "50%", 3e9], [1, 2e12, 0.5, 3e9]),
        (np.arange(3), [0.0, 1.0, 2.0]),
        (jnp.arange(3.0), [0.0, 1.0, 2.0]),
    ],
)
def test_axes(given_, expected):
    np.testing.assert_allclose(columns(lts.grid({"x": given_}))["x"], expected, rtol=1e-15)


def test_shapes():
    axes, rows = lts.grid({"loss": "1.8:2.6:5", "demand": [1, 2]}), lts.table({"a": [1, 2, 3], "b": [4, 5, 6]})
    drawn = lts.draws({"u": lts.Uniform(0, 1)}, 11)
    product = axes * rows * drawn
    assert product.names == ("loss", "demand", "a", "b", "u")
    assert product.dimensions == ("loss", "demand", "row", "draw")
    assert (product.shape, product.size) == ((5, 2, 3, 11), 330)
    assert (lts.grid({"x": f"0:1:{10**5}"}) * lts.grid({"y": f"0:1:{10**6}"})).size == 10**11


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: lts.grid({}), "there are no axes"),
        (lambda: lts.grid({"x": []}), "x: give one value or more"),
        (lambda: lts.grid({"x": np.ones((2, 2))}), r"x: give one value or more in a flat list, not an array of shape"),
        (lambda: lts.grid({"x": "1:2"}), "x: '1:2' is no axis: write it like 1.8:2.6:500"),
        (lambda: lts.grid({"x": "1:2:3:cubic"}), "is no axis"),
        (lambda: lts.grid({"x": "1:2:0"}), "has 0 values: give a whole number"),
        (lambda: lts.grid({"x": "1:2:2.5"}), "has 2.5 values"),
        (lambda: lts.grid({"x": "0:2:3:log"}), "logarithm of 0 or of less"),
        (lambda: lts.grid({"x": "a:2:3"}), "'a' is not a number"),
        (lambda: lts.grid({"x": [1, "2X"]}), "unknown unit 'X'"),
        (lambda: lts.grid({"x": [[1], [1, 2]]}), "are not all numbers"),
        (lambda: lts.table({}), "there are no columns"),
        (lambda: lts.table({"a": [1, 2], "b": [1]}), "these have a 2, b 1"),
        (lambda: lts.grid({"x": [1]}) * lts.grid({"x": [2]}), "two dimensions are named 'x'"),
        (lambda: lts.grid({"x": [1]}) * lts.table({"x": [2]}), "two columns are named 'x'"),
        (lambda: lts.draws({}, 3), "there are no distributions"),
        (lambda: lts.draws({"u": "uniform:0:1"}, 0), "0 draws are out of range"),
        (lambda: lts.draws({"u": "uniform:0:1"}, 2**31 + 1), "multiply by a grid or draws for more"),
        (lambda: lts.draws({"u": "uniform:0:1"}, 3, method="halton"), "no method 'halton'"),
        (lambda: lts.draws({"u": "uniform:0:1"}, 3, seed=-1), "seed -1 is out of range"),
        (lambda: lts.draws({"u": "normal:0:1"}, 3), "u: 'normal:0:1' is no distribution"),
        (lambda: lts.draws({"u": "lognormal:2T"}, 3), "is no distribution"),
        (lambda: lts.draws({"u": "lognormal:0:3x"}, 3), "logarithm of 0 or of less"),
        (lambda: lts.draws({"u": "loguniform:1:-1"}, 3), "logarithm of 0 or of less"),
        (lambda: lts.draws({"u": "lognormal:2T:0.5x"}, 3), "spread below 1"),
        (lambda: lts.draws({"u": 3}, 3), "u: 3 is no distribution"),
        (lambda: lts.draws({"u": "uniform:0:1"}, 2.5), "2.5 draws are out of range"),
        (lambda: lts.LogUniform(-1, 2), "logarithm of 0 or of less"),
        (lambda: lts.LogNormal(1, -2), "spread below 1"),
        (lambda: lts.Uniform(np.nan, 1), "no such numbers"),
        (lambda: lts.grid({"x": "1:2:1e14"}), "has 1e14 values: give a whole number from 1 to 1e8"),
    ],
)
def test_what_is_wrong_is_said(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_distributions_are_scipys(kind):
    ours, scipys = DISTRIBUTIONS[kind]
    share = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 101), [1e-9, 1 - 1e-9]])
    np.testing.assert_allclose(jax.jit(ours.quantile)(jnp.asarray(share)), scipys.ppf(share), rtol=1e-12)


def test_distributions_in_words():
    assert parse_distribution("uniform:5%:40%") == lts.Uniform(0.05, 0.4)
    assert parse_distribution("loguniform: 1B : 1Q") == lts.LogUniform(1e9, 1e15)
    assert parse_distribution("lognormal:2T:3x") == parse_distribution("lognormal:2e12:3") == lts.LogNormal(2e12, 3.0)


@pytest.mark.parametrize("rows", [1, 2, 3, 1000, 4096])
def test_sobol_points_are_scipys(rows):
    sobol = columns(lts.draws(dict.fromkeys("abc", lts.Uniform(0.0, 1.0)), rows, seed=3, method="sobol"))
    sequence = scipy.stats.qmc.Sobol(3, scramble=True, bits=32, rng=np.random.default_rng(3))
    points = sequence.random(1 << (rows - 1).bit_length())[:rows]
    np.testing.assert_allclose(np.transpose([*sobol.values()]), points, rtol=0, atol=2**-32)


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_draws_are_those_of_their_distributions(method):
    named = {kind: ours for kind, (ours, _) in DISTRIBUTIONS.items()}
    drawn = columns(lts.draws(named, 2**16, seed=7, method=method))
    for kind, (_, scipys) in DISTRIBUTIONS.items():
        assert scipy.stats.kstest(drawn[kind], scipys.cdf).pvalue > 0.01
    ranks = np.corrcoef([scipy.stats.rankdata(column) for column in drawn.values()])
    assert np.abs(ranks - np.eye(3)).max() < 0.02


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_draws_follow_from_the_seed_and_the_row_alone(method):
    named = {"a": lts.Uniform(0, 1), "b": lts.LogNormal(1e12, 3.0), "c": lts.Uniform(0, 1)}
    whole = columns(lts.draws(named, 1000, seed=1, method=method))
    scenarios = lts.draws(named, 1000, seed=1, method=method)
    parts = [columns(scenarios, start, start + 8) for start in range(0, 1000, 8)]
    for name in named:
        np.testing.assert_array_equal(whole[name], np.concatenate([part[name] for part in parts]))
    other = columns(lts.draws(named, 1000, seed=2, method=method))
    assert not np.intersect1d(whole["a"], other["a"]).size
    assert not np.intersect1d(whole["a"], whole["c"]).size


def test_draws_in_float32_are_finite_and_the_same():
    scenarios = lts.draws({"u": lts.Uniform(0, 1), "z": lts.LogNormal(1.0, 3.0)}, 2**16, seed=5)
    double = columns(scenarios)
    with jax.enable_x64(False):
        single = columns(scenarios)
    assert single["z"].dtype == np.float32
    assert np.isfinite(single["z"]).all()
    np.testing.assert_allclose(single["u"], double["u"], atol=1e-7)
    np.testing.assert_allclose(single["z"], double["z"], rtol=2e-3)  # float32 leaves 24 bits of a share near 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 300))
@settings(deadline=None, max_examples=200)
def test_boxes_divide_the_scenarios(shape, most):
    boxes = Boxes(tuple(shape), most)
    numbers = np.arange(np.prod(shape)).reshape(shape)
    seen = []
    for index in range(boxes.count):
        box = numbers[boxes[index]].reshape(-1)
        rows = boxes.rows(index)
        np.testing.assert_array_equal(box, np.arange(rows.start, rows.stop))  # consecutive
        seen.append(box)
    np.testing.assert_array_equal(np.concatenate(seen), numbers.reshape(-1))  # every one once, in order
    size = np.prod(boxes.box)
    assert size <= most
    assert boxes.count == 1 or size > most / 3


def test_boxes_of_more_scenarios_than_32_bits_count():
    boxes = Boxes((10**5, 10**6, 10), 2**20)
    assert boxes.box == (1, 10**5, 10)
    assert boxes.count == 10**6
    last = boxes.rows(boxes.count - 1)
    assert (last.start, last.stop) == (10**12 - 10**6, 10**12)
