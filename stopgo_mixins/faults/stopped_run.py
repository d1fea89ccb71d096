"""What lies between stop and resume, for a fault to look at and to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.numbers import values_of

if TYPE_CHECKING:
    from torch import Tensor

    from stopgo_mixins.faults.batch_archive import BatchArchive
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.trace.record import Record
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class StoppedRun:
    """An interrupted run before it is resumed, beside the continuous one.

    Attributes:
        stop: the trace of the stop phase.
        reference: the trace of the continuous phase.
        checkpoint: the path that the resume phase is to load.
        read_checkpoint: reads it.
        batches: the training batches that the stop phase read.
        same_seed: whether the resume phase starts from the seed of the other two.
    """

    stop: Trace
    reference: Trace
    checkpoint: str
    read_checkpoint: Callable[[], SavedState]
    batches: BatchArchive
    same_seed: bool

    @cached_property
    def saved(self) -> SavedState:
        """What the checkpoint holds, read once."""
        return self.read_checkpoint()

    @property
    def resume_point(self) -> int:
        """R, the number of updates in the checkpoint."""
        return int(self.stop.events("interrupted")[-1]["saved_at"])

    def lacks(self, metric: str) -> str | None:
        """Why a metric does not apply to the run; ``None`` if it does, or if nobody recorded it."""
        reasons = (event for event in self.reference.events("not_applicable") if event["metric"] == metric)
        return next((str(event["reason"]) for event in reasons), None)

    def states(self, metric: str) -> Iterator[tuple[int, list[Record]]]:
        """``(k, records)`` of a metric at every *state k* of the continuous run, on rank 0."""
        trace = self.reference.ranks[0]
        for step, blocks in trace.steps(metric):
            states = (block for block in blocks if block.place.moment.is_state)
            yield step, [record for block in states for record in trace.of_block(block)]

    def state(self, metric: str, step: int) -> list[Record]:
        """The records of a metric at *state k*; none where it has none."""
        return next((records for found, records in self.states(metric) if found == step), [])

    def epoch(self, step: int) -> int | None:
        """The trainer's own number of the epoch at *state k*, where it was recorded."""
        found = (record.leaf.scalar for record in self.state("loop_progress", step) if record.key.path == "['epoch']")
        return next((number for number in found if isinstance(number, int)), None)

    def names(self, metric: str) -> set[str]:
        """The names of what a metric recorded at step 0."""
        return {_name(record.key.path) for record in self.state(metric, 0)} - {""}

    def tensors(self, metric: str, step: int) -> dict[str, Tensor]:
        """The tensors of a metric at *state k* by name, as far as their values were kept."""
        named = {_name(record.key.path): values_of(record) for record in self.state(metric, step)}
        return {name: values for name, values in named.items() if name and values is not None}

    def digests(self, metric: str, step: int, path: str = "") -> dict[str, str]:
        """Path -> digest of a metric at *state k*, of the paths that begin with ``path``."""
        records = self.state(metric, step)
        return {record.key.path: record.leaf.digest for record in records if record.key.path.startswith(path)}


def learning_rates(records: Iterable[Record]) -> dict[tuple[int, int], Any]:
    """``(optimizer, group) -> learning rate`` of the records of a state, where it is a number."""
    rates = {}
    for record in records:
        place = re.fullmatch(r"\[(\d+)\]\[(\d+)\]", record.key.path)
        if place and record.leaf.scalar is not None:
            rates[int(place[1]), int(place[2])] = record.leaf.scalar
    return rates


def _name(path: str) -> str:
    """``['net.weight']`` as ``net.weight``; empty for any other path."""
    match = re.fullmatch(r"\['([^']*)'\]", path)
    return match[1] if match else ""
