"""A law from a plain function."""

from collections.abc import Callable

import equinox as eqx

from lifetimescale.laws.base import AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact


class FunctionLaw(AbstractLaw):
    """L = function(N, D, **coefficients).

    Args:
        function: of one model's params and tokens, and of the coefficients by name; it falls in both.
        coefficients: by name.
        fitted: the range of the runs behind the coefficients.

    >>> law = FunctionLaw(lambda N, D, E, s: E + (s / N) ** 0.3 + (s / D) ** 0.3, {"E": 1.5, "s": 1e8})
    >>> print(f"{law(1e9, 1e10):.4f}")
    2.2524
    """

    function: Callable[..., Scalar] = eqx.field(static=True)
    coefficients: dict[str, Leaf] = eqx.field(
        converter=lambda coefficients: {name: inexact(value) for name, value in coefficients.items()}
    )

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        return self.function(params, tokens, **self.coefficients)
