"""`lifetimescale plan` where something is uncertain: from options to a decision."""

import dataclasses
import functools
import math
from typing import Any, NamedTuple

from lifetimescale.cli.costs import OUTPUT, PROMPT, Life, build_cost
from lifetimescale.cli.decision_report import report_of
from lifetimescale.cli.inputs import build_law, start
from lifetimescale.cli.options import InputError, LawOptions, NoPlanError, TargetOptions, as_wrong, given
from lifetimescale.cli.progress import progress
from lifetimescale.cli.refusals import no_plan
from lifetimescale.cli.uncertain_options import DRAWS, OF_LAW, SOURCES, UncertaintyOptions
from lifetimescale.units import format_percent

SUFFIXES = (".csv", ".tsv", ".parquet")
DEMANDS = ("inference_tokens", "requests")


class Belief(NamedTuple):
    """What is believed of the law: the one in the middle, the draws of it, or the same where it is known."""

    law: Any
    drawn: Any
    name: str
    draws: int
    warnings: list[str]


class Numbers(NamedTuple):
    """The other numbers that are drawn, by name: the draws and the medians; and the draws of the demand."""

    drawn: dict[str, Any]
    medians: dict[str, Any]
    demand: Any | None


def decision(
    options: UncertaintyOptions, target: TargetOptions, law: LawOptions, life: Life, others: dict[str, Any]
) -> tuple[dict[str, Any], Any]:
    """The report of a decision, and the decision; `others` are flags of `plan` that it has no use for, by flag."""
    _check(options, target, life, others)
    _check_law(options, law)
    start()
    import lifetimescale as lts

    seed = int(options.seed or 0)
    life = _with_median(options, life)
    cost, belief = build_cost(life), _belief(options, law, seed)
    numbers = _numbers(options, life, belief.draws, seed)
    with as_wrong("--forecasts"):
        middle = _middle(lts.Planner(belief.law, cost, **target.given()), numbers, belief.name)
        futures = lts.Futures.of(lts.Planner(belief.drawn, cost, **target.given()), numbers.drawn)
    if not futures.knows_law:
        shortfall = lts.Shortfall(options.price(middle.nat), options.dearer())
        futures = lts.Futures(futures.law, futures.cost, futures.loss, shortfall=shortfall)
    for flag in [flag for flag in options.given() if flag in OF_LAW and futures.knows_law]:
        raise InputError(f"{flag} has nothing to say of a law that is known: give --uncertain-law besiroglu2024 too")
    choice = _decide(options, futures)
    asked = {"law": belief.name, "risk": "mean" if options.risk is None else options.risk, "quality": options.kept()}
    drawn = {"draws": belief.draws, "seed": seed}
    return report_of(choice, middle.plan, numbers.demand, asked | drawn, belief.warnings), choice


def _check(options: UncertaintyOptions, target: TargetOptions, life: Life, others: dict[str, Any]) -> None:
    """All that is given has something to say of a decision."""
    sources = [flag for flag in options.given() if flag in SOURCES]
    if not sources:
        raise InputError(
            f"{next(iter(options.given()))} has nothing to say where all is known: give --uncertain-law besiroglu2024, "
            "--demand-lognormal 2T:3x or --forecasts forecasts.csv too"
        )
    for flag in [flag for flag in (*given(budget=target.budget), *others) if flag != "--compare"]:
        raise InputError(
            f"a decision under uncertainty is for a quality, not for {flag}: give --like 13B or --loss 2.0"
        )
    training = given(train_chips=life.training.train_chips, train_time=life.training.train_time)
    for flag in (*given(params=target.params, **target.limits()), *others, *training):
        raise InputError(f"a decision under uncertainty has no use for {flag}: leave it out, or {sources[0]}")
    if (target.like is None) == (target.loss is None):
        raise InputError("give exactly one target of a decision under uncertainty: --like 13B or --loss 2.0")
    if options.no_longer and options.overhead is not None:
        raise InputError("--overhead is of training longer, and --no-longer says that it cannot be: drop one")
    for flag in _amounts(life) if options.demand_lognormal is not None else ():
        raise InputError(f"--demand-lognormal and {flag} both say how much is served: give one of them")


def _check_law(options: UncertaintyOptions, law: LawOptions) -> None:
    """No other law is given than the uncertain one."""
    if options.uncertain_law is None:
        return
    if law.design:
        raise InputError(f"--uncertain-law {options.uncertain_law} has no design variables: leave --design out")
    if law.law not in (None, options.uncertain_law):
        raise InputError(f"--uncertain-law {options.uncertain_law} is the law too, not --law {law.law}: drop one")
    for name in law.replaced():
        raise InputError(f"--uncertain-law draws all coefficients together, so --{name} cannot be given: drop one")


def _amounts(life: Life) -> dict[str, Any]:
    """What says how much is served, by flag."""
    cost, time = life.cost, life.time
    return given(
        inference_tokens=cost.inference_tokens,
        requests=cost.requests,
        requests_per_month=time.requests_per_month,
        demand_csv=time.demand_csv,
    )


def _belief(options: UncertaintyOptions, law: LawOptions, seed: int) -> Belief:
    """The law and its draws; as many of the other numbers are drawn."""
    import jax

    import lifetimescale as lts

    source, draws, key = options.uncertain_law, int(options.draws or DRAWS), jax.random.key(seed)
    if source is None:
        known = build_law(law)
        known.check_plain("a decision under uncertainty")
        return Belief(known.law, known.law, known.name, draws, [])
    with as_wrong("--uncertain-law"):
        if source.endswith(SUFFIXES):
            return _refitted(source, draws, key)
        return Belief(lts.law(source), lts.law_draws(source, draws, key=key), source, draws, [])


