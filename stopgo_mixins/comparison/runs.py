"""The traces of a stop-and-go run: the legs of the interrupted run, and the run that they are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment
from stopgo_mixins.metric import Metric

if TYPE_CHECKING:
    from stopgo_mixins.comparison.reseeded import ReseededStart
    from stopgo_mixins.metric import Metrics
    from stopgo_mixins.trace.lines import Event
    from stopgo_mixins.trace.record import Key
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class Leg:
    """One unbroken piece of the interrupted run.

    Attributes:
        number: from 0.
        trace: what it recorded.
        follows_others: whether legs came before the first one, of which nothing was recorded.
    """

    number: int
    trace: Trace
    follows_others: bool = False

    @property
    def is_first(self) -> bool:
        """Whether it began with nothing to load."""
        return self.number == 0 and not self.follows_others

    @cached_property
    def broke_off(self) -> bool:
        """Whether a rank of it has no end mark, as where the process was killed."""
        return not self.trace.has_ended

    @property
    def name(self) -> str:
        """In messages."""
        return "stop phase" if self.number == 0 else "resume phase" + (f" {self.number}" if self.number > 1 else "")

    @cached_property
    def start(self) -> int:
        """Its resume point R, the number of updates in the checkpoint that it loaded; 0 where it loaded none.

        Where its ranks disagree, the earliest: then nothing that any of them must have recorded is left out.
        """
        if self.is_first:
            return 0
        loaded = (trace.events("checkpoint_loaded") for trace in self.trace.ranks.values())
        return min((int(events[-1]["update"]) for events in loaded if events), default=0)

    @cached_property
    def end(self) -> int:
        """How many updates had been made on every rank when it ended, or was told to end."""
        made = max((int(event["update"]) for event in self.trace.events("step_end")), default=self.start)
        return min([made, *(int(event["update"]) for event in self.trace.events("interrupted"))])

    @cached_property
    def reached(self) -> int:
        """How many updates any of its ranks had made, by its own word."""
        made = (event for trace in self.trace.ranks.values() for event in trace.events("step_end"))
        return max((int(event["update"]) for event in made), default=self.start)

    @cached_property
    def saved(self) -> list[Event]:
        """The checkpoints that all of its ranks wrote, each of them maybe under a path of its own."""
        of_ranks = [trace.events("checkpoint_saved") for trace in self.trace.ranks.values()]
        common = set.intersection(*({event["update"] for event in events} for events in of_ranks)) if of_ranks else ()
        return [event for event in next(iter(of_ranks), []) if event["update"] in common]

    @cached_property
    def steps_made(self) -> int:
        """How many updates it made itself, on every rank."""
        return sum(int(event["update"]) <= self.end for event in self.trace.events("step_end"))


@dataclass(frozen=True)
class Runs:
    """An interrupted run beside the uninterrupted one, and the control arms where a class asks for them.

    Attributes:
        legs: of the interrupted run, in the order in which they ran; a run that was interrupted n times has n + 1.
        reference: the trace of the continuous run, with which the legs are compared.
        repeated: of a second continuous run, which shows by how much two uninterrupted runs differ.
        cold_start: of a resume phase without its checkpoint, which must differ.
        known: what the metrics say of themselves, by name.
        reseeded: the first resume phase, started once more from another seed.
        from_step: the first step that is compared.
        may_break_off: whether any leg but the last may have been killed, as those of a real run are.
    """

    legs: tuple[Leg, ...]
    reference: Trace
    repeated: Trace | None = None
    cold_start: Trace | None = None
    known: Metrics = field(default_factory=dict, kw_only=True)
    reseeded: ReseededStart | None = field(default=None, kw_only=True)
    from_step: int = field(default=0, kw_only=True)
    may_break_off: bool = field(default=False, kw_only=True)

    @classmethod
    def of(
        cls,
        legs: Iterable[Trace],
        reference: Trace,
        known: Metrics,
        repeated: Trace | None = None,
        cold_start: Trace | None = None,
    ) -> Runs:
        """The legs by their traces, in the order in which they ran."""
        numbered = tuple(Leg(number, trace) for number, trace in enumerate(legs))
        return cls(numbered, reference, repeated, cold_start, known=known)

    @property
    def resumed(self) -> tuple[Leg, ...]:
        """The legs that loaded a checkpoint, or should have."""
        return self.legs[1:]

    @property
    def last(self) -> Leg:
        """The leg that had to reach the end of the run."""
        return self.legs[-1]

    def before(self, leg: Leg) -> tuple[Leg, ...]:
        """The legs that ran before another."""
        return self.legs[: leg.number]

    @property
    def traces(self) -> dict[str, Trace]:
        """What is compared, by its name in messages."""
        return {**{leg.name: leg.trace for leg in self.legs}, "continuous phase": self.reference}

    @property
    def control_arms(self) -> dict[str, Trace]:
        """What shows the worth of the comparison, by its name in messages."""
        arms = {"second continuous run": self.repeated, "cold start": self.cold_start}
        return {name: trace for name, trace in arms.items() if trace is not None}

    @property
    def repetition(self) -> Runs | None:
        """The second continuous run as if it were an interrupted one of a single leg; ``None`` where there is none."""
        return None if self.repeated is None else Runs.of([self.repeated], self.reference, self.known)

    def in_another_world(self, leg: Leg) -> bool:
        """Whether a leg trained on another number of ranks than the continuous run, or shared the model otherwise."""
        return not leg.is_first and self.reference.is_whole

    def about(self, metric: str) -> type[Metric]:
        """What is known of a metric; of one that is unknown, nothing."""
        return self.known.get(metric, Metric)

    @property
    def metrics(self) -> set[str]:
        """All metrics that any of them recorded."""
        return set().union(*(trace.metrics for trace in self.traces.values()))

    @property
    def ranks(self) -> list[int]:
        """All ranks that any of them recorded."""
        return sorted(set().union(*(trace.ranks for trace in self.traces.values())))

    def required_in(self, key: Key) -> frozenset[Leg]:
        """The legs in which a record of the continuous run must be found again: all that went through its moment.

        A run that was killed at step 9 and resumed from step 6 went through 7 to 9 twice.
        One of several is enough only around an interruption itself: see :meth:`meeting_at`.
        """
        return frozenset(leg for leg in self.legs if self._comes_to(leg, key) and self._goes_beyond(leg, key))

    def _comes_to(self, leg: Leg, key: Key) -> bool:
        """Whether a leg begins early enough for a record."""
        if leg.is_first:
            return True
        # A checkpoint of a step that nobody had reached is a claim; what lies between must have been done by somebody.
        before = self.before(leg)
        begin = min(leg.start, max((earlier.reached for earlier in before), default=leg.start))
        if key.step > begin:
            return True
        if key.moment.is_behind_update:  # the one due at the interruption may come before or after it
            return bool(before) and key.step == begin == before[-1].end
        return key.moment.is_state and key.step == begin

    def _goes_beyond(self, leg: Leg, key: Key) -> bool:
        """Whether a leg ends late enough for a record; the last one must not have ended before any."""
        if leg == self.last:
            return True
        after_update = key.moment.is_state or key.moment.is_behind_update
        if self.may_break_off and leg.broke_off:  # at any moment of its last update
            return key.step < leg.end
        return key.step < leg.end if after_update else key.step <= leg.end

    def meeting_at(self, key: Key) -> frozenset[Leg]:
        """The legs of which one is enough for a record, because the interruption between them fell into its moment.

        That is the validation or the epoch's end due at the interruption, and the start and the micro-batches of a
        window cut in two.
        """
        return frozenset(leg for pair in pairwise(self.legs) if _falls_between(*pair, key) for leg in pair)


def _falls_between(earlier: Leg, later: Leg, key: Key) -> bool:
    if earlier.end != later.start:
        return False
    if key.moment.is_behind_update or key.moment is Moment.STEP_START:
        return key.step == later.start
    return key.moment is Moment.MICRO_BATCH and key.step == later.start + 1
