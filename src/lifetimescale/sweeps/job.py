"""What a sweep is asked for, and the numbers of one box of its scenarios as a function that compiles."""

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lifetimescale.planning import Cheapest, Plan
from lifetimescale.scenarios import Boxes, Scenarios
from lifetimescale.sweeps.reductions import MOST_COUNTS, AbstractReduction
from lifetimescale.units import is_whole

OUTPUTS = ("params", "tokens", "total", "status")
UNITS = {
    "params": "parameters",
    "tokens": "tokens",
    "tokens_per_param": "tokens per parameter",
    "loss": "nats per token",
}
MONEY = ("training", "serving", "total")
VERSIONS = ("lifetimescale", "jax", "jaxlib", "numpy", "pyarrow", "scipy")


class Rows(NamedTuple):
    """The numbers of a box: the columns of its scenarios, each along its own dimension, and what came out.

    They are arrays on devices or on the host.
    """

    columns: dict[str, Any]
    outputs: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A sweep: what to compute, of which scenarios, and what to keep of it.

    It has no open file and no device, and passes between processes.

    Args:
        scenario: a function of the columns of the scenarios, by name, to a plan, or to numbers by name.
        scenarios: of all scenarios.
        outputs: what is computed of every scenario, and kept if there are no reductions.
        reductions: what is kept of all of them instead, by name.
        boxes: the division of the scenarios; each box is one call of the program, and one file.
        dtype: of the floating-point columns that are kept.
        unit: of the plans' costs.
        wide: whether it is computed in float64.
        platform: of the devices, in the words of JAX.
    """

    scenario: Callable[..., Any]
    scenarios: Scenarios
    outputs: tuple[str, ...]
    reductions: Mapping[str, AbstractReduction]
    boxes: Boxes
    dtype: np.dtype
    unit: str | None
    wide: bool
    platform: str

    @property
    def rows(self) -> tuple[Any, ...]:
        """The rows of the first box, of each block: an example of what the program takes."""
        return tuple(block.rows(0, length) for block, length in zip(self.scenarios.blocks, self.boxes.box, strict=True))

    def columns(self, rows: tuple[Any, ...]) -> dict[str, jax.Array]:
        """The columns of the scenarios, each along its own dimension."""
        blocks = zip(self.scenarios.blocks, rows, strict=True)
        return {name: column for block, part in blocks for name, column in block.columns(part).items()}

    def evaluate(self, rows: tuple[Any, ...]) -> Rows:
        """All scenarios of a box."""
        columns = self.columns(rows)
        result = self.scenario(**self._placed(columns))
        shape = tuple(len(columns[block.names[0]]) for block in self.scenarios.blocks)
        ranked = {name: _ranked(pick(result, name), len(shape)) for name in self.outputs}
        return Rows(columns, {name: jnp.broadcast_to(value, shape) for name, value in ranked.items()})

    def reduce(self, rows: Rows, valid: tuple[jax.Array, ...]) -> dict[str, dict[str, jax.Array]]:
        """What is kept of a box that is evaluated; `valid` says of each dimension which of its rows count."""
        shape = tuple(len(part) for part in valid)
        placed = {name: jnp.broadcast_to(column, shape) for name, column in self._placed(rows.columns).items()}
        counted = functools.reduce(jnp.logical_and, [along(k, part, len(valid)) for k, part in enumerate(valid)])
        values, counted = placed | rows.outputs, jnp.broadcast_to(counted, shape)
        return {name: self._part(reduction, values, counted) for name, reduction in self.reductions.items()}

    def _part(self, reduction: AbstractReduction, values: dict[str, jax.Array], counted: jax.Array):
        by = self.dimensions(reduction)

        def grouped(value):
            moved = jnp.moveaxis(value, by, range(len(by)))
            return moved.reshape(*moved.shape[: len(by)], -1)

        columns = {name: grouped(values[name]) for name in reduction.reads}
        valid = grouped(counted) & ~jnp.isnan(columns[reduction.of])
        return {name: part[None] for name, part in reduction.part(columns, valid).items()}

    def dimensions(self, reduction: AbstractReduction) -> tuple[int, ...]:
        """The dimensions that a reduction keeps apart, by their places."""
        return tuple(self.scenarios.dimensions.index(name) for name in reduction.by)

    def _placed(self, columns: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Each column along its dimension, so that they broadcast."""
        place, rank = self.scenarios.dimension_of, len(self.scenarios.shape)
        return {name: along(place(name), column, rank) for name, column in columns.items()}

    @functools.cached_property
    def specification(self) -> dict[str, Any]:
        """All that the results depend on, as JSON.

        Law, cost and outputs stand in the program that is compiled of them: its hash is that of the program as text.
        """
        text = jax.jit(self.evaluate).lower(self.rows).as_text()
        return {
            "scenarios": self.scenarios.describe(),
            "outputs": list(self.outputs),
            "reductions": {name: repr(reduction) for name, reduction in self.reductions.items()},
            "chunk": self.boxes.most,
            "dtype": self.dtype.name,
            "computed_in": "float64" if self.wide else "float32",
            "unit": self.unit,
            "platform": self.platform,
            "program": hashlib.sha256(text.encode()).hexdigest(),
            "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        }

    @functools.cached_property
    def fingerprint(self) -> str:
        """The hash of the specification: equal for sweeps that give the same results."""
        return hashlib.sha256(json.dumps(self.specification, sort_keys=True).encode()).hexdigest()

    def unit_of(self, name: str) -> str | None:
        """The unit of an output, where it is known."""
        last = name.rpartition(".")[2]
        return self.unit if last in MONEY or name.startswith("parts.") else UNITS.get(last)


def make_job(
    scenario: Callable[..., Any],
    scenarios: Scenarios,
    outputs: Sequence[str] | None,
    reductions: Mapping[str, AbstractReduction] | None,
    most: float | int,
    dtype: str | None,
    devices: Sequence[Any] | None = None,
) -> Job:
    """A sweep that was asked for, checked.

    Raises:
        ValueError: something is asked for that there is not; the message says what there is.
    """
    if outputs is not None and reductions:
        raise ValueError("reductions keep nothing of the single scenarios: give outputs or reductions")
    if not is_whole(most) or most < 1:
        raise ValueError(f"chunks of {most} scenarios cannot be: give a whole number from 1 on")
    _check_kinds(scenarios, reductions, devices)
    wide = jnp.result_type(float) == jnp.float64
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f'no dtype {dtype!r}: choose "float32" or "float64"')
    kept = np.dtype("float64" if reductions else dtype or ("float64" if wide else "float32"))
    outputs = (outputs,) if isinstance(outputs, str) else outputs
    if not all(isinstance(name, str) for name in outputs or ()):
        raise ValueError(f"outputs {outputs} are not all names: write them like ['params', 'total']")
    if reductions:
        reads = {name for reduction in reductions.values() for name in reduction.reads}
        outputs = sorted(reads - set(scenarios.names))
    outputs = OUTPUTS if outputs is None else tuple(dict.fromkeys(outputs))
    if not outputs and not reductions:
        raise ValueError('there are no outputs: name what is kept, like ["params", "total"]')
    both = [name for name in outputs if name in scenarios.names]
    if both:
        raise ValueError(f"{both[0]!r} is a column of the scenarios, and kept anyway: leave it out of the outputs")
    boxes = Boxes(scenarios.shape, int(most))
    platform = devices[0].platform if devices else jax.default_backend()
    job = Job(scenario, scenarios, outputs, dict(reductions or {}), boxes, kept, None, wide, platform)
    result = eqx.filter_eval_shape(lambda rows: scenario(**job._placed(job.columns(rows))), job.rows)
    for name in outputs:
        _check_output(name, eqx.filter_eval_shape(pick, result, name), boxes.box)
    for name, reduction in job.reductions.items():
        _check(name, reduction, scenarios)
    return dataclasses.replace(job, unit=_unit(result))


