"""What else a life costs, as monomials of the terms that there are."""

from jaxtyping import ArrayLike

from lifetimescale.costs.chip import Chip, Demand
from lifetimescale.costs.terms import SECONDS_PER_HOUR, SERVING_FLOPS, TRAINING_FLOPS, Monomial
from lifetimescale.leaves import inexact
from lifetimescale.logarithm import power

MILLION = 1e6


def data_cost(price: ArrayLike) -> Monomial:
    """C = p D: training tokens bought, licensed, filtered or made.

    Args:
        price: p, dollars per training token.
    """
    return Monomial(price, 0.0, 1.0, name="data")


def teacher_cost(chip: Chip, params: ArrayLike, *, mfu: ArrayLike = 0.5, precision: str = "bf16") -> Monomial:
    """C = 2 N_t D p/(3600 F u): a teacher's forward pass over every training token, for distillation by its logits.

    Args:
        chip: what the teacher runs on, at p dollars per hour and F FLOP/s in `precision`.
        params: N_t, the teacher's parameters.
        mfu: u, its utilisation.
        precision: of the teacher.
    """
    return Monomial(SERVING_FLOPS * inexact(params) * _per_flop(chip, mfu, precision), 0.0, 1.0, name="teacher")


def fine_tuning_cost(
    chip: Chip,
    tokens: ArrayLike,
    *,
    times: ArrayLike = 1.0,
    mfu: ArrayLike = 0.5,
    precision: str = "bf16",
    flops: ArrayLike = TRAINING_FLOPS,
) -> Monomial:
    """C = c N D_f n p/(3600 F u): n fine-tunings on D_f tokens each over the life.

    Args:
        chip: what it is tuned on, at p dollars per hour and F FLOP/s in `precision`.
        tokens: D_f.
        times: n.
        mfu: u.
        precision: of the tuning.
        flops: c, per parameter and token; about 4 for adapters of low rank, which need no gradients of the weights.
    """
    rate = inexact(flops) * inexact(tokens) * inexact(times) * _per_flop(chip, mfu, precision)
    return Monomial(rate, 1.0, 0.0, name="fine-tuning")


def api_cost(
    demand: Demand,
    *,
    prompt: ArrayLike,
    output: ArrayLike,
    cached: ArrayLike | None = None,
    params: ArrayLike | None = None,
    elasticity: ArrayLike = 0.9,
) -> Monomial:
    """C = R (i (1 - h) p_i + i h p_h + o p_o)/1e6 (N/N_0)^e: every request bought from a host.

    Args:
        demand: R requests of i prompt tokens, a share h of them cached, and o output tokens.
        prompt: p_i, dollars per million prompt tokens.
        output: p_o, dollars per million output tokens.
        cached: p_h, dollars per million cached prompt tokens; p_i, if not given.
        params: N_0, the size of the model that these are the prices of; None for a price that no size changes.
        elasticity: e, by which open models' prices grow with size: 0.9 from 8B to 405B.
    """
    prompt, output = inexact(prompt), inexact(output)
    cached_tokens = demand.prompt * demand.cached
    request = demand.prefilled * prompt + demand.output * output
    request = request + cached_tokens * (prompt if cached is None else inexact(cached))
    bill = demand.requests * request / MILLION
    if params is None:
        return Monomial(bill, 0.0, 0.0, phase="serving", name="API")
    elasticity = inexact(elasticity)
    return Monomial(bill * power(inexact(params), -elasticity), elasticity, 0.0, phase="serving", name="API")


def _per_flop(chip: Chip, mfu: ArrayLike, precision: str):
    """Dollars per FLOP."""
    return chip.price / (SECONDS_PER_HOUR * chip.peak(precision) * inexact(mfu))
