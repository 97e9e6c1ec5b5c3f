"""The universal curve: how much smaller and longer, from the spend ratio of a Chinchilla-style model alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from lifetimescale import spend
from lifetimescale.batch import elementwise
from lifetimescale.laws import AbstractCoupled
from lifetimescale.leaves import Leaf, inexact
from lifetimescale.planning import Plan
from lifetimescale.plots.drawing import BLUE, GREEN, GREY, INK, VERMILION, axes_of, label, plain

LEAST, MOST = 1e-2, 1e3  # spend ratios that are always shown
LEGEND_ENDS = 0.3
WORDS, LOWER, FAR = 0.55, 0.38, 15.0  # of the height: beside the curve of tokens, and below it where it is high
POINTS = 400


class Relative(NamedTuple):
    """A plan over the compute-optimal model of its loss.

    Args:
        params: N/N_c.
        tokens: D/D_c.
        total: C/C_c, both served for the same demand.
    """

    params: Leaf
    tokens: Leaf
    total: Leaf


def relative(law: AbstractCoupled, spend_ratio: ArrayLike) -> Relative:
    """The relative plan at a spend ratio m = k_i/(k_t D_c) of the compute-optimal model: it needs no more than that.

    With phi (1 + x0 phi)^(1/beta) = m and x0 = beta/(alpha + beta),

        D/D_c = (1 + x0 phi)^(1/beta),    N/N_c = ((1 + x0 phi)/(1 + phi))^(1/alpha),

    for costs of the form N (k_t D + k_i).

    Args:
        law: any coupled law; only its two exponents matter.
        spend_ratio: m >= 0, serving over training of the compute-optimal model of equal loss; any shape.

    >>> import lifetimescale as lts
    >>> at_one = relative(lts.law("chinchilla"), 1.0)
    >>> print(f"{at_one.params:.3f} {at_one.tokens:.3f} {at_one.total:.3f}")
    0.557 2.042 0.847
    """
    return _relative(law, inexact(spend_ratio))


@jax.jit
def _relative(law: AbstractCoupled, m: Leaf) -> Relative:
    def scalar(law: AbstractCoupled, m: Leaf) -> Relative:
        alpha, beta = law.coupled().alpha, law.coupled().beta
        phi = spend.spend_ratio(m, alpha, beta)
        params, tokens = map(jnp.exp, spend.relative(phi, alpha, beta))
        return Relative(params, tokens, 1 - spend.saving(phi, alpha, beta))

    return elementwise(scalar, law, m)


def universal_curve(plan: Plan, ax: Axes | None = None) -> Axes:
    """How much smaller and longer to train, and what it saves, by the spend ratio alone; the plan is marked.

    The curve is that of costs N (k_t D + k_i) without bounds (`relative`); a plan of another cost, or at a bound, lies
    beside it. Sardana et al. 2024 (arXiv:2401.00448) draw it for one demand and loss at a time.

    Args:
        plan: of a coupled law; many plans are marked without words.
        ax: where to draw; new axes by default.

    Raises:
        ValueError: the law has no such curve, it is one of several with other exponents, or no plan exists.
    """
    law = plan.law
    if not isinstance(law, AbstractCoupled):
        raise ValueError(
            f"{type(law).__name__} has no universal curve, which is of E + (A/N^alpha + B/D^beta)^gamma: "
            "draw iso_loss(plan) instead"
        )
    law, baseline = _one(law), plan.baseline
    case = np.ravel(baseline.spend_ratio)
    if not np.isfinite(case).any():
        raise ValueError("there is no plan to mark: give one that exists")
    shown = case[np.isfinite(case) & (case > 0)]
    ax = axes_of(ax)
    ax.set(xscale="log", yscale="log")
    m = np.geomspace(min([LEAST, *shown / 2]), max([MOST, *2 * shown]), POINTS)
    points = [plan.params / baseline.params, plan.tokens / baseline.tokens, plan.total / baseline.total]
    for ratio, point, (name, colour, dash) in zip(relative(law, m), points, _LINES, strict=True):
        ax.plot(m, np.asarray(ratio), colour, linestyle=dash, linewidth=2, label=name)
        ax.plot(case, np.ravel(point), "o", color=colour, markersize=7, markeredgecolor="white", zorder=3)
    coupled = law.coupled()
    floor = float((coupled.beta / (coupled.alpha + coupled.beta)) ** (1 / coupled.alpha))
    ax.axhline(floor, color=GREY, linewidth=1, linestyle=":")
    ax.annotate(f"no smaller than {floor:.3f}", (m[0], floor), (4, 3), textcoords="offset points", color=INK, size=8)
    if case.size == 1:
        _say(ax, float(case[0]), [float(np.ravel(point)[0]) for point in points])
    label(
        ax,
        title="Smaller and longer than compute-optimal",
        x="serving / training cost of the compute-optimal model of equal loss",
        y="plan / compute-optimal model",
    )
    plain(ax.xaxis)
    plain(ax.yaxis)
    ax.legend(frameon=False, loc="upper left")
    ax.set_xlim(m[0], m[-1])
    return ax


def _one(law: AbstractCoupled) -> AbstractCoupled:
    """The law of all plans, of which the exponents alone matter."""
    coupled = law.coupled()
    exponents = np.unique(np.stack(np.broadcast_arrays(coupled.alpha, coupled.beta)).reshape(2, -1), axis=1)
    if exponents.shape[1] > 1:
        raise ValueError("plans of many laws have many curves: draw cloud(plans), or those of one law")
    return jax.tree.map(lambda leaf: leaf.ravel()[0], law)


_LINES = (("params", BLUE, "-"), ("training tokens", VERMILION, "--"), ("lifetime cost", GREEN, "-."))


def _say(ax: Axes, m: float, ratios: list[float]) -> None:
    """The spend ratio and the three ratios of one plan, beside its points."""
    if m == 0:
        ax.text(0.02, WORDS, "nothing is served:\nthe compute-optimal model", transform=ax.transAxes, size=8.5)
        return
    ax.axvline(m, color=INK, linewidth=0.8)
    params, tokens, total = ratios
    longer = f"{tokens:.3g}" if tokens < 1000 else f"{tokens:,.0f}"
    words = f"at {m:.3g}:\n{params:.3g} of the params\n{longer} times the tokens\n{total:.3g} of the cost"
    right = m < LEGEND_ENDS  # the curve of tokens rises, so there is room above it on the left
    height = WORDS if m < FAR else LOWER
    ax.annotate(words, (m, height), (8 if right else -8, 0), xycoords=ax.get_xaxis_transform(),
                textcoords="offset points", ha="left" if right else "right", size=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0})  # fmt: skip
