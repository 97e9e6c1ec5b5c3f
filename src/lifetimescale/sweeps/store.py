"""Where the results of a sweep go, box by box; here into memory."""

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np

from lifetimescale.sweeps.job import Job
from lifetimescale.sweeps.program import Program
from lifetimescale.sweeps.reductions import State
from lifetimescale.sweeps.results import Results, coordinates

SEEN = "_seen"  # which combinations have had a box; those of one box have had all of them or none


class AbstractStore(abc.ABC):
    """Takes the boxes of a sweep."""

    @abc.abstractmethod
    def write(self, index: int, program: Program, computed: Any) -> Any:
        """Fetch a box from the devices and put it where it belongs; runs beside the devices' work."""

    @abc.abstractmethod
    def take(self, index: int, written: Any) -> None:
        """What is to be done with what `write` gave box after box, in their order."""


class Memory(AbstractStore):
    """Results in arrays."""

    def __init__(self, job: Job):
        self.job, self.columns, self.states = job, {}, {}

    def write(self, index: int, program: Program, computed: Any) -> Any:
        if self.job.reductions:
            return program.fetch_parts(index, computed)
        return program.fetch_rows(index, computed).outputs

    def take(self, index: int, written: Any) -> None:
        if self.job.reductions:
            return merge(self.job, self.states, index, written)
        for name, values in written.items():
            if name not in self.columns:
                self.columns[name] = np.empty(self.job.scenarios.shape, values.dtype)
            self.columns[name][self.job.boxes[index]] = values
        return None

    def results(self) -> Results:
        """The results of all boxes."""
        job = self.job
        if job.reductions:
            return Results({}, {}, {}, {}, reduced(job, self.states))
        found = coordinates(job.scenarios, job.scenarios.dimensions)
        kept = {name: (axis, values.astype(job.dtype)) for name, (axis, values) in found.items()}
        return Results(job.scenarios.sizes, kept, self.columns, units(job, {name: name for name in job.outputs}))


def merge(job: Job, states: dict[str, State], index: int, parts: Mapping[str, State]) -> None:
    """Merge what is kept of a box into what is kept of all."""
    for name, part in parts.items():
        reduction, by = job.reductions[name], job.dimensions(job.reductions[name])
        here = tuple(job.boxes[index][k] for k in by)
        if name not in states:
            shape = tuple(job.scenarios.shape[k] for k in by)
            states[name] = {key: np.zeros(shape + array.shape[len(by) :], array.dtype) for key, array in part.items()}
            states[name][SEEN] = np.zeros(shape, bool)
        state = states[name]
        if state[SEEN][here].all():
            part = reduction.merge({key: state[key][here] for key in part}, part)
        for key, array in part.items():
            state[key][here] = array
        state[SEEN][here] = True


def reduced(job: Job, states: Mapping[str, State]) -> dict[str, Results]:
    """The results of the reductions."""
    return {name: _finished(job, name, state) for name, state in states.items()}


def _finished(job: Job, name: str, state: State) -> Results:
    reduction = job.reductions[name]
    columns = reduction.finish({key: array for key, array in state.items() if key != SEEN})
    sizes = {dimension: job.scenarios.sizes[dimension] for dimension in reduction.by}
    measured = {name: name if name in reduction.reads else reduction.of for name in columns if name != "count"}
    return Results(sizes, coordinates(job.scenarios, tuple(reduction.by)), columns, units(job, measured))


def units(job: Job, measured: Mapping[str, str]) -> dict[str, str]:
    """The units that are known of some columns, by the output that each measures."""
    known = {name: job.unit_of(of) for name, of in measured.items()}
    return {name: unit for name, unit in known.items() if unit}
