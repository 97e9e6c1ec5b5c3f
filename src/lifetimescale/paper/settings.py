"""What the paper plans with: its law, its demands, and its dollars under either split of the tokens."""

import functools

import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.costs import AbstractCost, Demand, FixedUtilization, Training
from lifetimescale.laws import AbstractLaw
from lifetimescale.leaves import Leaf
from lifetimescale.planning import compute_optimal
from lifetimescale.presets import chip, law

STATED, PUBLISHED = "stated", "published"
SPLITS = {STATED: (70, 215), PUBLISHED: (70, 145)}
"""Prompt to output tokens. The paper states 70 and 215 a request, but its dollars come out with 145 of every 215 tokens
output, and no other share: each of its five compute-optimal costs bounds it within 0.04 %."""

TOKENS_PER_REQUEST = 285  # 70 + 215, by which the paper counts requests under both splits


@functools.cache
def paper_law() -> AbstractLaw:
    """The law of the paper: alpha = 0.336 and beta = 0.283 (its footnote 2)."""
    return law("chinchilla")


def loss_of(params: ArrayLike) -> Leaf:
    """The loss of the compute-optimal model of so many params."""
    return compute_optimal(paper_law(), params=jnp.asarray(params, float)).loss


def dollars(tokens: ArrayLike, split: str) -> AbstractCost:
    """The settings of section 5: A100s at $1.50 and $1.10 an hour, half of the peak, and 1 % of it in decoding."""
    prompt, output = SPLITS[split]
    demand = Demand.of_tokens(tokens, prompt=prompt, output=output)
    serving = FixedUtilization(chip("a100-40gb"), precision="int8", demand=demand, prefill=0.5, decode=0.01)
    return Training(chip("a100-80gb"), mfu=0.5) + serving
