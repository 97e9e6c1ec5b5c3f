"""Traffic over a life: the integrals against 40 digits, their derivatives, batches, and the file they may come from."""

import datetime

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jax.test_util import check_grads

from lifetimescale.traffic import ExponentialTraffic, LogisticTraffic, TrafficTable, read_traffic

EPS = np.finfo(float).eps
CURVES = {
    "flat": ExponentialTraffic(2e9, 0.0, 2.0),
    "growing": ExponentialTraffic(2e9, 1.5, 2.0),
    "falling": ExponentialTraffic(2e9, -0.7, 3.0),
    "rising": LogisticTraffic(1e8, 1e10, 3.0, 2.5),
    "steep": LogisticTraffic(1e-10, 1e10, 45.0, 2.0),
    "full": LogisticTraffic(1e10, 1e10, 3.0, 2.0),
}
TRAFFICS = CURVES | {"table": TrafficTable(jnp.array([0.25, 0.75, 2.0]), jnp.array([1e8, 0.0, 3e9]))}
curves = pytest.mark.parametrize("traffic", CURVES.values(), ids=CURVES)
traffics = pytest.mark.parametrize("traffic", TRAFFICS.values(), ids=TRAFFICS)


def mean_power(x, order):
    """The integral of t^order e^(x t) over [0, 1]: the derivative of that order of (e^x - 1)/x."""
    with mpmath.workdps(40):
        x = mpmath.mpf(x)
        if abs(x) < 2:
            return mpmath.fsum(x**n / mpmath.factorial(n) / (n + order + 1) for n in range(60))
        mean = mpmath.expm1(x) / x
        for k in range(1, order + 1):
            mean = (mpmath.exp(x) - k * mean) / x
        return mean


def exact_logistic(start, ceiling, growth, years, rate):
    with mpmath.workdps(30):
        odds = mpmath.mpf(ceiling) / mpmath.mpf(start) - 1
        return mpmath.quad(
            lambda t: ceiling / (1 + odds * mpmath.exp(-growth * t)) * mpmath.exp(-rate * t),
            mpmath.linspace(0, years, 41),
        )


def error(value, exact):
    with mpmath.workdps(40):
        return abs(float(mpmath.mpf(float(value)) / exact - 1))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_exponential_integral_and_its_derivatives_are_rounded_for_every_kappa(order):
    rng = np.random.default_rng(1)
    sizes = [10.0 ** rng.uniform(low, high, 40) for low, high in ((-12, -2), (-2, 0), (0, 0.5), (0.5, 2.84))]
    xs = np.concatenate([[0.0, 1.0, -1.0], *sizes, *(-size for size in sizes)])
    function = lambda growth: ExponentialTraffic(1.0, growth, 1.0).requests
    for _ in range(order):
        function = jax.grad(function)
    for x, value in zip(xs, jax.vmap(function)(jnp.asarray(xs)), strict=True):
        assert error(value, mean_power(x, order)) < (2, 8, 32)[order] * EPS * max(1, x), x  # measured 1.9, 3.3, 10


def test_no_net_rate_needs_no_limit():
    traffic = lambda growth: ExponentialTraffic(3.0, growth, 2.0).discounted(0.4)
    assert float(traffic(jnp.asarray(0.4))) == 6
    assert float(jax.grad(traffic)(jnp.asarray(0.4))) == pytest.approx(3 * 2**2 / 2, rel=4 * EPS)
    assert float(jax.hessian(traffic)(jnp.asarray(0.4))) == pytest.approx(3 * 2**3 / 3, rel=4 * EPS)


def test_the_exponential_integral_overflows_where_its_value_does():
    requests = lambda start, growth: float(ExponentialTraffic(start, growth, 1.0).requests)
    with mpmath.workdps(40):
        assert error(requests(1e-200, 1000.0), mpmath.mpf(1e-200) * mpmath.expm1(1000) / 1000) < 1000 * EPS
    assert requests(1e300, -1e300) == pytest.approx(1)
    assert requests(1.0, 720.0) == np.inf