def pick(result: Any, name: str) -> Any:
    """A number of a plan, or of what else a scenario gives, by its name: `total`, `baseline.params`, `parts.decode`.

    Raises:
        ValueError: there is none of that name; the message says what there is.
    """
    value = result
    for word in name.split("."):
        value = value.get(word) if isinstance(value, Mapping) else getattr(value, word, None)
    if isinstance(value, float | int):
        value = jnp.asarray(value, dtype=float)
    if not eqx.is_array(value):
        there = ", ".join(map(str, result)) if isinstance(result, Mapping) else _THERE.get(type(result))
        if there is None:
            raise ValueError(f"the scenario gives a {type(result).__name__}: let it give a plan, or a dict of arrays")
        raise ValueError(f"no output is named {name!r}: there are {there}")
    return value


_THERE: dict[type, str] = {
    Plan: "params, tokens, loss, training, serving, total, saving, tokens_per_param, spend_ratio, overpay, status, "
    "warnings, each also of the compute-optimal model (baseline.total), parts.NAME and deployment.NAME",
    Cheapest: "choice, params, tokens, loss, total and status",
}


def _check_kinds(scenarios: Any, reductions: Any, devices: Any) -> None:
    if not isinstance(scenarios, Scenarios):
        raise TypeError(f"{scenarios!r} are no scenarios: make them by lifetimescale.grid, table or draws")
    if devices is not None and not len(devices):
        raise ValueError("there are no devices to compute on: give at least one, or leave devices out")
    wrong = [value for value in (reductions or {}).values() if not isinstance(value, AbstractReduction)]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is no reduction: take lifetimescale.Summary, Quantiles or Least")


