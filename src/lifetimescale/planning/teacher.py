"""A teacher of one's own: what it costs to train one of a given loss and to have it label the student's tokens."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lifetimescale import spend
from lifetimescale.costs import AbstractCost, Rates, check_design
from lifetimescale.costs.domain import not_negative
from lifetimescale.laws import AbstractCoupled
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.logarithm import log

FORWARD = 2.0  # FLOPs per parameter and token
PRETRAINING = 6.0


class OwnTeacher(AbstractCost):
    """C = min over N_T, D_T of 2 N_T (logits D + 3 pretraining D_T) with L(N_T, D_T) = L_T, in FLOP, for D tokens.

    The teacher of loss L_T that is cheapest to train and to run over the D tokens of the student: itself a plan, that
    of a model which serves D tokens, so it has the closed form of `spend`. Section 5 of Busbridge et al. 2025
    (arXiv:2502.08606), with the cost of the teacher minimised over its size.

    Design variable: teacher_loss, L_T.

    Args:
        law: of the teacher, trained alone.
        logits: 1 if the teacher labels every token of the student, else the share that it labels.
        pretraining: 1 if it is trained for this student alone, else the share that this student must pay, > 0.
        teacher_loss: L_T, where it is known.
    """

    law: AbstractCoupled
    logits: Leaf = eqx.field(converter=inexact, default=1.0)
    pretraining: Leaf = eqx.field(converter=inexact, default=1.0)
    teacher_loss: Leaf | None = eqx.field(converter=optional, default=None)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"teacher_loss"}) if self.teacher_loss is None else frozenset()

    def at(self, design: Mapping[str, Scalar]) -> "OwnTeacher":
        if self.teacher_loss is not None:
            return self
        return OwnTeacher(self.law, self.logits, self.pretraining, design["teacher_loss"])

    @property
    def unit(self) -> str:
        return "FLOP"

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        check_design(self, {})
        assert self.teacher_loss is not None
        law = self.law.coupled()
        rates = Rates(PRETRAINING * self.pretraining, FORWARD * self.logits * tokens)
        surface = spend.Surface(law.log_excess(self.teacher_loss), log(law.A), log(law.B), law.alpha, law.beta)
        log_params, log_tokens = spend.cheapest(surface, rates.serving / rates.training)
        return spend.least_cost(surface, rates.training, rates.serving, jnp.exp(log_params), jnp.exp(log_tokens))

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        return {"teacher": self.training(params, tokens)}

    def valid(self) -> Bool[Array, ""]:
        law = self.law.coupled()
        able = jnp.asarray(True) if self.teacher_loss is None else self.teacher_loss > law.E
        return law.valid() & not_negative(self.logits) & (self.pretraining > 0) & able

    @property
    def one_basin(self) -> bool:
        return True
