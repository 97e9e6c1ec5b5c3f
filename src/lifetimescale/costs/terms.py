"""The costs themselves: FLOPs, dollars at fixed utilisations, and monomials for everything else."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.costs.base import AbstractCost, Curvature, Limits, Rates
from lifetimescale.costs.chip import Chip, Demand
from lifetimescale.costs.domain import check_phase, not_negative, positive
from lifetimescale.costs.shape import AbstractShape, Ladder
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.logarithm import log, power

TRAINING_FLOPS = 6.0  # per parameter and token: 2 forward, 4 backward (Kaplan et al. 2020, section 2.1)
SERVING_FLOPS = 2.0  # per parameter and token: forward alone
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86400.0


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
    def curvature(self) -> Curvature:
        return Curvature.LOG_CONVEX

    @property
    def is_linear(self) -> bool:
        return True

    def rates(self) -> Rates:
        return Rates(jnp.full_like(self.inference_tokens, TRAINING_FLOPS), SERVING_FLOPS * self.inference_tokens)

    def served_tokens(self) -> Scalar:
        return self.inference_tokens

    def valid(self) -> Bool[Array, ""]:
        return not_negative(self.inference_tokens)

    @property
    def unit(self) -> str:
        return "FLOP"


class Training(AbstractCost):
    """C = (6 N + 12 L d T) D (1 + r/3) p/(3600 F u g), in dollars: every training FLOP at a fixed utilisation.

    Without context, recomputation and failures it is 6 N D p/(3600 F u): equations 4 to 6 of Sardana et al. 2024
    (arXiv:2401.00448), section 5. Attention counts all of T^2, as utilisations are published (PaLM, appendix B).
    Research runs before the final one are a factor on it: `5 * Training(...)`. A deadline is honoured by every plan:
    the chips that there are must train it in the days that there are.

    Args:
        chip: what it is trained on, at p dollars per hour.
        mfu: u, model FLOPs utilisation, in (0, 1]; of the recomputed FLOPs too where they are counted.
        precision: resolves to the chip's dense peak F.
        context: T, tokens of a training sequence; None leaves attention out.
        shape: L and d of a model of N parameters.
        recomputation: r, the share of the forward pass that the backward pass computes again; 1 with every activation
            checkpointed.
        goodput: g, the share of the time that failures and restarts leave, in (0, 1].
        chips: how many there are, for `days`.
        days: that the training may take.
        unit: of the chip's price, times hours.

    Raises:
        ValueError: one of chips and days is given without the other.
    """

    price: Leaf
    peak: Leaf
    mfu: Leaf
    context: Leaf | None
    shape: AbstractShape
    recomputation: Leaf
    goodput: Leaf
    chips: Leaf | None
    days: Leaf | None
    unit: str = eqx.field(static=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(
        self,
        chip: Chip,
        mfu: ArrayLike = 0.5,
        precision: str = "bf16",
        *,
        context: ArrayLike | None = None,
        shape: AbstractShape | None = None,
        recomputation: ArrayLike = 0.0,
        goodput: ArrayLike = 1.0,
        chips: ArrayLike | None = None,
        days: ArrayLike | None = None,
        unit: str = "USD",
    ):
        if (chips is None) != (days is None):
            raise ValueError("a deadline is chips=... for days=...: give both")
        self.price, self.peak, self.mfu = chip.price, chip.peak(precision), inexact(mfu)
        self.context, self.shape = optional(context), Ladder() if shape is None else shape
        self.recomputation, self.goodput = inexact(recomputation), inexact(goodput)
        self.chips, self.days = optional(chips), optional(days)
        self.unit = unit  # pyright: ignore[reportIncompatibleMethodOverride]

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return sum(self.parts(params, tokens).values(), 0 * params)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        rate = self._chip_seconds() * self.price / SECONDS_PER_HOUR
        matmuls = {"training": rate * TRAINING_FLOPS * params * tokens}
        if self.context is None:
            return matmuls
        return matmuls | {"training attention": rate * self._attention(params) * tokens}

    @property
    def curvature(self) -> Curvature:
        return Curvature.LOG_CONVEX

    @property
    def is_linear(self) -> bool:
        return self.context is None

    def rates(self) -> Rates:
        if self.context is not None:
            raise ValueError('training with attention is not of the form N (k_t D + k_i): use method="general"')
        rate = TRAINING_FLOPS * self._chip_seconds() * self.price / SECONDS_PER_HOUR
        return Rates(rate, jnp.zeros_like(rate))

    @property
    def has_deadline(self) -> bool:
        return self.days is not None

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        nothing = jnp.full_like(params, -jnp.inf)
        if self.chips is None or self.days is None:
            return Limits(nothing, nothing)
        flops = (TRAINING_FLOPS * params + self._attention(params)) * tokens
        return Limits(log(flops) + log(self._chip_seconds() / (self.chips * self.days * SECONDS_PER_DAY)), nothing)

    def valid(self) -> Bool[Array, ""]:
        shares = positive(self.mfu) & positive(self.goodput) & not_negative(self.recomputation)
        valid = not_negative(self.price) & positive(self.peak) & shares
        for number in (self.context, self.chips, self.days):
            if number is not None:
                valid &= positive(number)
        return valid

    def _chip_seconds(self) -> Scalar:
        """Seconds of one chip per model FLOP."""
        return (1 + self.recomputation / 3) / (self.peak * self.mfu * self.goodput)

    def _attention(self, params: Scalar) -> Scalar:
        """12 L d T, the FLOPs of attention per training token."""
        if self.context is None:
            return 0 * params
        return 2 * TRAINING_FLOPS * self.shape.layers(params) * self.shape.width(params) * self.context


class FixedUtilization(AbstractCost):
    """C = 2 N R p/(3600 F) (i (1 - h)/u_i + o/u_o), in dollars: prefill and decode each at a fixed utilisation.

    Equations 4 to 6 of Sardana et al. 2024 (arXiv:2401.00448), section 5; its settings are the defaults. On 791 real
    measurements it is off by half even at its best utilisations (benchmarks/serving.py): see `Roofline`.

    Args:
        chip: what it is served on, at p dollars per hour.
        precision: resolves to the chip's dense peak F.
        demand: R requests of i prompt tokens, a share h of them cached, and o output tokens.
        prefill: u_i, utilisation on the prompt, in (0, 1].
        decode: u_o, utilisation on the output, in (0, 1].
        unit: of the chip's price, times hours.
    """

    price: Leaf
    peak: Leaf
    demand: Demand
    prefill: Leaf
    decode: Leaf
    unit: str = eqx.field(static=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(
        self,
        chip: Chip,
        *,
        demand: Demand,
        precision: str = "bf16",
        prefill: ArrayLike = 0.5,
        decode: ArrayLike = 0.01,
        unit: str = "USD",
    ):
        self.price, self.peak, self.demand = chip.price, chip.peak(precision), demand
        self.prefill, self.decode = inexact(prefill), inexact(decode)
        self.unit = unit  # pyright: ignore[reportIncompatibleMethodOverride]

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.rates().serving * params

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        rate = self._rate() * params
        return {
            "prefill": rate * self.demand.prefilled / self.prefill,
            "decode": rate * self.demand.output / self.decode,
        }

    @property
    def curvature(self) -> Curvature:
        return Curvature.LOG_CONVEX

    @property
    def is_linear(self) -> bool:
        return True

    def rates(self) -> Rates:
        rate = self._rate() * (self.demand.prefilled / self.prefill + self.demand.output / self.decode)
        return Rates(jnp.zeros_like(rate), rate)

    def served_tokens(self) -> Scalar:
        return self.demand.tokens

    def valid(self) -> Bool[Array, ""]:
        used = positive(self.prefill) & positive(self.decode)
        return not_negative(self.price) & positive(self.peak) & self.demand.valid() & used

    def _rate(self) -> Scalar:
        return SERVING_FLOPS * self.demand.requests * self.price / (SECONDS_PER_HOUR * self.peak)


class Monomial(AbstractCost):
    """C = k N^a D^b, spent on training or on serving: data, fine-tuning, a teacher, an API, storage, a fixed sum.

    Args:
        coefficient: k >= 0, in `unit`.
        params_power: a, of either sign.
        tokens_power: b >= 0.
        phase: "training" or "serving", where the cost is booked.
        name: of this part in a breakdown of the cost; its phase, if not given.
        unit: the unit of k.

    Raises:
        ValueError: the phase is neither.
    """

    coefficient: Leaf = eqx.field(converter=inexact)
    params_power: Leaf = eqx.field(converter=inexact)
    tokens_power: Leaf = eqx.field(converter=inexact)
    phase: str = eqx.field(static=True, kw_only=True, default="training")
    name: str | None = eqx.field(static=True, kw_only=True, default=None)
    unit: str = eqx.field(static=True, kw_only=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def __check_init__(self):
        check_phase(self.phase)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._spent(params, tokens) if self.phase == "training" else 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._spent(params, tokens) if self.phase == "serving" else 0 * params

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        return {self.name or self.phase: self._spent(params, tokens)}

    @property
    def curvature(self) -> Curvature:
        return Curvature.LOG_CONVEX

    def _spent(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.coefficient * power(params, self.params_power) * power(tokens, self.tokens_power)

    def valid(self) -> Bool[Array, ""]:
        powers = jnp.isfinite(self.params_power) & not_negative(self.tokens_power)
        return not_negative(self.coefficient) & powers