def _refitted(path: str, draws: int, key: Any) -> Belief:
    """The law of some runs, and of resampled ones where they have any."""
    import jax
    import jax.numpy as jnp

    import lifetimescale as lts

    with progress("fitting"):
        fitted = lts.fit(lts.Chinchilla, lts.read_runs(path))
    with progress("bootstrap") as advance:
        laws = lts.bootstrap(fitted, draws=draws, key=key, progress=lambda done: advance(done, draws))
    settled = jnp.all(jnp.isfinite(jnp.stack([*lts.coefficients(laws).values()])), axis=0)
    kept = int(jnp.sum(settled))
    if kept < 2:
        raise ValueError(f"{path}: no law can be fitted to these runs again and again: give more of them")
    warnings = fitted.messages()
    if kept < draws:
        warnings.append(f"{draws - kept} of {draws} laws refitted to resampled runs have no optimum and are left out.")
    laws = jax.tree.map(lambda leaf: leaf[settled] if leaf.ndim else leaf, laws)
    return Belief(fitted.law, laws, f"chinchilla fitted to {path}", kept, warnings)


def _with_median(options: UncertaintyOptions, life: Life) -> Life:
    """The life at the median of the demand, where it is drawn."""
    if options.demand_lognormal is None:
        return life
    median = _distribution(options.demand_lognormal).median
    return life._replace(cost=dataclasses.replace(life.cost, inference_tokens=median))


def _distribution(text: str) -> Any:
    from lifetimescale.scenarios.distributions import parse_distribution

    if text.count(":") != 1:
        raise InputError(f"--demand-lognormal: {text!r} is no median and factor: write it like 2T:3x")
    with as_wrong("--demand-lognormal"):
        return parse_distribution(f"lognormal:{text}")


def _numbers(options: UncertaintyOptions, life: Life, draws: int, seed: int) -> Numbers:
    """The demand and the forecasts, drawn."""
    import jax.numpy as jnp

    import lifetimescale as lts

    columns = {} if options.forecasts is None else _sampled(options.forecasts, draws, seed)
    named = [name for name in columns if _word(name) in DEMANDS]
    both = ["--demand-lognormal"] if options.demand_lognormal is not None else [*_amounts(life)]
    if named and both:
        raise InputError(f"--forecasts has the column {named[0]}, and {both[0]} says how much is served too: drop one")
    medians = {name: jnp.median(column) for name, column in columns.items()}
    if options.demand_lognormal is None:
        return Numbers(columns, medians, columns[named[0]] if named else None)
    distribution = _distribution(options.demand_lognormal)
    tokens = lts.draws({"tokens": distribution}, draws, seed=seed).columns()["tokens"]
    if life.kind() == "flops":
        return Numbers(columns | {"inference_tokens": tokens}, medians, tokens)
    drawn = columns | {"requests": tokens / _per_request(life, columns)}
    return Numbers(drawn, medians | {"requests": distribution.median / _per_request(life, medians)}, tokens)


def _sampled(path: str, draws: int, seed: int) -> dict[str, Any]:
    import jax

    import lifetimescale as lts

    with as_wrong("--forecasts"):
        return lts.read_forecasts(path).sample(draws, key=jax.random.key(seed))


def _per_request(life: Life, columns: dict[str, Any]) -> Any:
    """Tokens of a request, prompt and output: as they are drawn, given or by default."""
    cost, drawn = life.cost, {_word(name): column for name, column in columns.items()}
    prompt = drawn.get("prompt", PROMPT if cost.prompt is None else cost.prompt)
    return prompt + drawn.get("output", OUTPUT if cost.output is None else cost.output)


def _word(name: str) -> str:
    """The last word of the name of a number."""
    return name.rpartition(".")[2]


class Middle(NamedTuple):
    """What is planned where the uncertainty is ignored: for the law itself and the means; what the last nat costs."""

    plan: Any
    nat: float


def _middle(planner: Any, numbers: Numbers, name: str) -> Middle:
    """The plan in the middle; what the last nat costs at the medians."""
    import lifetimescale as lts

    at_medians, nat, at_means = _solver()(planner, numbers.medians, numbers.drawn)
    for best in (at_medians, at_means):
        if best.status != lts.Status.OK:
            raise no_plan(best, name, TargetOptions().limits())
    return Middle(at_means, float(nat))


@functools.cache
def _solver():
    """One compiled program for the plans in the middle."""
    import jax
    import jax.numpy as jnp

    import lifetimescale as lts

    @jax.jit
    def solve(planner, medians, drawn):
        best = planner(**medians)
        nat = jax.grad(lambda loss: lts.plan(best.law, best.cost, loss=loss).total)(best.loss)
        return best, -nat, planner(**{name: jnp.mean(column) for name, column in drawn.items()})

    return solve


def _decide(options: UncertaintyOptions, futures: Any) -> Any:
    """The decision, where there is one."""
    import lifetimescale as lts
    from lifetimescale.uncertainty.risk import parse_risk

    with as_wrong("--risk"):
        risk = parse_risk("mean" if options.risk is None else options.risk)
    choice, quality = lts.decide(futures, risk=risk, quality=options.kept()), options.kept()
    status = lts.Status(int(choice.status))
    if status == lts.Status.UNREACHABLE and quality is not None:
        share = "on average" if isinstance(quality, str) else f"in {format_percent(quality)} of the draws"
        raise NoPlanError(f"no model reaches the loss {share}: ask for a lower --quality or a higher loss")
    if status != lts.Status.OK:
        raise (InputError if status == lts.Status.INVALID else NoPlanError)(status.advice)
    if not math.isfinite(float(choice.expected_spending)) or min(float(choice.params), float(choice.tokens)) < 1:
        raise NoPlanError("the best decision is no model: check that demand, prices and --miss-price are of this world")
    return choice
