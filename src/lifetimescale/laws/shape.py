"""Wide and shallow, or narrow and deep: what the aspect ratio of a model does to its loss."""

from collections.abc import Mapping

import equinox as eqx

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, allowed
from lifetimescale.laws.coupled import Chinchilla
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import power


class AspectRatio(AbstractDesignLaw):
    """L = (E + A/N^alpha + B/D^alpha) (1 + epsilon R^alpha), with R the width over the number of layers.

    Bian et al. 2025 (arXiv:2501.18107), one exponent throughout. The loss grows with R, so a plan that does not price
    the time that layers take ends at the least R.

    Design variable: aspect_ratio, R > 0.

    Args:
        E: irreducible loss of an endlessly narrow model, nats per token.
        A: coefficient of params.
        B: coefficient of tokens.
        alpha: exponent, > 0.
        epsilon: coefficient of the aspect ratio.
        fitted: the range of the runs behind the coefficients.
    """

    E: Leaf = eqx.field(converter=inexact)
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    epsilon: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"aspect_ratio": self.fitted.between("aspect_ratio", 8.0, 512.0)}

    @property
    def convex_levels(self) -> bool:
        return True

    def at(self, design: Mapping[str, Scalar]) -> Chinchilla:
        factor = 1 + self.epsilon * power(allowed(design["aspect_ratio"], design["aspect_ratio"] > 0), self.alpha)
        E, A, B = (factor * coefficient for coefficient in (self.E, self.A, self.B))
        return Chinchilla(E, A, B, self.alpha, self.alpha, fitted=self.fitted)
