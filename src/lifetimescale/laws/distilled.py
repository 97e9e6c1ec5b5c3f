"""Students of a teacher: the loss of a distilled model."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp

from lifetimescale.design import Between, OneOf
from lifetimescale.laws.base import AbstractDesignLaw, AbstractLaw
from lifetimescale.laws.coupled import Coupled
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.logarithm import log, log1p


class Distilled(AbstractDesignLaw):
    """L_S = L_T + L_T^-c0 (1 + (L_T/(d1 L~))^(1/f1))^(-c1 f1) (A/N^alpha + B/D^beta)^gamma, distilled from a teacher.

    L~ is what the student would reach alone on the same tokens, E' + (A'/N^alpha' + B'/D^beta')^gamma'. A better
    teacher helps up to a point; far better than the student, it harms. Equation 8 and table 6 of Busbridge et al. 2025
    (arXiv:2502.08606). No student beats its teacher. `OwnTeacher` is what a teacher of that loss costs.

    Design variable: teacher_loss, L_T > 0, in the unit of the loss.

    Args:
        supervised: L~.
        A: coefficient of the student's params.
        B: coefficient of the distillation tokens.
        alpha: exponent of params, > 0.
        beta: exponent of tokens, > 0.
        gamma: coupling exponent, > 0.
        c0: exponent of the teacher's loss.
        c1: how far the student falls below.
        f1: width of the change between weak and strong students.
        d1: where it lies.
        fitted: the range of the runs behind the coefficients.
    """

    supervised: Coupled
    A: Leaf = eqx.field(converter=inexact)
    B: Leaf = eqx.field(converter=inexact)
    alpha: Leaf = eqx.field(converter=inexact)
    beta: Leaf = eqx.field(converter=inexact)
    gamma: Leaf = eqx.field(converter=inexact)
    c0: Leaf = eqx.field(converter=inexact)
    c1: Leaf = eqx.field(converter=inexact)
    f1: Leaf = eqx.field(converter=inexact)
    d1: Leaf = eqx.field(converter=inexact)

    @property
    def variables(self) -> Mapping[str, Between | OneOf]:
        return {"teacher_loss": self.fitted.between("teacher_loss", 1.6, 3.0)}

    @property
    def one_basin(self) -> bool:
        return True  # 4000 plans from one start were those from three; and see test_designs

    def at(self, design: Mapping[str, Scalar]) -> "Student":
        return Student(self, design["teacher_loss"], fitted=self.fitted)


class Student(AbstractLaw):
    """`Distilled` at one loss of the teacher."""

    law: Distilled
    teacher_loss: Leaf

    def loss(self, params: Scalar, tokens: Scalar) -> Scalar:
        """In logarithms: c1 f1 is 47 in the published law, and the factor that it is an exponent of may be anything."""
        law, log_teacher = self.law, log(self.teacher_loss)
        log_alone = log(law.supervised.loss(params, tokens))
        weak = log1p(jnp.exp((log_teacher - log_alone - log(law.d1)) / law.f1))
        size = jnp.logaddexp(log(law.A) - law.alpha * log(params), log(law.B) - law.beta * log(tokens))
        return self.teacher_loss + jnp.exp(law.gamma * size - law.c0 * log_teacher - law.c1 * law.f1 * weak)
