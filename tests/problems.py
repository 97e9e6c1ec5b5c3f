"""The tagged table of problems, and the laws and costs that every universal property is tested on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

import lifetimescale as lts


@dataclasses.dataclass(frozen=True)
class Problems:
    """A batch of problems min N (6 D + 2 D_inf) at A/N^alpha + B/D^beta = loss - E, with all inputs exact doubles."""

    law: lts.Chinchilla
    demand: jax.Array
    loss: jax.Array

    @property
    def cost(self) -> lts.Flops:
        return lts.Flops(inference_tokens=self.demand)

    def cast(self, dtype) -> "Problems":
        law, demand, loss = jax.tree.map(lambda x: x.astype(dtype), (self.law, self.demand, self.loss))
        return Problems(law, demand, loss)


# tag: ranges of log10 excess, alpha, beta (log-uniform), log10 m
RANGES = {
    "everyday": ((-1.5, 0.3), (0.2, 0.5), (0.2, 0.5), (-3, 3)),
    "no demand": ((-1.5, 0.3), (0.05, 2.0), (0.05, 2.0), (-np.inf, -np.inf)),
    "tiny demand": ((-1.5, 0.3), (0.1, 1.0), (0.1, 1.0), (-17, -3)),
    "huge demand": ((-1.5, 0.3), (0.1, 1.0), (0.1, 1.0), (3, 17)),
    "near the floor": ((-6.0, -2.0), (0.2, 0.5), (0.2, 0.5), (-3, 3)),
    "steep in tokens": ((-1.5, 0.3), (0.1, 0.4), (1.0, 5.0), (-3, 14)),
    "steep in params": ((-1.5, 0.3), (1.0, 5.0), (0.05, 0.4), (-3, 14)),
    "flat": ((-1.5, 0.3), (0.03, 0.1), (0.03, 0.1), (-3, 3)),
}


def problems(tag: str, size: int, seed: int = 0) -> Problems:
    """Random problems of one tag, laid out by their compute-optimal model so that every size is a possible one."""
    rng = np.random.default_rng([seed, *tag.encode()])
    (x_low, x_high), alphas, betas, (m_low, m_high) = RANGES[tag]
    alpha, beta = (np.exp(rng.uniform(*np.log(range_), size)) for range_ in (alphas, betas))
    excess = 10 ** rng.uniform(x_low, x_high, size)
    params, tokens = 10 ** rng.uniform(7, 12, size), 10 ** rng.uniform(9, 14, size)
    x0 = beta / (alpha + beta)
    A, B = x0 * excess * params**alpha, (1 - x0) * excess * tokens**beta
    m = 0 * excess if np.isinf(m_low) else 10 ** rng.uniform(m_low, m_high, size)
    E = rng.uniform(0.5, 2, size)
    law = lts.Chinchilla(*(jnp.asarray(x) for x in (E, A, B, alpha, beta)))
    return Problems(law, jnp.asarray(3 * m * tokens), jnp.asarray(E + excess))


LAWS = {
    "chinchilla": lambda: lts.law("chinchilla"),
    "coupled": lambda: lts.law("busbridge2025_supervised"),
    "kaplan": lambda: lts.law("kaplan2020_joint_text"),
    "plain": lambda: Plain(),
    "gemstones": lambda: lts.law("gemstones2025_hot_all"),
    "repeated": lambda: at("muennighoff2023", unique_tokens=1e13),
    "sparse": lambda: at("abnar2025_sparsity", sparsity=0.9),
    "student": lambda: at("busbridge2025_distillation", teacher_loss=2.0),
}


def at(name: str, **design: float) -> lts.AbstractLaw:
    """A published law with design variables, at values of them."""
    return lts.law(name).at({variable: jnp.asarray(value) for variable, value in design.items()})


class Plain(lts.AbstractLaw):
    """A user's law without any closed form: Chinchilla, spelt as a user would."""

    def loss(self, params, tokens):
        return 1.69 + 406.4 / params**0.336 + 410.7 / tokens**0.283


def a100(price: float = 1.5) -> lts.Chip:
    return lts.chip("a100-80gb", price=price)


DEMAND = lts.Demand(requests=1e10, prompt=1000, output=250)


def served() -> lts.FixedUtilization:
    chip = lts.chip("a100-40gb", price=0.60)
    return lts.FixedUtilization(chip, precision="int8", demand=DEMAND, prefill=0.4, decode=0.2)


COSTS = {
    "flops": lambda: lts.Flops(inference_tokens=2e12),
    "dollars": lambda: lts.Training(a100(), mfu=0.5) + served(),
    "scaled": lambda: 1.5 * (lts.Training(a100(), mfu=0.4) + 0.5 * served()),
    "with data": lambda: lts.Training(a100(), mfu=0.5) + served() + lts.Monomial(1e-7, 0.0, 1.0),
    "attention": lambda: lts.Training(a100(), mfu=0.5, context=8192) + served(),
    "roofline": lambda: lts.Training(a100(), mfu=0.5) + lts.Roofline(a100(), DEMAND, batch=64, chips=1024),
    "with cache": lambda: lts.Training(a100(), mfu=0.5) + lts.Monomial(2e-2, 0.6, 0.0, phase="serving"),
}