def _check_output(name: str, output: Any, box: tuple[int, ...]) -> None:
    """Whether an output is a number for every scenario."""
    try:
        fits = np.broadcast_shapes(output.shape, box) == box
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"the output {name!r} has the shape {output.shape}, where that of the scenarios is {box}")
    if output.dtype.kind not in "biu" and output.dtype not in (jnp.float32, jnp.float64):
        raise ValueError(
            f"the output {name!r} is of type {output.dtype}, which is not kept: make it float32 or float64"
        )


def _check(name: str, reduction: AbstractReduction, scenarios: Scenarios) -> None:
    if not re.fullmatch(r"\w[\w .-]{0,99}", name) or name.startswith("part-"):
        raise ValueError(f"{name!r} cannot be the name of a file: name the reduction in letters, digits, - and _")
    unknown = [dimension for dimension in reduction.by if dimension not in scenarios.dimensions]
    if unknown:
        there = ", ".join(scenarios.dimensions)
        raise ValueError(f"{name}: there is no dimension {unknown[0]!r} to keep apart, there are {there}")
    apart = [name for block in scenarios.blocks if block.dimension in reduction.by for name in block.names]
    twice = [column for column in reduction.columns if column in apart]
    if twice:
        raise ValueError(f"{name}: {twice[0]!r} is a column of the result and kept apart as well: name one differently")
    groups = math.prod(scenarios.sizes[dimension] for dimension in reduction.by)
    if groups * reduction.counts > MOST_COUNTS:
        most = MOST_COUNTS // reduction.counts
        raise ValueError(f"{name}: {groups:,} combinations are too many to keep apart: give at most {most:,}")


def along(axis: int, vector: Any, rank: int) -> Any:
    """A vector along one of several axes, on devices or on the host."""
    return vector.reshape([-1 if place == axis else 1 for place in range(rank)])


def _ranked(value: jax.Array, rank: int) -> jax.Array:
    return value.reshape((1,) * (rank - value.ndim) + value.shape)


def _unit(result: Any) -> str | None:
    plans = list(result.plans.values()) if isinstance(result, Cheapest) else [result]
    return plans[0].unit if isinstance(plans[0], Plan) else None
