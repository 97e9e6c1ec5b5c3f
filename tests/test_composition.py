"""Plans inside other people's JAX: transformations, optimisers, shardings; and no compilation for a new value."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from problems import problems

import lifetimescale as lts


@pytest.fixture(scope="module")
def law():
    return lts.law("chinchilla")


def test_leaves_broadcast_against_each_other(law):
    demand, loss = jnp.logspace(9, 14, 5), jnp.asarray([[1.9], [2.0], [2.2]])
    grid = lts.plan(law, lts.Flops(demand), loss=loss)
    assert grid.params.shape == grid.loss.shape == grid.training.shape == grid.saving.shape == (3, 5)
    for row in range(3):
        for column in range(5):
            one = lts.plan(law, lts.Flops(demand[column]), loss=loss[row, 0])
            assert float(grid.params[row, column]) == pytest.approx(float(one.params), rel=1e-14)


def test_a_batch_of_laws_and_of_chips(law):
    laws = jax.tree.map(lambda *x: jnp.stack(x), law, lts.law("besiroglu2024_printed"))
    both = lts.plan(laws, lts.Flops(2e12), loss=2.05)
    assert float(both.params[1]) == float(lts.plan(lts.law("besiroglu2024_printed"), lts.Flops(2e12), loss=2.05).params)
    chips = jax.tree.map(lambda *x: jnp.stack(x), lts.chip("a100-80gb"), lts.chip("h100"))
    trained = lts.plan(law, lts.Training(chips, mfu=0.5), loss=2.0)
    assert trained.total.shape == (2,)


def test_vmap_is_the_loop_is_the_batch():
    batch = problems("everyday", 16)
    whole = lts.plan(batch.law, batch.cost, loss=batch.loss)
    axes = (jax.tree.map(lambda x: 0 if x.ndim else None, batch.law), 0, 0)
    mapped = jax.vmap(lambda law, d, loss: lts.plan(law, lts.Flops(d), loss=loss), axes)
    assert np.allclose(mapped(batch.law, batch.demand, batch.loss).params, whole.params, rtol=1e-14, atol=0)


def test_scan(law):
    def year(demand, growth):
        best = lts.plan(law, lts.Flops(demand), loss=2.0)
        return demand * growth, best.params

    _, sizes = jax.lax.scan(year, jnp.asarray(1e12), jnp.asarray([2.0, 2.0, 2.0]))
    assert (np.diff(sizes) < 0).all()


def test_equinox_filtered_gradient(law):
    gradient = eqx.filter_grad(lambda law: lts.plan(law, lts.Flops(2e12), loss=2.0).total)(law)
    assert isinstance(gradient, lts.Chinchilla)
    assert all(float(getattr(gradient, name)) != 0 for name in ("E", "A", "B", "alpha", "beta"))


def test_an_optax_loop_through_plan(law):
    """Which loss is best where every nat above the floor costs its users a given sum?"""
    worth = 1e24

    def objective(log_loss):
        loss = 1.69 + jnp.exp(log_loss)
        return lts.plan(law, lts.Flops(2e12), loss=loss).total / worth + loss

    optimizer, x = optax.adam(0.1), jnp.asarray(-1.0)
    state = optimizer.init(x)
    gradient = jax.jit(jax.grad(objective))
    with jax.numpy_dtype_promotion("standard"):  # optax multiplies integers and floats
        for _ in range(150):
            updates, state = optimizer.update(gradient(x), state)
            x = optax.apply_updates(x, updates)
    assert abs(float(gradient(x))) < 1e-3


def test_sharded_over_eight_devices():
    batch = problems("everyday", 1024)
    mesh = jax.make_mesh((8,), ("scenarios",), axis_types=(jax.sharding.AxisType.Auto,))
    shard = NamedSharding(mesh, PartitionSpec("scenarios"))
    law, demand, loss = jax.tree.map(
        lambda x: jax.device_put(x, shard) if x.ndim else x, (batch.law, batch.demand, batch.loss)
    )
    sharded = lts.plan(law, lts.Flops(demand), loss=loss)
    assert len(sharded.params.sharding.device_set) == 8
    assert np.array_equal(sharded.params, lts.plan(batch.law, batch.cost, loss=batch.loss).params)


class Counted(lts.AbstractLaw):
    """A law that counts how often it is traced."""

    exponent: lts.Leaf = eqx.field(converter=lts.inexact)
    traces = 0

    def loss(self, params, tokens):
        type(self).traces += 1
        return 1.5 + (1e7 / params) ** self.exponent + (1e8 / tokens) ** self.exponent


def test_new_values_do_not_retrace():
    first = lts.plan(Counted(0.3), lts.Flops(1e12), loss=2.0)
    traces = Counted.traces
    assert traces > 0
    second = lts.plan(Counted(0.35), lts.Flops(3e13), loss=1.9)
    assert Counted.traces == traces
    assert float(first.params) != float(second.params)


def test_float32_in_a_float64_session_stays_float32(law):
    best = lts.plan(law, lts.Flops(jnp.asarray([1e12], jnp.float32)), loss=2.0)
    assert best.params.dtype == jnp.float32


def test_integers_are_numbers(law):
    assert float(lts.plan(law, lts.Flops(2 * 10**12), loss=2).params) == float(
        lts.plan(law, lts.Flops(2e12), loss=2.0).params
    )


def test_text_is_refused_with_advice():
    with pytest.raises(TypeError, match="turn text into numbers first"):
        lts.inexact(np.asarray("2T"))
