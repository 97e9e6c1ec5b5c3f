"""A sweep as a file of TOML: the flags of `plan`, what varies, and what is kept."""

import functools
import operator
import pathlib
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

import cyclopts

from lifetimescale.cli.costs import Life, build_cost, parse_alternatives
from lifetimescale.cli.inputs import build_law
from lifetimescale.cli.life_options import ServingOptions, TimeOptions, TrainingOptions
from lifetimescale.cli.options import CostOptions, InputError, LawOptions, TargetOptions
from lifetimescale.units import is_whole, parse_count

KEYS = ("outputs", "dtype", "chunk", "plan", "axes", "table", "draws", "reductions")


class Specification(NamedTuple):
    """What `lifetimescale.sweep` is to do: its first two arguments, and others of them by name."""

    planner: Any
    scenarios: Any
    options: dict[str, Any]


def read_specification(path: str) -> Specification:
    """The sweep that a file asks for; what is wrong in it is wrong input."""
    content = _read(path)
    unknown = [key for key in content if key not in KEYS]
    if unknown:
        raise InputError(f"{path}: there is no {unknown[0]!r} in a sweep: there are {', '.join(KEYS)}")
    for key in ("plan", "axes", "table", "draws", "reductions"):
        if not isinstance(content.get(key, {}), dict):
            raise InputError(f"{path}: {key} is a table of its own: write it under [{key}]")
    planner = _within(path, "plan", lambda: _planner(content.get("plan", {})))
    scenarios = _scenarios(path, content)
    options = {key: content[key] for key in ("outputs", "dtype", "chunk") if key in content}
    _check_options(path, options)
    reductions = {
        name: _within(path, f"reductions.{name}", lambda name=name, table=table: _reduction(table))
        for name, table in content.get("reductions", {}).items()
    }
    return Specification(planner, scenarios, options | ({"reductions": reductions} if reductions else {}))


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{path} is no TOML: {error}: `lifetimescale sweep --example` prints a file that is") from None


def _check_options(path: str, options: dict[str, Any]) -> None:
    kinds: dict[str, Callable[[Any], bool]] = {
        "outputs": _are_names,
        "dtype": lambda value: isinstance(value, str),
        "chunk": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    }
    for key, value in options.items():
        if not kinds[key](value):
            example = {"outputs": '["params", "total"]', "dtype": '"float32"', "chunk": "1000000"}[key]
            raise InputError(f"{path}: {key} = {value!r} is of another kind: write it like {key} = {example}")


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _within(path: str, table: str, build: Callable[[], Any]) -> Any:
    """What a table of the file stands for; what is wrong is said with its name."""
    try:
        return build()
    except (InputError, ValueError, TypeError, OverflowError, MemoryError, cyclopts.CycloptsError) as error:
        raise InputError(f"{path} [{table}]: {' '.join(str(error).split())}") from None


def _planner(flags: dict[str, Any]) -> Any:
    """What the flags of `plan` ask for, read as the command reads them."""

    def build(
        *,
        target: TargetOptions = TargetOptions(),
        compare: str | None = None,
        law: LawOptions = LawOptions(),
        cost: CostOptions = CostOptions(),
        training: TrainingOptions = TrainingOptions(),
        serving: ServingOptions = ServingOptions(),
        time: TimeOptions = TimeOptions(),
    ) -> Any:
        import lifetimescale as lts

        target.check()
        life = Life(cost, training, serving, time)
        alternatives = {} if compare is None else parse_alternatives(compare)
        costs: Any = {name: build_cost(life.on(name, price)) for name, price in alternatives.items()}
        named = build_law(law)
        named.check_plain("a sweep")
        return lts.Planner(named.law, costs or build_cost(life), **target.given())

    app = cyclopts.App(help_flags=(), version_flags=())
    app.default(build)
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    return app(words, exit_on_error=False, print_error=False, result_action="return_value")


def _scenarios(path: str, content: dict[str, Any]) -> Any:
    import lifetimescale as lts

    for table in ("axes", "table", "draws"):
        nested = [name for name, value in content.get(table, {}).items() if isinstance(value, dict)]
        if nested:
            name = f'"{nested[0]}.price"'
            raise InputError(f"{path} [{table}]: write a name with dots in it in quotes, like {name} = [2, 3]")
    blocks = []
    if content.get("axes"):
        blocks.append(_within(path, "axes", lambda: lts.grid(content["axes"])))
    if content.get("table"):
        blocks.append(_within(path, "table", lambda: lts.table(content["table"])))
    if content.get("draws"):
        blocks.append(_within(path, "draws", lambda: _draws(dict(content["draws"]))))
    if not blocks:
        raise InputError(f"{path}: nothing varies: name what does under [axes], [table] or [draws]")
    return _within(path, "axes", lambda: functools.reduce(operator.mul, blocks))


def _draws(table: dict[str, Any]) -> Any:
    import lifetimescale as lts

    if "rows" not in table:
        raise ValueError("say how many: rows = 1000")
    options = {name: table.pop(name) for name in ("rows", "seed", "method") if name in table}
    wrong = [name for name, text in table.items() if not isinstance(text, str)]
    if wrong:
        raise ValueError(f'{wrong[0]} = {table[wrong[0]]!r} is no distribution: write it like "lognormal:2T:3x"')
    rows = options.pop("rows")
    return lts.draws(table, _count(rows), **options)


def _count(given: Any) -> Any:
    """A number of rows, where it is written as a text; what it may be the library knows."""
    number = parse_count(given) if isinstance(given, str) else given
    return int(number) if is_whole(number) else number


def _reduction(table: Any) -> Any:
    import lifetimescale as lts

    if not isinstance(table, dict):
        raise ValueError('it is a table of its own: write kind = "summary" and of = "total" under it')

    kinds = {"summary": lts.Summary, "quantiles": lts.Quantiles, "least": lts.Least}
    arguments = dict(table)
    kind = arguments.pop("kind", None)
    if kind not in [*kinds]:
        raise ValueError(f"kind = {kind!r} is none: write one of {', '.join(kinds)}")
    for name, value in arguments.items():
        if not (isinstance(value, str) or _are_names(value) or name == "probabilities"):
            raise ValueError(f"{name} = {value!r} are not names: write them like {name} = ['loss']")
    shares = arguments.get("probabilities", [])
    if not isinstance(shares, list) or not all(isinstance(share, int | float | str) for share in shares):
        raise ValueError(f"probabilities = {shares!r} are not numbers: write them like [0.05, 0.5, 0.95]")
    try:
        return kinds[kind](**arguments)
    except TypeError:
        fields = ", ".join(kinds[kind].__dataclass_fields__)
        raise ValueError(f"{', '.join(arguments) or 'nothing'} is given, but a {kind} has {fields}") from None
