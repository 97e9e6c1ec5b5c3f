"""What a plan costs too much if serving is priced at fixed utilisations, or at a guessed batch, and not by a roofline.

The plans are the cheapest of their loss when serving costs what the paper assumes (prefill at 50 % of the peak, decode
at 1 %; Sardana et al. 2024, section 5); the regret is what they then cost above the least, priced by `Roofline` with
the cheapest batch and chips. Beside every figure stands the one that an independent prototype found before. Exits with
1 if any of them is not the same in the digits printed there, or a plan has failed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import timing
from rich.table import Table
from timing import console

import lifetimescale as lts

PRICE, MFU = 2.50, 0.41  # an H100: dollars per hour, and what training attains of its bf16 peak
BATCH, CHIPS = 64.0, 8.0  # the guess

# requests, prompt and output tokens, loss, and the regret found before
SCENARIOS = {
    "1e10 x 1000/250": (1e10, 1000.0, 250.0, 1.947, "28 %"),
    "1e10 x 70/215": (1e10, 70.0, 215.0, 1.947, "57 %"),
    "1e11 x 1000/250": (1e11, 1000.0, 250.0, 1.947, "34 %"),
    "1e9 x 4000/500": (1e9, 4000.0, 500.0, 1.947, "9 %"),
    "1e10 x 1000/250, loss 1.85": (1e10, 1000.0, 250.0, 1.85, "14 %"),
}
TRAINED, ASSUMED, ROOFED, GUESSED = "training alone", "fixed utilisations", "roofline", f"batch {BATCH:g} on {CHIPS:g}"


class Figure(NamedTuple):
    """A number, and as it was printed before."""

    name: str
    value: float
    before: str

    @property
    def text(self) -> str:
        """In the digits and the unit of the one before."""
        number, *unit = self.before.split(" ")
        return " ".join([f"{self.value:.{len(number.partition('.')[2])}f}", *unit])

    @property
    def same(self) -> bool:
        return self.text == self.before


class Plans(NamedTuple):
    """The cheapest models of every scenario, by what serving is taken to cost."""

    trained: lts.Plan
    assumed: lts.Plan
    roofed: lts.Plan
    guessed: lts.Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    console.print(timing.machine(), highlight=False)
    plans = planned()
    show(plans)
    found = list(figures(plans))
    compare(found)
    timing.write(options.json, [each._asdict() | {"same": each.same} for each in found])
    wrong = list(complaints(plans, found))
    for sentence in wrong:
        console.print(sentence, style="red")
    sys.exit(bool(wrong))


def complaints(plans: Plans, found: Sequence[Figure]) -> Iterator[str]:
    """What has failed, and what is not as before, in sentences."""
    for name, plan in plans._asdict().items():
        if np.any(np.asarray(plan.status) != lts.Status.OK):
            yield f"{name}: a plan has failed"
    for each in found:
        if not each.same:
            yield f"{each.name}: {each.value:.4g} is not the {each.before} of before"


def planned() -> Plans:
    """All scenarios in one batch."""
    requests, prompt, output, loss = np.array([row[:-1] for row in SCENARIOS.values()]).T
    h100 = eqx.tree_at(lambda chip: chip.price, lts.chip("h100"), PRICE)
    demand = lts.Demand(requests, prompt, output)
    training = lts.Training(h100, mfu=MFU)
    costs = (
        training,
        training + lts.FixedUtilization(h100, demand=demand, precision="fp8"),
        training + lts.Roofline(h100, demand, "fp8"),
        training + lts.Roofline(h100, demand, "fp8", batch=BATCH, chips=CHIPS),
    )
    return Plans(*(lts.plan(lts.law("chinchilla"), cost, loss=loss) for cost in costs))


def regret(plan: lts.Plan, true: lts.Plan) -> np.ndarray:
    """What the models of a plan cost above the least, in percent, if serving costs what the true plan says."""
    return 100 * np.asarray(lts.price(true.law, true.cost, params=plan.params, tokens=plan.tokens).overpay)


def figures(plans: Plans) -> Iterator[Figure]:
    """Everything that was printed before."""

    def model(name: str, plan: lts.Plan, params: str, tokens: str | None = None) -> Iterator[Figure]:
        yield Figure(f"{name}, params", float(plan.params[0]) / 1e9, params)
        if tokens is not None:
            yield Figure(f"{name}, tokens", float(plan.tokens[0]) / 1e12, tokens)

    yield from model(TRAINED, plans.trained, "34 B")
    yield from model(ASSUMED, plans.assumed, "10.4 B", "11.9 T")  # before: 12.0, its 11.95 rounded once more
    yield from model(ROOFED, plans.roofed, "17.8 B", "4.1 T")
    yield from model(GUESSED, plans.guessed, "14.7 B", "5.7 T")
    for (name, (*_, before)), percent in zip(SCENARIOS.items(), regret(plans.assumed, plans.roofed), strict=True):
        yield Figure(f"regret, {name}", float(percent), before)
    wrong = regret(plans.guessed, plans.roofed)
    yield Figure("regret of the wrong batch, least", float(min(wrong)), "0.3 %")
    yield Figure("regret of the wrong batch, greatest", float(max(wrong)), "7.5 %")


def show(plans: Plans) -> None:
    """Prints every plan and its regret."""
    table = titled(
        "Cheapest plans, params and tokens", "scenario", TRAINED, ASSUMED, "regret", ROOFED, GUESSED, "regret"
    )
    regrets = [regret(plan, plans.roofed) for plan in (plans.assumed, plans.guessed)]
    for i, name in enumerate(SCENARIOS):
        trained, assumed, roofed, guessed = (
            f"{float(plan.params[i]) / 1e9:.1f}B {float(plan.tokens[i]) / 1e12:.1f}T" for plan in plans
        )
        wrong, slightly = (f"{each[i]:.1f} %" for each in regrets)
        table.add_row(name, trained, assumed, wrong, roofed, guessed, slightly)
    table.caption = f"At loss 1.947 by the law 'chinchilla', on H100s at ${PRICE:.2f}, MFU {MFU}, served in fp8."
    console.print(table)


def compare(found: Sequence[Figure]) -> None:
    """Prints all figures beside those before."""
    table = titled("Beside the prototype", "", "found", "in its digits", "before", "same")
    for each in found:
        table.add_row(each.name, f"{each.value:.4g}", each.text, each.before, "yes" if each.same else "[red]no[/]")
    table.caption = f"The models: {next(iter(SCENARIOS))}. The wrong batch: {GUESSED}, of all scenarios."
    console.print(table)


def titled(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