@pytest.mark.parametrize(("steepness", "bound"), [(1, 1e-12), (10, 1e-12), (100, 1e-12), (150, 1e-8), (200, 1e-6)])
def test_the_logistic_integral_is_right_wherever_the_rise_is(steepness, bound):
    for middle in (0.1, 0.5, 0.93):
        start = float(1 / (1 + np.exp(steepness * middle)))
        for rate in (0.0, -3.0, 50.0):
            value = LogisticTraffic(start, 1.0, steepness, 1.0).discounted(rate)
            assert error(value, exact_logistic(start, 1, steepness, 1, rate)) < bound, (middle, rate)


def test_far_below_its_ceiling_the_logistic_is_the_exponential():
    logistic, exponential = LogisticTraffic(1.0, 1e15, 1.5, 2.0), ExponentialTraffic(1.0, 1.5, 2.0)
    assert float(logistic.discounted(0.3)) == pytest.approx(float(exponential.discounted(0.3)), rel=1e-12)
    assert float(CURVES["full"].discounted(0.3)) == pytest.approx(
        float(ExponentialTraffic(1e10, 0.0, 2.0).discounted(0.3)), rel=1e-12
    )


def test_a_fine_table_is_the_curve_and_the_error_of_months_is_the_stated_one():
    curve = ExponentialTraffic(1.0, 0.0, 1.0)
    for n in (12, 1000):
        table = TrafficTable((jnp.arange(float(n)) + 0.5) / n, jnp.full(n, 1 / n))
        assert float(curve.discounted(1.0) / table.discounted(1.0) - 1) == pytest.approx(1 / n**2 / 24, rel=1e-3)


@traffics
def test_present_value_is_the_discounted_share(traffic):
    assert float(traffic.requests) == float(traffic.discounted(0.0))
    assert float(traffic.present_value()) == float(traffic.present_value(discount=0.3, drift=0.3)) == 1
    value = float(traffic.present_value(discount=0.1, drift=-0.3))
    assert 0 < value < 1
    assert value == pytest.approx(float(traffic.discounted(0.4) / traffic.requests), rel=1e-12)
    assert float(traffic.present_value(drift=0.3)) > 1


@traffics
def test_demand_is_all_requests(traffic):
    demand = traffic.demand(prompt=1000, output=200.0)
    assert float(demand.tokens) == pytest.approx(1200 * float(traffic.requests))


@traffics
def test_derivatives_to_second_order_in_both_modes(traffic):
    leaves, structure = jax.tree.flatten(traffic)

    def scaled(rate, *factors):
        numbers = [leaf * factor for leaf, factor in zip(leaves, factors, strict=True)]
        return jnp.log(jax.tree.unflatten(structure, numbers).discounted(rate))

    check_grads(scaled, (jnp.asarray(0.2), *(jnp.ones_like(leaf) for leaf in leaves)), order=2, eps=1e-5, rtol=1e-3)


@curves
def test_shapes_broadcast_and_a_batch_is_the_loop(traffic):
    starts, rates = traffic.start * jnp.array([1.0, 0.5, 0.1]), jnp.array([[-0.5], [0.8]])
    others = jax.tree.leaves(traffic)[1:]
    batch = type(traffic)(starts, *others)
    assert batch.requests.shape == (3,)
    assert batch.present_value(discount=rates, drift=jnp.array([0.1, 0.2, 0.3])).shape == (2, 3)
    values = batch.discounted(rates)
    loop = [[type(traffic)(start, *others).discounted(rate[0]) for start in starts] for rate in rates]
    np.testing.assert_allclose(values, loop, rtol=1e-13)
    mapped = jax.jit(jax.vmap(lambda start: type(traffic)(start, *others).discounted(0.8)))(starts)
    np.testing.assert_allclose(mapped, loop[1], rtol=1e-13)


def test_a_table_takes_many_rates_and_tables_are_mapped_over():
    table, rates = TRAFFICS["table"], jnp.array([[0.0, 0.3, 1.0]])
    values = table.discounted(rates)
    assert values.shape == table.present_value(discount=rates).shape == (1, 3)
    tables = TrafficTable(jnp.stack([table.years, 2 * table.years]), jnp.stack([table.counts] * 2))
    mapped = jax.vmap(lambda traffic: traffic.discounted(0.3))(tables)
    np.testing.assert_allclose(mapped, [values[0, 1], table.discounted(0.6)], rtol=1e-14)


