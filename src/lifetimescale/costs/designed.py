"""Costs that see the design of a model: its active or total params, its bits, its samples."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale.costs.base import AbstractCost, AbstractWrapped, Curvature, Limits, Rates, check_design
from lifetimescale.costs.domain import check_phase, not_negative
from lifetimescale.design import variables_of
from lifetimescale.leaves import Leaf, Scalar, inexact, named
from lifetimescale.logarithm import log


class Function(eqx.Module):
    """A plain function as a pytree without leaves."""

    function: Callable[..., Scalar] = eqx.field(static=True)

    def __call__(self, *arguments: Scalar, **design: Scalar) -> Scalar:
        return self.function(*arguments, **design)


def _module(function: Callable[..., Any]) -> Any:
    return function if isinstance(function, eqx.Module) else Function(function)


def _variables(function: Callable[..., Any], after: int) -> tuple[str, ...]:
    return variables_of(function.function if isinstance(function, Function) else function, after)


class Multiplied(AbstractWrapped):
    """C = factor(design) cost(N, D): bits of which each costs its share, samples of which each is served.

    Args:
        cost: what one costs.
        factor: a function of design variables by name, 0 or more; defined once, as plans compile again for a new one.
        phase: "training" or "serving" where it multiplies that alone.
        design: the values of those variables, where they are known.

    Raises:
        ValueError: there is no such phase.

    >>> from lifetimescale.costs import Flops
    >>> cost = Multiplied(Flops(1e12), lambda weight_bits: weight_bits / 16)
    >>> print(f"{cost(1e9, 2e10, {'weight_bits': 8}):.2e}")
    1.06e+21
    """

    cost: AbstractCost
    factor: Callable[..., Scalar] = eqx.field(converter=_module)
    phase: str | None = eqx.field(static=True, kw_only=True, default=None)
    design: dict[str, Leaf] = eqx.field(kw_only=True, converter=named, default_factory=dict)

    def __check_init__(self):
        if self.phase is not None:
            check_phase(self.phase)

    @property
    def needs(self) -> frozenset[str]:
        return self.cost.needs | (set(_variables(self.factor, 0)) - self.design.keys())

    def at(self, design: Mapping[str, Scalar]) -> "Multiplied":
        chosen = {name: design[name] for name in _variables(self.factor, 0) if name not in self.design}
        return Multiplied(self.cost.at(design), self.factor, phase=self.phase, design=self.design | chosen)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._times("training") * self.cost.training(params, tokens)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self._times("serving") * self.cost.serving(params, tokens)

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        if self.phase is None:
            return {name: self._times() * part for name, part in self.cost.parts(params, tokens).items()}
        return {"training": self.training(params, tokens), "serving": self.serving(params, tokens)}

    def rates(self) -> Rates:
        rates = self.cost.rates()
        return Rates(self._times("training") * rates.training, self._times("serving") * rates.serving)

    def of_size(self, params: Scalar) -> AbstractCost:
        return Multiplied(self.cost.of_size(params), self.factor, phase=self.phase, design=self.design)

    def valid(self) -> Bool[Array, ""]:
        return self.cost.valid() & not_negative(self._times())

    def _times(self, phase: str | None = None) -> Scalar:
        """The factor of a phase."""
        check_design(self, {})
        factor = self.factor(**self.design)
        return jnp.ones_like(factor) if phase and self.phase not in (None, phase) else factor


class Resized(AbstractWrapped):
    """C = cost(count(N, design), D): the cost of other params than the law counts, active or total ones.

    Args:
        cost: of the params that `count` gives.
        count: a function of params, and of design variables by name, that grows with params; `ActiveParams`,
            `AllExperts`, `RoutedParams` and others are there.
        design: the values of those variables, where they are known.

    >>> from lifetimescale.costs import Flops
    >>> cost = Resized(Flops(1e12), lambda params, sparsity: params * (1 - sparsity))
    >>> print(f"{cost(1e10, 2e10, {'sparsity': 0.9}):.2e}")
    2.12e+21
    """

    cost: AbstractCost
    count: Callable[..., Scalar] = eqx.field(converter=_module)
    design: dict[str, Leaf] = eqx.field(kw_only=True, converter=named, default_factory=dict)

    @property
    def needs(self) -> frozenset[str]:
        return self.cost.needs | (set(_variables(self.count, 1)) - self.design.keys())

    def at(self, design: Mapping[str, Scalar]) -> "Resized":
        chosen = {name: design[name] for name in _variables(self.count, 1) if name not in self.design}
        return Resized(self.cost.at(design), self.count, design=self.design | chosen)

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.cost.training(self._counted(params), tokens)

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.cost.serving(self._counted(params), tokens)

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        return self.cost.parts(self._counted(params), tokens)

    def deployment(self, params: Scalar) -> dict[str, Scalar]:
        return self.cost.deployment(self._counted(params))

    @property
    def curvature(self) -> Curvature:
        return Curvature.UNKNOWN

    @property
    def is_linear(self) -> bool:
        return False

    @property
    def one_basin(self) -> bool:
        return self.cost.one_basin and not isinstance(self.count, Function)

    def of_size(self, params: Scalar) -> AbstractCost:
        return Resized(self.cost.of_size(self._counted(params)), self.count, design=self.design)

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        return self.cost.limits(self._counted(params), tokens)

    def _counted(self, params: Scalar) -> Scalar:
        check_design(self, {})
        return self.count(params, **self.design)


class Memory(AbstractCost):
    """C = 0 for at most so many params, and no model of more: what the memory holds.

    As a term of a sum it limits what is planned: `cost + Resized(Memory(2e10), AllExperts())`.

    Args:
        params: the most there may be, of the count that the cost is given; inf for no limit.
        unit: of the sum.
    """

    params: Leaf = eqx.field(converter=inexact)
    unit: str = eqx.field(static=True, default="FLOP")  # pyright: ignore[reportIncompatibleMethodOverride]

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    @property
    def has_capacity(self) -> bool:
        return True

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        return Limits(jnp.full_like(params, -jnp.inf), log(params / self.params))

    def valid(self) -> Bool[Array, ""]:
        return self.params > 0

    @property
    def one_basin(self) -> bool:
        return True
