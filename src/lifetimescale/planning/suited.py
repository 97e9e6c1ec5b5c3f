"""The cost of a dense model made that of the models of a law: routed, sparse, in few bits, sampled, taught."""

from lifetimescale.costs import AbstractCost, ActiveParams, Multiplied, Resized, RoutedParams
from lifetimescale.laws import (
    AbstractLaw,
    Distilled,
    FineGrainedExperts,
    LowPrecision,
    QuantizedAfterTraining,
    SparseExperts,
    TestTime,
)
from lifetimescale.leaves import Scalar
from lifetimescale.planning.teacher import OwnTeacher

FULL_BITS = 16.0


def suited_cost(law: AbstractLaw, cost: AbstractCost) -> AbstractCost:
    """The cost of the models that a law is of, from the cost of a dense model in 16 bits that answers once.

    Params are counted as they compute (`ActiveParams`, `RoutedParams`), bits cost their share of 16 (the mean of
    weights, activations and cache in training and serving, those of the weights in serving where they are rounded
    afterwards), samples multiply serving, and a student pays for its teacher (`OwnTeacher`). What a law leaves to be
    priced by hand, such as unique tokens or the time that layers take, is added by its user.

    Args:
        law: the loss law.
        cost: of a dense model.

    Raises:
        ValueError: a student's cost is not in FLOP, in which alone its teacher is counted.

    >>> import lifetimescale as lts
    >>> law = lts.law("krajewski2024_moe")
    >>> best = lts.plan(law, lts.suited_cost(law, lts.Flops(1e12)), loss=2.3)
    >>> print(f"{best.params:.1e} params, granularity {best.design['granularity']:.2g}")
    1.7e+10 params, granularity 14
    """
    if isinstance(law, FineGrainedExperts):
        return Resized(cost, RoutedParams())
    if isinstance(law, SparseExperts):
        return Resized(cost, ActiveParams())
    if isinstance(law, LowPrecision):
        return Multiplied(cost, _mean_bits)
    if isinstance(law, QuantizedAfterTraining):
        return Multiplied(cost, _deployed_bits, phase="serving")
    if isinstance(law, TestTime):
        return Multiplied(cost, _samples, phase="serving")
    if isinstance(law, Distilled):
        if cost.unit != "FLOP":
            raise ValueError(
                f"a teacher is counted in FLOP and this cost is in {cost.unit}: add lts.teacher_cost(...) of a given "
                "teacher yourself"
            )
        return cost + OwnTeacher(law.supervised)
    return cost


def _mean_bits(weight_bits: Scalar, activation_bits: Scalar, cache_bits: Scalar) -> Scalar:
    return (weight_bits + activation_bits + cache_bits) / (3 * FULL_BITS)


def _deployed_bits(deployed_bits: Scalar) -> Scalar:
    return deployed_bits / FULL_BITS


def _samples(samples: Scalar) -> Scalar:
    return samples
