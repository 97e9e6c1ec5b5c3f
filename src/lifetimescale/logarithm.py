"""Logarithms and powers that XLA can vectorise on a CPU.

XLA calls the scalar C library for `log1p` and `pow` in float64 on CPUs: 1.6 to 4.8 ns and 4.4 ns an element on two
cores, where `exp` takes 0.3 ns, and a plan needs five logarithms. The ones below take 0.5 ns, with errors of at most
two units in the last place (test_logarithm); XLA's own are used where they are as fast, in float32 and elsewhere.

Both write x = 2^k f with f in [sqrt(1/2), sqrt(2)). One sums log1p(f - 1) by a polynomial, the other by a division and
a shorter series; XLA ends a fused loop at a division that is used twice, and of the eight ways to choose between the
two forms this one made the fastest plan (12 to 19 ms a million).
"""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lifetimescale.leaves import Scalar


class _Format(NamedTuple):
    """One floating format: its bits, log 2 in two parts, and a series long enough for it."""

    float_type: Any
    int_type: Any
    mantissa_bits: int
    sqrt_half: int  # the bits of sqrt(1/2)
    ln2_high: float  # so few bits that times any exponent it is exact
    ln2_low: float
    atanh: tuple[float, ...]  # 2 atanh(t)/t - 2 over t^2 for |t| < 0.172


_DOUBLE = _Format(
    jnp.float64,
    jnp.int64,
    52,
    np.sqrt(0.5).view(np.int64).item(),
    float.fromhex("0x1.62e42fefa3800p-1"),
    float.fromhex("0x1.ef35793c76730p-45"),
    tuple(2 / (2 * n + 1) for n in range(1, 11)),  # the next term is 1e-17
)
_SINGLE = _Format(
    jnp.float32,
    jnp.int32,
    23,
    np.sqrt(np.float32(0.5)).view(np.int32).item(),
    0.693359375,
    -2.12194440e-4,
    tuple(2 / (2 * n + 1) for n in range(1, 5)),  # the next term is 4e-9
)
# (log1p(r)/r - 1)/r for r in [sqrt(1/2) - 1, sqrt(2) - 1], log1p(r)/r interpolated at 20 Chebyshev nodes: within 6e-17.
_LOG1P = (
    -0.4999999999999992, 0.3333333333332591, -0.25000000000033595, 0.20000000002056925, -0.1666666666349147,
    0.14285714065198032, -0.12499999996813993, 0.11111122928547465, -0.10000012799803608, 0.09090558863565067,
    -0.0833264971300386, 0.0769813905960958, -0.0715930776300252, 0.06616916103729839, -0.06044932248651876,
    0.0600236262459681, -0.06793484925253536, 0.0624974432991521, -0.027579154885274428,
)  # fmt: skip


@jax.custom_jvp
def log(x: Scalar) -> Scalar:
    """The natural logarithm. Subnormal numbers count as zero."""
    if x.dtype != jnp.float64:
        return jnp.log(x)
    return jax.lax.platform_dependent(x, cpu=_log_cpu, default=jnp.log)


@jax.custom_jvp
def log1p(x: Scalar) -> Scalar:
    """log(1 + x) for x > -1, without loss of digits near 0."""
    return jax.lax.platform_dependent(x, cpu=_log1p_cpu, default=jnp.log1p)


def power(x: Scalar, exponent: Scalar) -> Scalar:
    """x^exponent for x > 0, to |exponent log x| units in the last place."""
    return jnp.exp(exponent * log(x))


@jax.custom_jvp
def softplus(x: Scalar) -> Scalar:
    """log(1 + exp(x)), without overflow and without loss of digits."""
    return jnp.maximum(x, 0) + log1p(jnp.exp(-jnp.abs(x)))


@log.defjvp
def _log_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log(x), dx / x


@log1p.defjvp
def _log1p_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log1p(x), dx / (1 + x)


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return softplus(x), jax.nn.sigmoid(x) * dx


def _log_cpu(x):
    k, f = _split(_DOUBLE, x)
    r = f - 1
    return _special(x, k * _DOUBLE.ln2_high + (r + (r * r * _polynomial(_LOG1P, r) + k * _DOUBLE.ln2_low)))


def _log1p_cpu(x):
    form = _DOUBLE if x.dtype == jnp.float64 else _SINGLE
    k, f = _split(form, 1 + x)
    # Where k = 0, f - 1 is x itself, with all its digits; elsewhere what 1 + x lost is under one unit of the result.
    t = jnp.where(k == 0, x, f - 1) / (f + 1)
    square = t * t
    tail = t * (square * _polynomial(form.atanh, square)) + k * form.ln2_low
    return _special(1 + x, k * form.ln2_high + (2 * t + tail))


def _polynomial(coefficients, x):
    """The sum of coefficients times powers of x, by pairs (Estrin): a quarter faster than Horner's chain in a plan."""
    terms = list(coefficients)
    while len(terms) > 1:
        pairs = [low + high * x for low, high in itertools.pairwise([*terms, 0.0])][::2]
        terms, x = pairs, x * x
    return terms[0]


def _split(form: _Format, x):
    """The k and f of x = 2^k f."""
    bits = jax.lax.bitcast_convert_type(x, form.int_type) - form.sqrt_half
    mantissa = (bits & ((1 << form.mantissa_bits) - 1)) + form.sqrt_half
    f = jax.lax.bitcast_convert_type(mantissa, form.float_type)
    return (bits >> form.mantissa_bits).astype(form.float_type), f


def _special(x, normal):
    zero_or_less = jnp.where(x >= 0, -jnp.inf, jnp.nan)
    return jnp.where(x < jnp.inf, jnp.where(x >= jnp.finfo(x.dtype).tiny, normal, zero_or_less), x)
