"""What callbacks would save, where other metrics record the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.generators import stream_of
from stopgo_mixins.comparison.states import state
from stopgo_mixins.comparison.wording import listed
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Record
    from stopgo_mixins.trace.store import Trace

_FEWEST = 600
"""So many numbers of a generator's state in common are no accident; a whole tensor is none either."""


def kept_of_generators(divergence: Divergence) -> Diagnosis | None:
    """A callback that keeps the states of random number generators has what they have: no cause of its own."""
    runs, here = divergence.runs, divergence.here
    for metric in (name for name, about in runs.known.items() if MetricKind.RANDOM_STREAMS in about.kinds):
        ours = _content(_state(divergence.leg.trace, divergence, metric))
        theirs = _content(_state(runs.reference, divergence, metric))
        alike = all(
            found.actual and found.expected and _of(found.actual) <= ours and _of(found.expected) <= theirs
            for found in here
        )
        if alike and ours and _holds_a_state(divergence, ours):
            paths = listed([found.key.path for found in here])
            sentence = f"{paths}: what a callback keeps of the random number generators differs as they do"
            return Diagnosis(Cause.RNG_NOT_RESTORED, sentence, follows=(metric,))
    return None


def _holds_a_state(divergence: Divergence, content: set[object]) -> bool:
    """Whether each callback at hand holds a whole state of a generator, and not just a number that is in one."""
    callbacks = {stream_of(found.key.path) for found in divergence.here}
    saved = _state(divergence.leg.trace, divergence, divergence.metric)
    shared = [
        _content(record for record in saved if stream_of(record.key.path) == callback) & content
        for callback in callbacks
    ]
    return all(len(each) > _FEWEST or any(isinstance(part, str) for part in each) for each in shared)


def _state(trace: Trace, divergence: Divergence, metric: str) -> list[Record]:
    return list(state(trace, divergence.first.rank, metric, divergence.first.key.step).values())


def _content(records: Iterable[Record]) -> set[object]:
    return set().union(*map(_of, records))


def _of(record: Record) -> set[object]:
    """A single number, or the numbers of an array; of anything else its digest."""
    leaf = record.leaf
    if leaf.kind in ("int", "float", "None"):
        return {leaf.scalar}
    data = record.read_bytes() if leaf.kind == "array" else None
    numbers = np.frombuffer(data, leaf.dtype).tolist() if data is not None else []
    return {leaf.digest, *numbers}
