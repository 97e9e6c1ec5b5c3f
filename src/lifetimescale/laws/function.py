"""A law from a plain function."""

from collections.abc import Callable, Mapping

import equinox as eqx

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, named


class FunctionLaw(AbstractLaw):
    """L = function(N, D, **coefficients, **design).

    Args:
        function: of one model's params and tokens, and of the coefficients and the design variables by name.
        coefficients: by name.
        design: the design variables, and where they lie unless a plan is told.
        turns: whether the loss may rise again in params or in tokens; plans then keep to where it falls in both.
        fitted: the range of the runs behind the coefficients.

    >>> law = FunctionLaw(lambda N, D, E, s: E + (s / N) ** 0.3 + (s / D) ** 0.3, {"E": 1.5, "s": 1e8})
    >>> print(f"{law(1e9, 1e10):.4f}")
    2.2524
    """

    function: Callable[..., Scalar] = eqx.field(static=True)
    coefficients: dict[str, Leaf] = eqx.field(converter=named)
    design: dict[str, Between | OneOf] = eqx.field(default_factory=dict)
    turns: bool = eqx.field(static=True, default=False)  # pyright: ignore[reportIncompatibleMethodOverride]

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return self.design

    def at(self, design: Mapping[str, Scalar]) -> "FunctionLaw":
        chosen = {name: design[name] for name in self.design}
        return FunctionLaw(self.function, self.coefficients | chosen, {}, self.turns, fitted=self.fitted)

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.function(params, tokens, **self.coefficients)
