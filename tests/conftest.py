"""Stricter than users are: no implicit promotion of types or ranks, every annotation checked, 8 CPU devices."""

import pathlib

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

DATA = pathlib.Path(__file__).parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        skip = pytest.mark.skip(reason="the real observations of ../shared are not here")
        for item in items:
            if item.get_closest_marker("needs_data"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _namespace(doctest_namespace: dict[str, object]) -> None:
    import jax.numpy as jnp

    import lifetimescale as lts

    doctest_namespace |= {"jnp": jnp, "lts": lts}


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of the real observations."""
    return DATA
