"""Which model to train before it is known which draw comes true: the search for the decision of least risk."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.compilation import compiled, is_traced
from lifetimescale.laws import AbstractLaw
from lifetimescale.leaves import Leaf, Scalar, inexact
from lifetimescale.planning.curves import LOG_PARAMS, LOG_TOKENS
from lifetimescale.planning.search import Found
from lifetimescale.planning.solve import Problem, is_exact, settled, solve_one
from lifetimescale.status import Status
from lifetimescale.uncertainty import mixture
from lifetimescale.uncertainty.decision import Decision
from lifetimescale.uncertainty.descent import Least, Local, Vector, least, valley
from lifetimescale.uncertainty.futures import Futures, central
from lifetimescale.uncertainty.mixture import DrawnQuality, RiskyCost
from lifetimescale.uncertainty.outcome import Softness, rounding
from lifetimescale.uncertainty.risk import AbstractRisk, Mean, as_risk, least_tail, soft_terms


def decide(futures: Futures, *, risk: str | AbstractRisk = "mean", quality: str | ArrayLike | None = None) -> Decision:
    """The model to train before it is known which draw comes true.

    min over N, D of risk_i c_i(N, D), with c_i the cost of draw i and of the miss there (`Shortfall`), subject to

        quality="mean":  sum_i w_i (L_i(N, D) - loss_i) <= 0
        quality=0.9:     L_i(N, D) <= loss_i with that probability
        quality=None:    no more, where a miss has a price; where it has none the loss must be reached, so that law and
                         loss must be known: then demand and prices alone are uncertain

    A miss without a price costs nothing where the quality is kept otherwise; regret then has no meaning, unless the law
    is known. Mean costs are convex in the logarithms where the costs are, and so are CVaR and the worst regret, so the
    decision is the only one (with `overhead`, where training costs k N D: in (log N, N D)); the quantile of a quality
    need not be.

    It passes through jit and vmap. The least risk has the derivative of the envelope theorem; N and D have that of the
    implicit function theorem where a quality is kept or the law known, and none where misses are priced (`least`).

    Args:
        futures: the draws.
        risk: "mean", "cvar:0.9" (the mean of the worst tenth), "regret" (the worst, as a fraction of the least cost),
            or a measure of your own.
        quality: "mean", or the probability with which the loss must be reached, in (0, 1].

    Raises:
        ValueError: there is no such risk or quality, or the futures leave a miss without a price where it needs one.

    >>> import jax, lifetimescale as lts
    >>> law = lts.law("besiroglu2024")
    >>> demand = jax.numpy.array([1e12, 2e12, 6e12])
    >>> choice = lts.decide(lts.Futures(law, lts.Flops(demand), 2.1, weights=jax.numpy.array([0.25, 0.5, 0.25])))
    >>> mean = lts.plan(law, lts.Flops(2.75e12), loss=2.1)
    >>> print(f"{choice.params:.4g} {mean.params:.4g}")
    5.828e+09 5.828e+09
    """
    measure, kept = as_risk(risk), _kept(quality)
    if futures.shortfall is None and not futures.knows_law:
        if kept is None:
            raise ValueError(
                "the law is uncertain, so some draws miss the loss: say what a miss costs, shortfall=..., or how it is "
                'kept, quality=0.9 or "mean"'
            )
        if measure.of_regret:
            raise ValueError("regret counts misses, so they need a price: give the futures a shortfall")
    solve = functools.partial(_decided, futures, measure, kept)
    if is_traced((futures, measure, kept)):
        return Decision(futures, *solve(method="both"))
    found = solve(method="newton")
    found = solve(method="sections") if found.status == Status.NOT_CONVERGED else found
    return Decision(futures, *found)


class Kept(NamedTuple):
    """A quality that a decision must keep: the probability with which it reaches the loss, or None for the mean."""

    probability: Leaf | None


def _kept(quality: str | ArrayLike | None) -> Kept | None:
    if quality is None:
        return None
    if isinstance(quality, str):
        if quality != "mean":
            raise ValueError(f'no quality {quality!r}: give a probability such as 0.9, or "mean"')
        return Kept(None)
    probability = inexact(quality)
    if probability.ndim or not (is_traced(probability) or 0 < float(probability) <= 1):
        raise ValueError(f'a quality of {quality} is out of range: give a probability above 0 and up to 1, or "mean"')
    return Kept(probability)


@functools.partial(compiled, static_argnames=("method",))
def _decided(futures: Futures, risk: AbstractRisk, kept: Kept | None, *, method: str) -> Found:
    cost, valid = RiskyCost(futures, risk, futures.best if risk.of_regret else None), futures.valid()
    if risk.tail is not None:
        valid &= (risk.tail > 0) & (risk.tail <= 1)
    if kept is None:
        found = _on_curve(cost, futures.law, futures.loss) if futures.shortfall is None else _free(cost, method)
    else:
        middle = jnp.sum(futures.shares * mixture.losses(futures))
        quality = DrawnQuality(futures, middle, kept.probability)
        found = _on_curve(cost, quality, middle)
        if futures.shortfall is not None:
            free = _free(cost, method)
            holds = quality.loss(*free[:2]) <= middle * (1 + rounding(middle))
            found = Found(*(jnp.where(holds, one, other) for one, other in zip(free, found, strict=True)))
        if kept.probability is not None:
            valid &= (kept.probability > 0) & (kept.probability <= 1)
    return settled(*found[:2], jnp.where(valid, found.status, Status.INVALID).astype(jnp.uint8))


def _on_curve(cost: RiskyCost, law: AbstractLaw, loss: Scalar) -> Found:
    """The least risk where the quality just holds: the plan of this cost and this law."""
    dtype = cost.futures.shares.dtype
    law, loss = jax.tree.map(lambda leaf: leaf.astype(dtype), (law, loss))
    found = solve_one(Problem(law, cost, loss=loss), exact=is_exact(law, cost))
    return Found(found.params, found.tokens, found.status)


def _free(cost: RiskyCost, method: str) -> Found:
    """The least risk, misses priced: of a mean by Newton's method, of any other measure by sections.

    Newton's method does not see an edge beyond which nothing is served, nor past a miss that costs 1e4 plans; there
    sections take over, in a program of their own if there is the choice.
    """
    futures, risk = cost.futures, cost.risk
    middle, shares = central(futures), futures.shares
    known = middle.status == Status.OK
    there = jnp.log(jnp.where(known, jnp.stack([middle.params, middle.tokens]), 1))
    start = jnp.where(known, there, jnp.array([LOG_PARAMS, LOG_TOKENS], there.dtype))

    def by_sections() -> Least:
        return valley(lambda n, d: risk(mixture.measured(futures, cost.best, n, d), shares), start)

    if risk.tail is None or method == "sections":
        found = by_sections()
    else:
        begin = start if isinstance(risk, Mean) else jnp.append(start, 1)
        tail = least_tail(risk.tail, shares)
        scale = jnp.where(known, middle.total, jnp.sum(shares * mixture.outcomes(futures, start[0], start[1])))
        best = None if cost.best is None else cost.best / scale
        found = least(_mean_of_tail, begin, (futures, tail, best, scale))
        found = Least(found.position[:2], found.status)
        found = jax.lax.cond(found.status == Status.OK, lambda: found, by_sections) if method == "both" else found
    return Found(jnp.exp(found.position[0]), jnp.exp(found.position[1]), found.status)


def _mean_of_tail(position: Vector, softness: Scalar, arguments: Any) -> Local:
    """sum_i w_i c_i over (log N, log D); or t + sum_i w_i max(c_i - t, 0)/tail over these and t, without kinks."""
    futures, tail, best, scale = arguments
    soft = Softness(softness, softness * scale)
    costs, slopes, bends = mixture.expanded(futures, best, position[0], position[1], soft)
    shares = futures.shares / scale
    if len(position) == 2:
        value, n, d, nn, nd, dd = (jnp.sum(shares * moment) for moment in (costs, *slopes, *bends))
        return Local(value, jnp.stack([n, d]), jnp.stack([nn, nd, nd, dd]).reshape(2, 2))
    threshold = position[2]
    over, above, near = soft_terms(costs / scale - threshold, softness)
    over, above, near = (futures.shares * term / tail for term in (over, above, near))
    ns, ds = (slope / scale for slope in slopes)
    nns, nds, dds = (bend / scale for bend in bends)
    n, d, nn, nd, dd, nt, dt, tt, t = (
        jnp.sum(moment)
        for moment in (
            *(above * ns, above * ds),
            *(above * nns + near * ns * ns, above * nds + near * ns * ds, above * dds + near * ds * ds),
            *(-near * ns, -near * ds, near, -above),
        )
    )
    hessian = jnp.stack([nn, nd, nt, nd, dd, dt, nt, dt, tt]).reshape(3, 3)
    return Local(threshold + jnp.sum(over), jnp.stack([n, d, 1 + t]), hessian)
