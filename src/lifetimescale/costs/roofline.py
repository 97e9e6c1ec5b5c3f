"""Serving as the chip's arithmetic, its memory and its launches allow: a posynomial of five terms a request."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from lifetimescale.convex import Rows, Vector, least, minimum
from lifetimescale.costs.base import AbstractCost, Curvature, Limits, Served
from lifetimescale.costs.chip import BYTES, Chip, Demand
from lifetimescale.costs.domain import not_negative, positive
from lifetimescale.costs.shape import AbstractShape, Ladder
from lifetimescale.leaves import Leaf, Scalar, inexact, optional
from lifetimescale.logarithm import log, power

SECONDS_PER_HOUR = 3600.0
MOST_CHIPS = 1024.0
NARROW = 1.01


class Stack(eqx.Module):
    """The four constants of a serving stack, and the share of the memory that it leaves for weights and cache.

    The defaults describe 791 measurements of five stacks on six chips, 6B to 180B params, fp16 to fp4, with a median
    error of 11 % (benchmarks/serving.py fits them again).

    Args:
        compute: eta, the share of the chip's peak that prefill and decode reach.
        bandwidth: mu, the share of the memory's bandwidth.
        launch: tau, seconds per layer and step on one chip.
        growth: gamma, by which a step's launches take G^gamma times as long on G chips (communication).
        memory: the share of the memory that weights and cache may fill.
    """

    compute: Leaf = eqx.field(converter=inexact, default=0.40)
    bandwidth: Leaf = eqx.field(converter=inexact, default=0.90)
    launch: Leaf = eqx.field(converter=inexact, default=60e-6)
    growth: Leaf = eqx.field(converter=inexact, default=0.20)
    memory: Leaf = eqx.field(converter=inexact, default=0.90)

    def valid(self) -> Bool[Array, ""]:
        """Whether every number is in its domain."""
        shares = positive(self.compute) & positive(self.bandwidth) & positive(self.memory)
        return shares & not_negative(self.launch) & not_negative(self.growth)


class Roofline(AbstractCost):
    """The cost of serving by what a request does to a chip, each part on its own roof.

    C = R p/3600 (prefill + decode + weights + cache + launch), in seconds of one chip:

        prefill = i (1 - h) (2 N + 2 L d i)/(F eta)        decode = o 2 N/(F eta)
        weights = o w N_s/(b B mu)                         cache  = o k (i + o/2)/(B mu)
        launch  = o G^(1 + gamma) tau L/b

    for R requests of i prompt tokens (a share h of them cached) and o output tokens; a chip of peak F, bandwidth B and
    price p; a model of L layers, width d, N_s stored parameters of w bytes, and k cached bytes per token; b sequences
    on G chips. The terms add because sums describe the measurements as well as the greatest of them does, and a sum of
    monomials is log-log convex; so is its minimum over b and G, and so is what the limits allow:

        memory:              w N_s + b k (i + o) <= m G M
        time per token:      t = (w N_s + b k (i + o/2))/(G B mu) + 2 N b/(G F eta) + tau L G^gamma
        time to first token: prefill/G + t

    Not modelled: all-to-all communication of experts, pipeline bubbles, prefill and decode on separate chips, queues.

    Args:
        chip: what it is served on; its memory and bandwidth are needed.
        demand: R, i, o and h.
        precision: resolves to the chip's peak F, and to w and the bytes of a cached element.
        batch: b; None takes the most that memory and latencies allow, which is the cheapest.
        chips: G, chips per replica; None takes the cheapest number from 1 to `most_chips`, not rounded.
        most_chips: of a replica, where `chips` is None.
        shape: of a model of N parameters.
        stack: the constants of the serving software.
        time_per_token: seconds that a step may take; None where nobody waits.
        time_to_first_token: seconds that prefill and one step may take.
        cache_precision: of keys and values, where it is not `precision`.
        unit: of the chip's price, times hours.
    """

    price: Leaf
    peak: Leaf
    memory: Leaf
    bandwidth: Leaf
    demand: Demand
    weight_bytes: Leaf
    cache_bytes: Leaf
    batch: Leaf | None
    chips: Leaf | None
    most_chips: Leaf
    shape: AbstractShape
    stack: Stack
    time_per_token: Leaf | None
    time_to_first_token: Leaf | None
    unit: str = eqx.field(static=True, default="USD")  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(
        self,
        chip: Chip,
        demand: Demand,
        precision: str = "bf16",
        *,
        batch: ArrayLike | None = None,
        chips: ArrayLike | None = None,
        most_chips: ArrayLike = MOST_CHIPS,
        shape: AbstractShape | None = None,
        stack: Stack | None = None,
        time_per_token: ArrayLike | None = None,
        time_to_first_token: ArrayLike | None = None,
        cache_precision: str | None = None,
        unit: str = "USD",
    ):
        self.price, self.peak = chip.price, chip.peak(precision)
        self.memory, self.bandwidth = chip.memory, chip.bandwidth
        self.demand = demand
        self.weight_bytes = inexact(BYTES[precision])
        self.cache_bytes = inexact(BYTES[precision if cache_precision is None else cache_precision])
        self.batch, self.chips, self.most_chips = optional(batch), optional(chips), inexact(most_chips)
        self.shape = Ladder() if shape is None else shape
        self.stack = Stack() if stack is None else stack
        self.time_per_token, self.time_to_first_token = optional(time_per_token), optional(time_to_first_token)
        self.unit = unit  # pyright: ignore[reportIncompatibleMethodOverride]

    def training(self, params: Scalar, tokens: Scalar) -> Scalar:
        return 0 * params

    def serving(self, params: Scalar, tokens: Scalar) -> Scalar:
        step = self._step(params)
        return self._rate() * (step.alone() + step.output * _shared(step, self))

    @property
    def curvature(self) -> Curvature:
        return Curvature.LOG_CONVEX

    def of_size(self, params: Scalar) -> AbstractCost:
        return Served(self.serving(params, params), self.unit)

    @property
    def has_capacity(self) -> bool:
        return True

    def limits(self, params: Scalar, tokens: Scalar) -> Limits:
        return Limits(jnp.full_like(params, -jnp.inf), _capacity(self._step(params), self))

    def parts(self, params: Scalar, tokens: Scalar) -> dict[str, Scalar]:
        return self._spent(params)

    def deployment(self, params: Scalar) -> dict[str, Scalar]:
        step = self._step(params)
        batch, chips = _deployed(step, self)
        seconds = step.seconds(batch, chips)
        memory = (step.stored + batch * step.cached_most) / (self.stack.memory * self.memory * chips)
        return {
            "batch": batch,
            "chips": chips,
            "seconds per token": seconds,
            "seconds to first token": step.prefill / chips + seconds,
            "tokens per second and chip": self.demand.output / sum(step.request(batch, chips).values(), 0 * params),
            "memory used": memory,
        }

    def served_tokens(self) -> Scalar:
        return self.demand.tokens

    def valid(self) -> Bool[Array, ""]:
        numbers = [self.peak, self.memory, self.bandwidth, self.weight_bytes, self.most_chips]
        given = [self.batch, self.chips, self.time_per_token, self.time_to_first_token]
        numbers += [number for number in given if number is not None]
        valid = self.demand.valid() & self.stack.valid() & not_negative(self.price) & not_negative(self.cache_bytes)
        for number in numbers:
            valid &= positive(number)
        return valid

    def _spent(self, params: Scalar) -> dict[str, Scalar]:
        step = self._step(params)
        return {name: self._rate() * part for name, part in step.request(*_deployed(step, self)).items()}

    def _rate(self) -> Scalar:
        """What a second of one chip costs for every request."""
        return self.demand.requests * self.price / SECONDS_PER_HOUR

    def _step(self, params: Scalar) -> "_Step":
        shape, stack, demand = self.shape, self.stack, self.demand
        flops, bandwidth = self.peak * stack.compute, self.bandwidth * stack.bandwidth
        attended = 2 * shape.layers(params) * shape.width(params) * demand.prompt
        cached = shape.cached(params) * self.cache_bytes
        return _Step(
            output=demand.output,
            prefill=demand.prefilled * (2 * params + attended) / flops,
            decode=2 * params / flops,
            weights=self.weight_bytes * shape.stored(params) / bandwidth,
            cache=cached * (demand.prompt + demand.output / 2) / bandwidth,
            launch=stack.launch * shape.layers(params),
            growth=stack.growth,
            stored=self.weight_bytes * shape.stored(params),
            cached_most=cached * (demand.prompt + demand.output),
        )


class _Step(NamedTuple):
    """What one step of one model takes, in seconds of one chip (the last two in bytes)."""

    output: Scalar  # o
    prefill: Scalar  # of a request
    decode: Scalar  # of a sequence, and so is the cache
    weights: Scalar
    cache: Scalar
    launch: Scalar  # on one chip
    growth: Scalar
    stored: Scalar
    cached_most: Scalar

    def request(self, batch: Scalar, chips: Scalar) -> dict[str, Scalar]:
        """Seconds of one chip that a request takes, by what they go to."""
        return {
            "prefill": self.prefill,
            "decode": self.output * self.decode,
            "weight reads": self.output * self.weights / batch,
            "cache reads": self.output * self.cache,
            "launches": self.output * self.launch * power(chips, 1 + self.growth) / batch,
        }

    def alone(self) -> Scalar:
        """Seconds of a request that no batch changes."""
        return self.prefill + self.output * (self.decode + self.cache)

    def shared(self, batch: Scalar, chips: Scalar) -> Scalar:
        """Seconds of a step that the sequences of a batch share, for one of them."""
        return (self.weights + self.launch * power(chips, 1 + self.growth)) / batch

    def seconds(self, batch: Scalar, chips: Scalar) -> Scalar:
        """Of one step."""
        return (self.weights + batch * (self.cache + self.decode)) / chips + self.launch * power(chips, self.growth)


class _Uses(NamedTuple):
    """How much of each limit b sequences on G chips use: (fixed + sequence b)/G + launch G^gamma, at most 1."""

    fixed: Rows
    sequence: Rows
    launch: Rows
    growth: Scalar

    def most(self, chips: Scalar) -> Scalar:
        """The most sequences that every limit allows."""
        return jnp.min(((1 - self.launch * power(chips, self.growth)) * chips - self.fixed) / self.sequence)

    def logs(self, log_batch: Scalar, log_chips: Scalar) -> Rows:
        """Their logarithms."""
        per_chip = (self.fixed + self.sequence * jnp.exp(log_batch)) * jnp.exp(-log_chips)
        return jax.vmap(log)(per_chip + self.launch * jnp.exp(self.growth * log_chips))


def _uses(step: _Step, roofline: Roofline) -> _Uses:
    memory = roofline.stack.memory * roofline.memory
    rows = [(step.stored / memory, step.cached_most / memory, 0 * step.launch)]
    sequence = step.cache + step.decode
    if (seconds := roofline.time_per_token) is not None:
        rows.append((step.weights / seconds, sequence / seconds, step.launch / seconds))
    if (seconds := roofline.time_to_first_token) is not None:
        rows.append(((step.prefill + step.weights) / seconds, sequence / seconds, step.launch / seconds))
    fixed, sequence, launch = (jnp.stack(column) for column in zip(*rows, strict=True))
    return _Uses(fixed, sequence, launch, step.growth)


def _capacity(step: _Step, roofline: Roofline) -> Scalar:
    """The logarithm of the use of the tightest limit: with the given batch or else one sequence, on the best chips."""
    uses = _uses(step, roofline)
    log_batch = log(_or_one(roofline.batch, step.launch))
    if roofline.chips is not None:
        return jnp.max(uses.logs(log_batch, log(roofline.chips)))
    on_most = jnp.max(uses.logs(log_batch, log(roofline.most_chips)))
    if len(uses.fixed) == 1:  # memory alone: the more chips, the better
        return on_most
    log_most = _log_most(roofline)
    start = jnp.stack([log_most / 2, 1 + jnp.max(uses.logs(log_batch, log_most / 2))])
    searched = least(_tightest, _tightness, start, (uses, log_batch, log_most))
    return jnp.where(_one_number(roofline), on_most, searched)


def _tightest(x: Vector, arguments: Any) -> Scalar:
    return x[1]


def _tightness(x: Vector, arguments: Any) -> Rows:
    uses, log_batch, log_most = arguments
    return jnp.stack([*(uses.logs(log_batch, x[0]) - x[1]), -x[0], x[0] - log_most])


def _deployed(step: _Step, roofline: Roofline) -> tuple[Scalar, Scalar]:
    """(b, G) of least cost within the limits; where none is within, the limits are widened until one is."""
    batch, chips = _given(step, roofline)
    if batch is not None and chips is not None:
        return batch, chips
    start, arguments = _program(step, roofline, _excess(step, roofline))
    found = jnp.exp(minimum(_step_cost, _allowed, start, arguments).position)
    single, most = _one_number(roofline), roofline.most_chips
    if batch is None:
        batch = jnp.where(single, jnp.maximum(1, _uses(step, roofline).most(most)), found[1])
    return batch, jnp.where(single, most, found[0])


def _shared(step: _Step, roofline: Roofline) -> Scalar:
    """`_Step.shared` at the (b, G) of `_deployed`; inf if one of them is to be found and none is within the limits."""
    batch, chips = _given(step, roofline)
    if roofline.batch is not None and roofline.chips is not None:
        return step.shared(roofline.batch, roofline.chips)
    excess = _excess(step, roofline)
    if batch is not None and chips is not None:
        shared = step.shared(batch, chips)
    else:
        searched = jnp.exp(least(_step_cost, _allowed, *_program(step, roofline, excess)))
        most = roofline.most_chips
        batch = jnp.maximum(1, _uses(step, roofline).most(most)) if batch is None else batch
        shared = jnp.where(_one_number(roofline), step.shared(batch, most), searched)
    return jnp.where(excess > 0.01 * _edge(shared), jnp.inf, shared)


def _given(step: _Step, roofline: Roofline) -> tuple[Scalar | None, Scalar | None]:
    """(b, G) as far as nothing is to be searched for."""
    batch, chips = roofline.batch, roofline.chips
    if batch is None and chips is not None:
        batch = jnp.maximum(1, _uses(step, roofline).most(chips))
    return batch, chips


def _program(step: _Step, roofline: Roofline, excess: Scalar) -> tuple[Vector, Any]:
    """The geometric program in (log G, log b), or in log G for a given b: where to start, and its arguments.

    Along the edge of what can be served the use of the limits is constant, so what widens them has no derivative.
    """
    uses, log_most = _uses(step, roofline), _log_most(roofline)
    widened = jnp.maximum(0, excess + _edge(excess))
    log_chips = jnp.clip(log(2 * uses.fixed[0]), 0, log_most)
    if roofline.batch is not None:
        return log_chips[None], (uses, step, log_most, widened, log(roofline.batch))
    return jnp.stack([log_chips, 0 * log_chips]), (uses, step, log_most, widened, None)


def _excess(step: _Step, roofline: Roofline) -> Scalar:
    """`_capacity` as a constant."""
    return _capacity(jax.lax.stop_gradient(step), jax.lax.stop_gradient(roofline))


def _step_cost(x: Vector, arguments: Any) -> Scalar:
    """log of `_Step.shared`: all of a request that b and G change."""
    _, step, *_, log_batch = arguments
    launch = step.launch * jnp.exp((1 + step.growth) * x[0])
    return log(step.weights + launch) - (x[1] if log_batch is None else log_batch)


def _allowed(x: Vector, arguments: Any) -> Rows:
    uses, _, log_most, widened, log_batch = arguments
    at_least_one = [] if log_batch is not None else [-x[1]]
    logs = uses.logs(x[1] if log_batch is None else log_batch, x[0]) - widened
    return jnp.stack([*logs, -x[0], x[0] - log_most, *at_least_one])


def _one_number(roofline: Roofline) -> Bool[Array, ""]:
    """Whether the number of chips that is to be found is as good as given: from 1 to less than 1.01."""
    return roofline.most_chips < NARROW


def _log_most(roofline: Roofline) -> Scalar:
    """log of the most chips that are searched, and never so near 0 that there is nothing to search."""
    return log(jnp.maximum(roofline.most_chips, NARROW))


def _edge(like: Scalar) -> float:
    """As narrow as a range may be for a search to find its way in it."""
    return float(jnp.finfo(like.dtype).eps) ** 0.4


def _or_one(number: Leaf | None, like: Scalar) -> Scalar:
    return jnp.ones_like(like) if number is None else number
