"""What became of a plan: one outcome, and apart from it the warnings.

Both travel through batches as small integers, so that a batch never raises; the sentences are for people.
"""

import enum


class Status(enum.IntEnum):
    """The outcome of one plan. Every outcome but `OK` leaves NaN in the plan's numbers and in their derivatives."""

    OK = 0
    UNREACHABLE = 1
    NO_OPTIMUM = 2
    NOT_CONVERGED = 3
    INVALID = 4

    @property
    def label(self) -> str:
        """The outcome in lower-case words, as `--json` prints it."""
        return self.name.lower().replace("_", " ")

    @property
    def advice(self) -> str:
        """One sentence: what happened and what to do."""
        return _ADVICE[self]


_ADVICE = {
    Status.OK: "The plan is the optimum.",
    Status.UNREACHABLE: "No model within the bounds reaches the target: ask for a higher loss or a larger budget, or "
    "widen the bounds.",
    Status.NO_OPTIMUM: "The cost has no cheapest model: it must grow both with params and with tokens, so add what is "
    "missing (training, usually).",
    Status.NOT_CONVERGED: "The search ended before it found the optimum: check that the loss falls in params and in "
    "tokens and that the cost is convex in their logarithms.",
    Status.INVALID: "An input is outside its domain: coefficients, prices, utilisations and peaks must be positive, "
    "demand not negative, and all of them finite.",
}


class Warnings(enum.IntFlag):
    """What a reader of a plan should know although it is the optimum. Bits, so that an array can hold them."""

    PARAMS_OUTSIDE = 1
    TOKENS_OUTSIDE = 2
    RATIO_OUTSIDE = 4
    PARAMS_AT_BOUND = 8
    TOKENS_AT_BOUND = 16
    AT_DEADLINE = 32
    AT_CAPACITY = 64
    DESIGN_OUTSIDE = 128
    DESIGN_AT_BOUND = 256
