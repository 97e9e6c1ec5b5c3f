"""A cost from a plain function."""

import dataclasses
from collections.abc import Callable, Mapping

import equinox as eqx

from lifetimescale.costs.base import AbstractCost, Curvature
from lifetimescale.costs.domain import check_phase
from lifetimescale.design import variables_of
from lifetimescale.leaves import Leaf, Scalar, named


class FunctionCost(AbstractCost):
    """C = function(N, D, **numbers, **design): what sums and multiples of the other costs cannot say.

    Args:
        function: of one model's params and tokens, and of the numbers and the design variables by name; it grows in
            tokens.
        numbers: by name.
        curvature: what it claims of its shape, in its design variables too, so that a plan can claim to be the only
            optimum and a design is searched for from one start; nothing by default.
        phase: "training" or "serving", where the cost is booked.
        name: of this part in a breakdown of the cost; its phase, if not given.
        unit: of its value.

    Raises:
        ValueError: the phase is neither.

    >>> import jax.numpy as jnp
    >>> def licence(N, D, price, free):
    ...     return price * jnp.maximum(D - free, 0)
    >>> data = FunctionCost(licence, {"price": 1e-7, "free": 1e12}, curvature=Curvature.CONVEX)
    >>> print(f"{data(1e9, 3e12):.0f}")
    200000
    """

    function: Callable[..., Scalar] = eqx.field(static=True)
    numbers: dict[str, Leaf] = eqx.field(converter=named, default_factory=dict)
    curvature: Curvature = eqx.field(static=True, kw_only=True, default=Curvature.UNKNOWN)  # pyright: ignore[reportIncompatibleMethodOverride]
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
    def needs(self) -> frozenset[str]:
        return frozenset(variables_of(self.function, 2)).difference(self.numbers)

    def at(self, design: Mapping[str, Scalar]) -> "FunctionCost":
        if not self.needs:
            return self
        numbers = self.numbers | {name: design[name] for name in self.needs}
        return dataclasses.replace(self, numbers=numbers)

    def _spent(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.function(params, tokens, **self.numbers)
