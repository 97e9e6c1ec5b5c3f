"""Scenarios drawn from distributions: each row follows from the seed and its own number, however rows are divided."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry2x32_p
from jaxtyping import Array, Float, UInt32

from lifetimescale.scenarios.blocks import AbstractBlock
from lifetimescale.scenarios.distributions import AbstractDistribution, as_distributions, check_seed
from lifetimescale.scenarios.product import Scenarios
from lifetimescale.units import is_whole

BITS = 32  # of a draw: shares are the middles of 2^32 equal parts
MOST_ROWS = 2**31
METHODS = ("random", "sobol")


@dataclasses.dataclass(frozen=True, eq=False)
class Draws(AbstractBlock):
    """Rows drawn together, one number of each distribution."""

    distributions: Mapping[str, AbstractDistribution]
    size: int
    seed: int
    method: str
    dimension: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.distributions)

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.arange(start, stop, dtype=np.uint32)

    def columns(self, rows: Any) -> dict[str, jax.Array]:
        rows = jnp.asarray(rows)
        bits = self._sobol(rows) if self.method == "sobol" else self._random(rows)
        columns = zip(self.distributions.items(), bits, strict=True)
        return {name: distribution.quantile(_share(column)) for (name, distribution), column in columns}

    def describe(self) -> dict[str, Any]:
        columns = {name: _described(distribution) for name, distribution in self.distributions.items()}
        drawn = {"method": self.method, "seed": self.seed}
        return {"dimension": self.dimension, "rows": self.size, "columns": columns} | drawn

    def _random(self, rows: UInt32[Array, " rows"]) -> list[UInt32[Array, " rows"]]:
        """Threefry of the row's number (Salmon et al. 2011), with a key for every two columns."""
        columns = []
        for pair in range((len(self.names) + 1) // 2):
            key = jax.random.key_data(jax.random.fold_in(jax.random.key(self.seed, impl="threefry2x32"), pair))
            first, second = (jnp.broadcast_to(half, rows.shape) for half in key)
            columns += threefry2x32_p.bind(first, second, rows, jnp.zeros_like(rows))
        return columns[: len(self.names)]

    def _sobol(self, rows: UInt32[Array, " rows"]) -> list[UInt32[Array, " rows"]]:
        """x_i = x_0 xor, over the bits k of the Gray code of i, v_k (Antonov and Saleev 1979)."""
        gray = rows ^ (rows >> 1)
        first, directions = _directions(len(self.names), self.seed, self.size)
        columns = []
        for start, numbers in zip(first, directions, strict=True):
            bits = jnp.full_like(gray, start)
            for place, number in enumerate(numbers):
                bits = bits ^ ((gray >> place & 1) * jnp.uint32(number))
            columns.append(bits)
        return columns


def draws(
    distributions: Mapping[str, Any],
    rows: float | int,
    *,
    seed: float | int = 0,
    method: str = "random",
    dimension: str = "draw",
) -> Scenarios:
    """Scenarios drawn from independent distributions.

    Args:
        distributions: of each column, `Uniform`, `LogUniform` or `LogNormal`, or in words like "lognormal:2T:3x".
        rows: how many to draw, up to 2^31; for more, multiply by a grid or by other draws.
        seed: the same seed gives the same rows, on any machine and in any division.
        method: "random", or "sobol" for the points of a scrambled Sobol sequence (SciPy's), which fill the space more
            evenly; best with a power of two of them.
        dimension: a name for the rows.

    Raises:
        ValueError: there are no distributions, or the rows, the method or a distribution cannot be.

    >>> draws({"decode": "uniform:5%:40%", "requests": "lognormal:1e10:3x"}, 1024, method="sobol").shape
    (1024,)
    """
    given = as_distributions(distributions)
    if not is_whole(rows) or not 1 <= rows <= MOST_ROWS:
        raise ValueError(f"{rows} draws are out of range: give 1 to 2^31, and multiply by a grid or draws for more")
    if method not in METHODS:
        raise ValueError(f'no method {method!r}: choose "random" or "sobol"')
    check_seed(seed)
    return Scenarios((Draws(given, int(rows), int(seed), method, dimension),))


def _described(distribution: AbstractDistribution) -> str:
    """In words that are the same in every process; what one's own class computes stands in the compiled program."""
    return repr(distribution) if dataclasses.is_dataclass(distribution) else type(distribution).__name__


def _share(bits: UInt32[Array, " rows"]) -> Float[Array, " rows"]:
    """The middle of the part of (0, 1) that the bits number; in float32 it may round to 1, which is kept out."""
    share = (bits.astype(float) + 0.5) * 2.0**-BITS
    return jnp.minimum(share, 1 - jnp.finfo(share.dtype).epsneg)


@functools.lru_cache(maxsize=8)
def _directions(columns: int, seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The first point, and the direction numbers, of SciPy's scrambled sequence.

    Point 2^(k+1) - 1 has the Gray code 2^k, so it is the first point xor the k-th direction number.
    """
    from scipy.stats import qmc

    sequence = qmc.Sobol(columns, scramble=True, bits=BITS, rng=np.random.default_rng(seed))
    first = _bits(sequence)
    found = []
    for place in range((rows - 1).bit_length()):
        sequence.fast_forward(2 ** (place + 1) - 1 - sequence.num_generated)
        found.append(_bits(sequence) ^ first)
    return first, np.asarray(found, dtype=np.uint32).reshape(-1, columns).T


def _bits(sequence: Any) -> np.ndarray:
    return (sequence.random(1)[0] * 2**BITS).astype(np.uint32)
