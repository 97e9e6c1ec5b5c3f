"""The problems that every law with design variables is planned on: law, cost, target loss, choices, bounds."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import lifetimescale as lts


@dataclasses.dataclass(frozen=True)
class Designed:
    """One problem; `choices` and `bounds` are what `plan` is told beside law, cost and loss."""

    law: Callable[[], lts.AbstractLaw]
    cost: Callable[[], lts.AbstractCost]
    loss: float
    choices: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bounds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def plan(self, **changes: Any) -> lts.Plan:
        target = {} if "budget" in changes else {"loss": self.loss}
        arguments = {"design": dict(self.choices), **target, **self.bounds, **changes}
        return lts.plan(self.law(), self.cost(), **arguments)


ONE_PRECISION = {"activation_bits": lts.Same("weight_bits"), "cache_bits": lts.Same("weight_bits")}


def sampled_law() -> lts.TestTime:
    """No coefficients are published: those of a language-model law, and samples that take off up to 0.8."""
    return lts.TestTime(E=0.3, A=60.0, B=110.0, G=0.8, alpha=0.25, beta=0.27, gamma=0.45)


def in_weights(weight_bits):
    return weight_bits / 16


def in_bits(weight_bits, activation_bits, cache_bits):
    return (2 * weight_bits + activation_bits + cache_bits) / 64


def when_deployed(deployed_bits):
    return deployed_bits / 16


def bought(N, D, price, unique_tokens):
    return price * unique_tokens + 0 * D


def by_layers(N, D, price, aspect_ratio):
    """Time that depends on the number of layers, (N/(12 R^2))^(1/3)."""
    return price * (N / (12 * aspect_ratio**2)) ** (1 / 3)


def claimed(function: Callable[..., Any], price: float) -> lts.FunctionCost:
    """A monomial of the design, which claims to be one."""
    return lts.FunctionCost(function, {"price": price}, curvature=lts.Curvature.LOG_CONVEX, unit="FLOP")


def sampled(samples):
    return samples


def mixed(N, D, E, share):
    """A user's law: a share of the tokens from a worse source."""
    return E + 400 / N**0.34 + (400 + 300 * share**2) / (D * (1 + 2 * share)) ** 0.3


def filtered(N, D, price, share):
    return price * D * (1 - share)


SERVED = 1e12

DESIGNED = {
    "experts": Designed(lambda: lts.law("ludziejewski2025_moe"), lambda: lts.Flops(SERVED), 2.2),
    "experts in memory": Designed(
        lambda: lts.law("ludziejewski2025_moe"),
        lambda: lts.Flops(SERVED) + lts.Resized(lts.Memory(10e9), lts.AllExperts()),
        2.2,
    ),
    "granularity": Designed(
        lambda: lts.law("krajewski2024_moe"),
        lambda: lts.Resized(lts.Flops(SERVED), lts.RoutedParams()),
        2.3,
        {"granularity": lts.Between(1, 256)},
    ),
    "sparsity": Designed(
        lambda: lts.law("abnar2025_sparsity"),
        lambda: lts.Resized(lts.Flops(SERVED), lts.ActiveParams()) + lts.Monomial(1e11, 1.0, 0.0, unit="FLOP"),
        2.1,
        {"sparsity": lts.Between(0.0, 0.98)},
    ),
    "bits": Designed(
        lambda: lts.law("kumar2024_precision"),
        lambda: lts.Multiplied(lts.Flops(SERVED), in_weights),
        3.0,
        ONE_PRECISION,
    ),
    "three precisions": Designed(
        lambda: lts.law("kumar2024_precision"), lambda: lts.Multiplied(lts.Flops(SERVED), in_bits), 3.0
    ),
    "rounded weights": Designed(
        lambda: lts.law("kumar2024_ptq"),
        lambda: lts.Multiplied(lts.Flops(SERVED), when_deployed, phase="serving"),
        2.95,
    ),
    "aspect ratio": Designed(
        lambda: lts.law("bian2025_shape"),
        lambda: lts.Flops(SERVED) + claimed(by_layers, 1e19),
        2.85,
        {"aspect_ratio": lts.Between(4.0, 512.0)},
    ),
    "teacher": Designed(
        lambda: lts.law("busbridge2025_distillation"),
        lambda: lts.Flops(SERVED) + lts.OwnTeacher(lts.law("busbridge2025_supervised")),
        2.3,
        {"teacher_loss": lts.Between(1.5, 2.6)},
    ),
    "unique tokens": Designed(
        lambda: lts.law("muennighoff2023"), lambda: lts.Flops(1e13), 2.219298, {"unique_tokens": 25e9}
    ),
    "tokens bought": Designed(
        lambda: lts.law("muennighoff2023"),
        lambda: lts.Flops(SERVED) + claimed(bought, 1e11),
        2.25,
        {"unique_tokens": lts.Between(1e9, 1e12)},
    ),
    "samples": Designed(sampled_law, lambda: lts.Multiplied(lts.Flops(1e10), sampled, phase="serving"), 1.0),
    "a function": Designed(
        lambda: lts.FunctionLaw(mixed, {"E": 1.7}, design={"share": lts.Between(0.0, 1.0)}),
        lambda: lts.Flops(SERVED) + lts.FunctionCost(filtered, {"price": 1e10}, unit="FLOP"),
        2.1,
    ),
    "in a box": Designed(lambda: lts.law("farseer2025"), lambda: lts.Flops(SERVED), 0.45),
}
