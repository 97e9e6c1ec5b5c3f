"""`lifetimescale sensitivity`."""

import dataclasses
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lifetimescale.cli.costs import Life, build_cost
from lifetimescale.cli.inputs import build_law, start
from lifetimescale.cli.life_options import ServingOptions, TimeOptions, TrainingOptions
from lifetimescale.cli.options import (
    CostOptions,
    Flag,
    InputError,
    LawOptions,
    Seed,
    TargetOptions,
    as_wrong,
    given,
    reader,
)
from lifetimescale.cli.pictures import Picture, check_picture, draw_tornado
from lifetimescale.cli.plan_report import sentence
from lifetimescale.cli.planned import planned
from lifetimescale.cli.render import print_json, print_lines
from lifetimescale.units import is_whole, parse_count

OUTPUTS = ("params", "tokens", "total", "saving")
OF = "total"
SAMPLES = 1024
RANGE, VARY = "inference_tokens=1T:4T", "inference_tokens=lognormal:2T:3x"


def _is_size(value: float) -> bool:
    return is_whole(value) and 2 <= value <= 2**20 and int(value) & (int(value) - 1) == 0


Samples = Annotated[
    float, Parameter(converter=reader(parse_count, _is_size, "a power of two from 2 to 1048576, like 1024"))
]


def sensitivity(
    *,
    target: TargetOptions = TargetOptions(),
    ranges: Annotated[tuple[str, ...], Parameter(name="--range", negative="")] = (),
    vary: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    of: Literal["params", "tokens", "total", "saving", "loss"] | None = None,
    samples: Samples | None = None,
    seed: Seed | None = None,
    plot: Picture = None,
    law: LawOptions = LawOptions(),
    cost: CostOptions = CostOptions(),
    training: TrainingOptions = TrainingOptions(),
    serving: ServingOptions = ServingOptions(),
    time: TimeOptions = TimeOptions(),
    json: Flag = False,
) -> None:
    """Which numbers move a plan most: by 1 % of each, from end to end of ranges, and by how uncertain they are.

    lifetimescale sensitivity --like 13B --inference-tokens 2T

    lifetimescale sensitivity --like 13B --inference-tokens 2T --range inference_tokens=1T:4T,alpha=0.33:0.34

    lifetimescale sensitivity --like 13B --inference-tokens 2T --vary inference_tokens=lognormal:2T:3x --vary
    alpha=uniform:0.33:0.34

    Args:
        ranges: A low and a high end of a number, NAME=LOW:HIGH: the plan at both, all else as it is; may be repeated.
            The table of the numbers has their names.
        vary: A distribution of a number, NAME=uniform:LOW:HIGH, loguniform:LOW:HIGH or lognormal:MEDIAN:FACTORx: its
            share of the variance (Sobol indices); may be repeated.
        of: What --range and --vary look at [default: total].
        samples: Samples of --vary, a power of two; each is planned for every number and twice more [default: 1024].
        seed: Seed of --vary [default: 0].
        plot: Draw what --range finds there, as .svg, .png or .pdf. Needs the extra `plots`.
        json: Print one JSON object.
    """
    if len(given(like=target.like, loss=target.loss, budget=target.budget)) != 1:
        raise InputError("give exactly one target: --like 13B, --loss 2.0 or --budget 1e6")
    target.check()
    ends = {name: _ends(name, text) for name, text in _pairs("--range", ranges, RANGE).items()}
    drawn = _pairs("--vary", vary, VARY)
    for flag in given(of=None if ends else of, samples=samples, seed=seed) if not drawn else ():
        raise InputError(f"{flag} has nothing to say without --vary{' or --range' if flag == '--of' else ''}: give it")
    if plot is not None and not ends:
        raise InputError("--plot draws a plan at both ends of ranges: give --range inference_tokens=1T:4T too")
    check_picture(plot)
    start()
    import lifetimescale as lts

    named, life = build_law(law), Life(cost, training, serving, time)
    named.check_plain("sensitivity")
    planner = lts.Planner(named[0], build_cost(life), **target.given())
    plan = planned(named, planner.cost, target, near=False)
    found: dict[str, Any] = {"elasticities": _elasticities(planner, target)}
    if ends:
        found["tornado"] = _tornado(planner, ends, of or OF)
    if drawn:
        found["sobol"] = _sobol(planner, drawn, of or OF, samples or SAMPLES, seed or 0)
    if json:
        slopes = {
            of: {name: float(value) for name, value in values.items()}
            for of, values in found.pop("elasticities").values.items()
        }
        more = {key: dataclasses.asdict(result) for key, result in found.items()}
        print_json({"plan": plan, "elasticities": slopes} | more | {"law": named[1]})
    else:
        print_lines([sentence(plan)])
        for result in found.values():
            print(f"\n{result}")
    if plot is not None:
        draw_tornado(plot, found["tornado"])


def _pairs(flag: str, texts: tuple[str, ...], example: str) -> dict[str, str]:
    """What is given of each name."""
    pairs: dict[str, str] = {}
    for word in ",".join(texts).split(",") if texts else ():
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (name and equals and value) or name in pairs:
            raise InputError(f"{flag}: {word.strip()!r} is incomplete or there twice: write it like {example}")
        pairs[name] = value
    return pairs


def _ends(name: str, text: str) -> tuple[str, str]:
    low, colon, high = (part.strip() for part in text.partition(":"))
    if not (low and colon and high):
        raise InputError(f"--range: {name}={text} has no two ends: write it like {RANGE}")
    return low, high


def _elasticities(planner: Any, target: TargetOptions) -> Any:
    """Those of what a plan is; of a budget, which is its total, also that of its loss."""
    from lifetimescale.sensitivity import elasticities

    return elasticities(planner, outputs=OUTPUTS if target.budget is None else (*OUTPUTS, "loss"))


def _tornado(planner: Any, ends: dict[str, tuple[str, str]], of: str) -> Any:
    from lifetimescale.sensitivity import tornado

    with as_wrong("--range"):
        return tornado(planner, ends, output=of)


def _sobol(planner: Any, drawn: dict[str, str], of: str, samples: float | int, seed: float | int) -> Any:
    from lifetimescale.sensitivity import sobol

    with as_wrong("--vary", ModuleNotFoundError):
        return sobol(planner, drawn, samples, outputs=[of], seed=seed)
