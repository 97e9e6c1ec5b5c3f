"""Tables 2 and 3, with what is printed beside what comes out."""

import jax.numpy as jnp

from lifetimescale.costs import AbstractCost, Flops
from lifetimescale.paper import printed
from lifetimescale.paper.items import Columns, Table, stacked
from lifetimescale.paper.settings import PUBLISHED, SPLITS, STATED, TOKENS_PER_REQUEST, dollars, loss_of, paper_law
from lifetimescale.planning import plan
from lifetimescale.units import parse_count

SIZES = tuple(map(parse_count, printed.SIZES))
TOKENS = tuple(map(parse_count, printed.TOKENS))
UNIT = {"baseline_total": "baseline_flop", "total": "total_flop"}
DOLLARS = {"baseline_total": "baseline_dollars", "total": "total_dollars"}


def plan_tables() -> list[Table]:
    """Table 2 in FLOPs, table 3 in dollars."""
    return [
        Table("table2", "2", "1", "Compute-optimal models against the best, in FLOPs", _flops_columns),
        Table(
            "table3", "3", "2", "Compute-optimal models against the best, in dollars, by both splits", _dollar_columns
        ),
    ]


def _flops_columns() -> Columns:
    quantities = _quantities(Flops(jnp.asarray(TOKENS)))
    head = {"inference_tokens": TOKENS, "baseline_params": SIZES}
    return head | _paired("table2", printed.TABLE_2, quantities, UNIT)


def _dollar_columns() -> Columns:
    """By the published split, which the printed numbers have, then by the stated one."""
    parts = []
    for split in (PUBLISHED, STATED):
        quantities = _quantities(dollars(jnp.asarray(TOKENS), split))
        quantities["requests"] = [tokens / TOKENS_PER_REQUEST for tokens in TOKENS]
        head = {"split": [split] * len(SIZES), "output_share": [_output_share(split)] * len(SIZES)}
        head |= {"inference_tokens": TOKENS, "baseline_params": SIZES}
        parts.append(head | _paired("table3", printed.TABLE_3, quantities, DOLLARS))
    return stacked(parts)


def _output_share(split: str) -> float:
    prompt, output = SPLITS[split]
    return output / (prompt + output)


def _quantities(cost: AbstractCost) -> dict[str, list[float]]:
    """What a plan of each row and its compute-optimal twin are."""
    best = plan(paper_law(), cost, loss=loss_of(jnp.asarray(SIZES)))
    twin = best.baseline
    named = {
        "loss": best.loss,
        "baseline_tokens": twin.tokens,
        "baseline_total": twin.total,
        "params": best.params,
        "tokens": best.tokens,
        "total": best.total,
        "saving": best.saving,
    }
    return {name: [float(number) for number in values] for name, values in named.items()}


def _paired(table: str, texts, quantities: dict[str, list[float]], units: dict[str, str]) -> Columns:
    """Each printed column beside the computed one, and what is known to be wrong in a row."""
    columns: dict = {}
    for name, cells in texts.items():
        columns[f"{units.get(name, name)}_printed"] = cells
        columns[units.get(name, name)] = quantities[name]
    notes = [[printed.MISPRINTS.get((table, size, name), "") for name in texts] for size in printed.SIZES]
    return columns | {"misprints": ["; ".join(filter(None, row)) for row in notes]}