@traffics
def test_float32_stays_so_and_keeps_five_digits(traffic):
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), traffic)
    for value, exact in (
        (single.requests, traffic.requests),
        (single.present_value(discount=0.1, drift=-0.3), traffic.present_value(discount=0.1, drift=-0.3)),
        (single.discounted(jnp.float32(0.4)), traffic.discounted(0.4)),
    ):
        assert value.dtype == jnp.float32
        assert float(value) == pytest.approx(float(exact), rel=2e-5)


@pytest.fixture
def read(tmp_path):
    """The traffic of a CSV file of that text."""

    def read(text):
        path = tmp_path / "traffic.csv"
        path.write_text(text)
        return read_traffic(path)

    return read


@pytest.mark.parametrize(
    "rows",
    ["1,1.2M\n2,1500000\n4,3e6\n", "2025-11,1.2M\n2025-12,1.5M\n2026-02,3M\n", "4,3M\n 1 ,1.2M\n2.0,1.5M\n"],
)
def test_months_are_read_as_numbers_or_dates(read, rows):
    traffic = read("month,requests\n" + rows)
    order = np.argsort(traffic.years)
    np.testing.assert_allclose(traffic.years[order], np.array([0.5, 1.5, 3.5]) / 12)
    np.testing.assert_array_equal(traffic.counts[order], [1.2e6, 1.5e6, 3e6])


@pytest.mark.parametrize("months", [[1, 2, 4], [1.0, 2.0, 4.0], ["2026-01", "2026-02", "2026-04"]])
def test_parquet_is_read_too(tmp_path, months):
    pq.write_table(pa.table({"month": months, "requests": [5, 0, 7]}), tmp_path / "traffic.parquet")
    traffic = read_traffic(tmp_path / "traffic.parquet")
    np.testing.assert_allclose(traffic.years, np.array([0.5, 1.5, 3.5]) / 12)
    assert float(traffic.requests) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"traffic.csv is empty"),
        ("month,requests\n", r"has a header and no rows"),
        ("month,visits\n1,5\n", r"has no column 'requests': there are 'month', 'visits'"),
        ("Month,requests\n1,5\n", r"has no column 'month': did you mean 'Month'\?"),
        ("month,requests\n1,5\n\n2,-3\n", r"row 2 \(line 4\), column 'requests': '-3' is no number of requests: "),
        ("month,requests\n1,\n", r"row 1 \(line 2\), column 'requests': '' is no number of requests"),
        ("month,requests\n1,many\n2,nan\n", r"row 1 .*'many' is no number of requests: give 0 or more; 1 more row"),
        ("month,requests\n1,inf\n", r"'inf' is no number of requests"),
        ("month,requests\n1,5\n2,5\n1,6\n", r"row 3 \(line 4\), column 'month': '1' is there already: give each month"),
        ("month,requests\n2026-01,5\n2026-01,6\n", r"row 2 .*'2026-01' is there already"),
        ("month,requests\n2026-03,5\n2026-01,6\n", r"row 2 .*'2026-01' is before the first row's month: begin with"),
        ("month,requests\n2026-01,5\n2,6\n", r"row 2 .*'2' is no date like the first: write it like 2026-01"),
        ("month,requests\n1,5\n2026-02,6\n", r"row 2 .*'2026-02' is no month: count 1, 2, 3 to 1200, or write all"),
        ("month,requests\n2026-13,5\n", r"'2026-13' is no month"),
        ("month,requests\n0,5\n", r"'0' is no month"),
        ("month,requests\n1.5,5\n", r"'1.5' is no month"),
        ("month,requests\n202601,5\n", r"'202601' is no month"),
        ("month,requests\n1,0\n2,0\n", r"has no requests, all months are 0: give one month some"),
        ("month,requests\n1,1,200\n", r"it has 3 cells, but the header has 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_one_sentence(read, text, message):
    with pytest.raises(ValueError, match=message) as failure:
        read(text)
    assert "\n" not in str(failure.value)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ValueError, match=r"does not exist: give the path"):
        read_traffic(tmp_path / "none.csv")


def test_days_of_a_parquet_file_are_no_months(tmp_path):
    days = pa.table({"month": [datetime.date(2026, 1, 1)], "requests": [5]})
    pq.write_table(days, tmp_path / "traffic.parquet")
    with pytest.raises(ValueError, match=r"'2026-01-01' is no month: .* write all like 2026-01"):
        read_traffic(tmp_path / "traffic.parquet")
