"""What every traffic is: r(t) requests per year, t years after launch, over a life of T years."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ArrayLike

from lifetimescale.costs import Demand
from lifetimescale.leaves import Leaf, inexact


class AbstractTraffic(eqx.Module):
    """Requests per year as a function of the years since launch, over a life of finite length."""

    @abc.abstractmethod
    def discounted(self, rate: ArrayLike) -> Leaf:
        """The integral of r(t) exp(-rate t) over the life.

        Args:
            rate: continuous, per year, of either sign; 12 log1p(p) is a share of p per month (`units.parse_rate`).

        Returns:
            Requests, each counted exp(-rate t) times; at a rate of 0, all of them.
        """

    @property
    def requests(self) -> Leaf:
        """All requests of the life: the integral of r(t)."""
        return self.discounted(0.0)

    def present_value(self, *, discount: ArrayLike = 0.0, drift: ArrayLike = 0.0) -> Leaf:
        """The net present value of all serving per dollar of it at today's prices.

        A request at t costs exp(drift t) of what it costs at launch, and a dollar paid at t is worth exp(-discount t)
        of one paid at launch, so the lifetime cost of serving is to be multiplied by

            P = int r(t) exp((drift - discount) t) dt / int r(t) dt.

        Args:
            discount: of money, continuous, per year.
            drift: of the price of serving, continuous, per year; < 0 where prices fall.

        Returns:
            P, of the shape to which the numbers broadcast; 1 where discount and drift are equal.

        >>> from lifetimescale.traffic import ExponentialTraffic
        >>> print(f"{ExponentialTraffic(1e9, 0.0, 2.0).present_value(discount=0.1, drift=-0.3):.4f}")
        0.6883
        """
        discount, drift = jnp.broadcast_arrays(inexact(discount), inexact(drift))
        rate = discount - drift
        return self.discounted(rate) / self.discounted(jnp.zeros_like(rate))

    def demand(self, *, prompt: ArrayLike, output: ArrayLike, cached: ArrayLike = 0.0) -> Demand:
        """All requests of the life, each of so many input and generated tokens.

        Args:
            prompt: input tokens per request.
            output: generated tokens per request.
            cached: share of the prompt that is found in a cache.
        """
        return Demand(self.requests, prompt, output, cached)
