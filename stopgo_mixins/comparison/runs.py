"""The three traces of a stop-and-go run, seen as one interrupted and one continuous run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment
from stopgo_mixins.metric import Metric
from stopgo_mixins.mode import Mode

if TYPE_CHECKING:
    from stopgo_mixins.metric import Metrics
    from stopgo_mixins.trace.record import Key
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class Runs:
    """The traces of the three phases, and of the control arms where a class asks for them.

    The interrupted run is what stop recorded up to the interruption and what resume recorded from the resume point on.
    A run killed at step 9 and resumed from step 6 has the steps 7 to 9 twice, and both must equal the continuous run.

    Attributes:
        stop: of the stop phase.
        resume: of the resume phase.
        reference: of the continuous phase, with which the others are compared.
        repeated: of a second continuous phase, which shows by how much two uninterrupted runs differ.
        cold_start: of the resume phase without its checkpoint, which must differ.
        known: what the metrics say of themselves, by name.
    """

    stop: Trace
    resume: Trace
    reference: Trace
    repeated: Trace | None = None
    cold_start: Trace | None = None
    known: Metrics = field(default_factory=dict, kw_only=True)

    @cached_property
    def resume_point(self) -> int:
        """R, the number of updates in the checkpoint that the resume phase loaded; 0 where it loaded none."""
        loaded = self.resume.events("checkpoint_loaded")
        return int(loaded[-1]["update"]) if loaded else 0

    @cached_property
    def interrupted_at(self) -> int:
        """How many updates the stop phase made before it ended."""
        return max((int(event["update"]) for event in self.stop.events("step_end")), default=0)

    def about(self, metric: str) -> type[Metric]:
        """What is known of a metric; of one that is unknown, nothing."""
        return self.known.get(metric, Metric)

    @property
    def metrics(self) -> set[str]:
        """All metrics that any phase recorded."""
        return self.stop.metrics | self.resume.metrics | self.reference.metrics

    @property
    def ranks(self) -> list[int]:
        """All ranks that any phase recorded."""
        return sorted({*self.stop.ranks, *self.resume.ranks, *self.reference.ranks})

    def required_in(self, key: Key) -> frozenset[Mode]:
        """In which of the two interrupted phases a record of the continuous run must be found again.

        One of several is enough only around the interruption itself: see :meth:`either_phase`.
        """
        step, point, end = key.step, self.resume_point, self.interrupted_at
        if key.moment.is_state:
            stop, resume = step < end, step >= point
        elif key.moment.is_validation:  # the one due at the interruption may run before or after it
            stop, resume = step < end, step > point or step == point == end
        else:
            stop, resume = step <= end, step > point
        return frozenset({Mode.STOP} if stop else ()) | frozenset({Mode.RESUME} if resume else ())

    def either_phase(self, key: Key) -> bool:
        """Whether one of the two phases is enough: the interruption fell into the moment.

        That is the validation due at the interruption, and the start and the micro-batches of a window cut in two.
        """
        at_end = self.resume_point == self.interrupted_at
        if key.moment.is_validation or key.moment is Moment.STEP_START:
            return at_end and key.step == self.resume_point
        return at_end and key.moment is Moment.MICRO_BATCH and key.step == self.resume_point + 1
