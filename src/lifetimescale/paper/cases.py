"""The examples in the text of the paper and in the README of its authors' code (nikhilsardana/beyond-chinchilla)."""

from typing import NamedTuple

from lifetimescale.costs import Demand, FixedUtilization, Flops, Training
from lifetimescale.paper.items import Columns, Table
from lifetimescale.paper.settings import PUBLISHED, STATED, TOKENS_PER_REQUEST, dollars, loss_of, paper_law
from lifetimescale.planning import Plan, compute_optimal, plan, price
from lifetimescale.presets import chip


class Row(NamedTuple):
    """One printed number.

    Args:
        case: what is asked for.
        quantity: what is printed.
        printed: in the authors' spelling.
        computed: what comes out: for dollars in the paper, by the published split.
        stated_split: for dollars in the paper, what comes out with 70 prompt and 215 output tokens.
        note: why it differs, if it does.
    """

    case: str
    quantity: str
    printed: str
    computed: float
    stated_split: float | None = None
    note: str = ""


def case_tables() -> list[Table]:
    """The examples of the text, and those of the README."""
    return [
        Table("in-text", "text", "text", "Examples in the text, in FLOPs and dollars", lambda: _columns(text_rows())),
        Table("readme", "README", "", "Examples of the authors' code", lambda: _columns(readme_rows())),
    ]


def text_rows() -> list[Row]:
    """Every number of an example in the text."""
    return [*_compute_rows(), *_dollar_rows()]


def _compute_rows() -> list[Row]:
    small, middle, large, huge = (
        plan(paper_law(), Flops(tokens), loss=loss_of(size))
        for size, tokens in ((13e9, 2e12), (7e9, 1e11), (30e9, 1e13), (70e9, 2e12))
    )
    saved = float(small.baseline.total - small.total)
    exactly = price(paper_law(), Flops(2e12), params=7e9, loss=small.loss)
    ratio = float(exactly.tokens / small.baseline.tokens)
    case = "13B quality, 2T tokens, FLOPs"
    return [
        Row(case, "params", "7B", float(small.params)),
        Row(case, "tokens over compute-optimal", "2.1x", ratio, note=f"of exactly 7B; {_more(small):.4g} of the best"),
        Row(case, "saved FLOP", "1.7e22", saved),
        Row(case, "saving", "17%", float(small.saving)),
        Row("7B quality, 100B tokens, FLOPs", "params", "6B", float(middle.params)),
        Row("7B quality, 100B tokens, FLOPs", "tokens over compute-optimal", "1.18x", _more(middle)),
        Row("30B quality, 10T tokens, FLOPs", "params", "13.6B", float(large.params)),
        Row("30B quality, 10T tokens, FLOPs", "tokens over compute-optimal", "2.84x", _more(large)),
        Row("30B quality, 10T tokens, FLOPs", "saving", "28%", float(large.saving)),
        Row("70B quality, 2T tokens, FLOPs", "compute-optimal overpays", "1.3%", float(huge.baseline.overpay)),
    ]


def _dollar_rows() -> list[Row]:
    huge, large = _by_split(70e9, 2e12), _by_split(30e9, 1.5e9 * TOKENS_PER_REQUEST)
    case = "30B quality, 1.5B requests, dollars"
    overpays = _both([best.baseline for best in huge], "overpay")
    return [
        Row("70B quality, 7.02B requests, dollars", "compute-optimal overpays", "36%", *overpays),
        Row(case, "params", "16B", *_both(large, "params")),
        Row(case, "tokens", "3.35T", *_both(large, "tokens")),
        Row(case, "saving", "17%", *_both(large, "saving")),
    ]


def readme_rows() -> list[Row]:
    """The three examples of the README."""
    demand = Demand(requests=1e10, prompt=1000, output=250)
    training = Training(chip("a100-80gb", price=1.40), mfu=0.5)
    serving = FixedUtilization(chip("a100-40gb", price=0.60), precision="int8", demand=demand, prefill=0.4, decode=0.2)
    flops = plan(paper_law(), Flops(2e12), loss=1.947)
    dollar = plan(paper_law(), training + serving, loss=1.947)
    return [
        *_shares("loss 1.947, 2T tokens, FLOPs", flops, ("70.96%", "146.77%", "95.22%")),
        *_shares("loss 1.947, 10B requests, dollars", dollar, ("60.23%", "182.41%", "88.76%")),
        *_calculator_rows(),
    ]


def _calculator_rows() -> list[Row]:
    demand = Demand(requests=1e9, prompt=500, output=100)
    serving = FixedUtilization(chip("a100-40gb", price=0.60), precision="int8", demand=demand)
    tokens = compute_optimal(paper_law(), params=30e9).tokens
    cost = Training(chip("h100", price=1.50), mfu=0.5) + serving
    priced = price(paper_law(), cost, params=30e9, tokens=tokens)
    case, note = (
        "compute-optimal 30B, 1B requests, dollars",
        "the script ignores its flags of prices: ours are as given",
    )
    return [
        Row(case, "training", "$3.146e5", float(priced.training), note=note),
        Row(case, "total", "$6.378e5", float(priced.total), note=note),
    ]


def _shares(case: str, best: Plan, printed: tuple[str, str, str]) -> list[Row]:
    twin = best.baseline
    shares = {"params": best.params / twin.params, "tokens": best.tokens / twin.tokens, "cost": best.total / twin.total}
    return [
        Row(case, f"{name} over compute-optimal", text, float(share))
        for (name, share), text in zip(shares.items(), printed, strict=True)
    ]


def _by_split(size: float, tokens: float) -> list[Plan]:
    return [plan(paper_law(), dollars(tokens, split), loss=loss_of(size)) for split in (PUBLISHED, STATED)]


def _both(plans: list[Plan], name: str) -> tuple[float, float]:
    published, stated = (float(getattr(model, name)) for model in plans)
    return published, stated


def _more(best: Plan) -> float:
    return float(best.tokens / best.baseline.tokens)


def _columns(rows: list[Row]) -> Columns:
    return {name: [getattr(row, name) for row in rows] for name in Row._fields}
