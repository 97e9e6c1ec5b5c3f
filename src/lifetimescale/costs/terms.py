"""The costs themselves: FLOPs, dollars at fixed utilisations, and monomials for everything else."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.costs.base import AbstractCost, Rates
from lifetimescale.costs.chip import Chip, Demand
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import power

TRAINING_FLOPS = 6.0  # per parameter and token: 2 forward, 4 backward (Kaplan et al. 2020, section 2.1)
SERVING_FLOPS = 2.0  # per parameter and token: forward alone
SECONDS_PER_HOUR = 3600.0


class Flops(AbstractCost):
    """C = 6 N D + 2 N D_inf, in FLOP.

    Equations 2 and 3 of Sardana et al. 2024 (arXiv:2401.00448).

    Args:
        inference_tokens: D_inf >= 0, prompt and output tokens served over the lifetime.
    """

    inference_tokens: Leaf = eqx.field(converter=inexact)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return TRAINING_FLOPS * params * tokens

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return SERVING_FLOPS * params * self.inference_tokens

    @property
    def is_linear(self) -> bool:
        return True

    def rates(self) -> Rates:
        return Rates(jnp.full_like(self.inference_tokens, TRAINING_FLOPS), SERVING_FLOPS * self.inference_tokens)

    def served_tokens(self) -> Scalar:
        return self.inference_tokens

    def valid(self) -> Bool[Array, ""]:
        return _not_negative(self.inference_tokens)

    @property
    def unit(self) -> str:
        return "FLOP"


class Training(AbstractCost):
    """C = 6 N D p/(3600 F u), in dollars: every training FLOP at a fixed utilisation.

    Equations 4 to 6 of Sardana et al. 2024 (arXiv:2401.00448), section 5.

    Args:
        chip: what it is trained on, at p dollars per hour.
        mfu: u, model FLOPs utilisation, in (0, 1].
        precision: resolves to the chip's dense peak F.
    """

    price: Leaf
    peak: Leaf
    mfu: Leaf

    def __init__(self, chip: Chip, mfu: ArrayLike = 0.5, precision: str = "bf16"):
        self.price, self.peak, self.mfu = chip.price, chip.peak(precision), inexact(mfu)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.rates().training * params * tokens

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    @property
    def is_linear(self) -> bool:
        return True

    def rates(self) -> Rates:
        rate = TRAINING_FLOPS * self.price / (SECONDS_PER_HOUR * self.peak * self.mfu)
        return Rates(rate, jnp.zeros_like(rate))

    def served_tokens(self) -> Scalar:
        return jnp.zeros_like(self.price)

    def valid(self) -> Bool[Array, ""]:
        return _not_negative(self.price) & _positive(self.peak) & _positive(self.mfu)

    @property
    def unit(self) -> str:
        return "USD"


class FixedUtilization(AbstractCost):
    """C = 2 N R p/(3600 F) (i/u_i + o/u_o), in dollars: prefill and decode each at a fixed utilisation.

    Equations 4 to 6 of Sardana et al. 2024 (arXiv:2401.00448), section 5; its settings are the defaults.

    Args:
        chip: what it is served on, at p dollars per hour.
        precision: resolves to the chip's dense peak F.
        demand: R requests of i prompt and o output tokens.
        prefill: u_i, utilisation on the prompt, in (0, 1].
        decode: u_o, utilisation on the output, in (0, 1].
    """

    price: Leaf
    peak: Leaf
    demand: Demand
    prefill: Leaf
    decode: Leaf

    def __init__(
        self,
        chip: Chip,
        *,
        demand: Demand,
        precision: str = "bf16",
        prefill: ArrayLike = 0.5,
        decode: ArrayLike = 0.01,
    ):
        self.price, self.peak, self.demand = chip.price, chip.peak(precision), demand
        self.prefill, self.decode = inexact(prefill), inexact(decode)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.rates().serving * params

    @property
    def is_linear(self) -> bool:
        return True

    def rates(self) -> Rates:
        demand = self.demand
        effective = demand.requests * (demand.prompt / self.prefill + demand.output / self.decode)
        rate = SERVING_FLOPS * effective * self.price / (SECONDS_PER_HOUR * self.peak)
        return Rates(jnp.zeros_like(rate), rate)

    def served_tokens(self) -> Scalar:
        return self.demand.tokens

    def valid(self) -> Bool[Array, ""]:
        demand = self.demand
        asked = _not_negative(demand.requests) & _not_negative(demand.prompt) & _not_negative(demand.output)
        used = _positive(self.prefill) & _positive(self.decode)
        return _not_negative(self.price) & _positive(self.peak) & asked & used

    @property
    def unit(self) -> str:
        return "USD"


class Monomial(AbstractCost):
    """C = k N^a D^b, spent on training or on serving: data, fine-tuning, a teacher, an API, storage, a fixed sum.

    Args:
        coefficient: k >= 0, in `unit`.
        params_power: a, of either sign.
        tokens_power: b >= 0.
        phase: "training" or "serving", where the cost is booked.
        unit: the unit of k.

    Raises:
        ValueError: the phase is neither.
    """

    coefficient: Leaf = eqx.field(converter=inexact)
    params_power: Leaf = eqx.field(converter=inexact)
    tokens_power: Leaf = eqx.field(converter=inexact)
    phase: str = eqx.field(static=True, kw_only=True, default="training")
    unit: str = eqx.field(static=True, kw_only=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def __check_init__(self):
        if self.phase not in ("training", "serving"):
            raise ValueError(f'no phase {self.phase!r}: a cost is spent on "training" or on "serving"')

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._spent(params, tokens) if self.phase == "training" else 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._spent(params, tokens) if self.phase == "serving" else 0 * params

    def _spent(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.coefficient * power(params, self.params_power) * power(tokens, self.tokens_power)

    @property
    def is_linear(self) -> bool:
        return False

    def rates(self) -> Rates:
        raise ValueError('a monomial is not of the form N (k_t D + k_i): use method="general", or leave method out')

    def served_tokens(self) -> Scalar:
        return jnp.zeros_like(self.coefficient)

    def valid(self) -> Bool[Array, ""]:
        powers = jnp.isfinite(self.params_power) & _not_negative(self.tokens_power)
        return _not_negative(self.coefficient) & powers


def _positive(x: Scalar) -> Bool[Array, ""]:
    return (x > 0) & jnp.isfinite(x)


def _not_negative(x: Scalar) -> Bool[Array, ""]:
    return (x >= 0) & jnp.isfinite(x)
