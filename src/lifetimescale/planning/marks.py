"""What a reader should know of a plan although it is the optimum: outside the fitted range, at a bound, at a limit."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, UInt16

from lifetimescale.batch import elementwise
from lifetimescale.design import Between
from lifetimescale.leaves import Leaf, Scalar
from lifetimescale.planning import limits
from lifetimescale.planning.solve import Problem
from lifetimescale.status import Warnings


@jax.jit
def warnings(problem: Problem, params: Leaf, tokens: Leaf, design: dict[str, Leaf]) -> UInt16[Array, "..."]:
    """The bits of `Warnings` of solved models; none where there is no model."""
    return elementwise(_warnings, problem, params, tokens, design)


def _warnings(problem: Problem, params: Scalar, tokens: Scalar, design: dict[str, Scalar]) -> UInt16[Array, ""]:
    fitted = problem.law.fitted
    bits = _flag(_outside(params, fitted.params), Warnings.PARAMS_OUTSIDE)
    bits |= _flag(_outside(tokens, fitted.tokens), Warnings.TOKENS_OUTSIDE)
    bits |= _flag(_outside(tokens / params, fitted.tokens_per_param), Warnings.RATIO_OUTSIDE)
    for name, value in design.items():
        asked = problem.design[name]
        if name in fitted.design:
            bits |= _flag(_outside(value, fitted.design[name]), Warnings.DESIGN_OUTSIDE)
        if isinstance(asked, Between):
            bits |= _flag(_on_edge(value, (asked.least, asked.most)), Warnings.DESIGN_AT_BOUND)
    cost = problem.cost.at(design) if design else problem.cost
    if cost.has_deadline or cost.has_capacity:
        used = cost.limits(params, tokens)
        bits |= _flag(jnp.abs(used.time) <= limits.slack(params), Warnings.AT_DEADLINE)
        bits |= _flag(jnp.abs(used.capacity) <= limits.slack(params), Warnings.AT_CAPACITY)
    if problem.bounds is not None:
        bits |= _flag(_on_edge(params, problem.bounds.params), Warnings.PARAMS_AT_BOUND)
        bits |= _flag(_on_edge(tokens, problem.bounds.tokens), Warnings.TOKENS_AT_BOUND)
    return bits


def _flag(condition: Bool[Array, ""], warning: Warnings) -> UInt16[Array, ""]:
    return jnp.where(condition, jnp.uint16(warning), jnp.uint16(0))


def _outside(x: Scalar, range_: tuple[Scalar, Scalar]) -> Bool[Array, ""]:
    return (x < range_[0]) | (x > range_[1])


def _on_edge(x: Scalar, range_: tuple[Scalar, Scalar]) -> Bool[Array, ""]:
    return (x == range_[0]) | (x == range_[1])
