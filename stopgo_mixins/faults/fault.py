"""A fault: something that a resume can get wrong, as an object that can be injected."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.diagnosis.cause import Cause
    from stopgo_mixins.faults.stopped_run import StoppedRun


class NotApplicable(Exception):  # noqa: N818 - no error: there is nothing that the fault could break
    """Raised by an injection into a run that has nothing to break, with the reason."""


class Point(enum.Enum):
    """Where in the resumed run a metric must differ first; R is the resume point."""

    RESTORED = "the restored state R"
    FIRST_STEP = "step R + 1"
    NEXT_RECORD = "its first record after R"
    LATER = "a step after R"

    def is_first_of(self, comparison: Comparison, resume_point: int) -> bool:
        """Whether the first divergence of a metric lies here."""
        if comparison.first is None:
            return False
        key = comparison.first.key
        if self is Point.RESTORED:
            return key.moment.is_state and key.step == resume_point
        if self is Point.FIRST_STEP:
            return key.step == resume_point + 1
        if self is Point.NEXT_RECORD:
            return key.step == min((step for step in comparison.steps if step > resume_point), default=None)
        return key.step > resume_point


@dataclass(frozen=True)
class Symptom:
    """A test that must fail.

    Attributes:
        metric: whose test, or which check of the run as a whole (``"number_of_steps"``).
        point: where the metric must differ first; ``None`` for a check of the run.
    """

    metric: str
    point: Point | None = None


class Injection:
    """How a fault comes about; a subclass overrides what it needs."""

    @property
    def acts_on_trainer(self) -> bool:
        """Whether it changes what the trainer reads, or when it validates."""
        hooks = ("training_loader", "validation_loader", "validations_moved")
        return any(getattr(type(self), hook) is not getattr(Injection, hook) for hook in hooks)

    @property
    def acts_in_process(self) -> bool:
        """Whether it does anything while the resume phase runs."""
        return self.acts_on_trainer or type(self).listeners is not Injection.listeners

    def prepare(self, run: StoppedRun) -> None:
        """Changes what lies on disk between stop and resume.

        Raises:
            NotApplicable: when the run has nothing that the fault could break, saying what is missing.
        """

    def checkpoint(self, run: StoppedRun) -> str | None:
        """The checkpoint that the resume phase loads, ``None`` for none."""
        return run.checkpoint

    def listeners(self) -> Sequence[object]:
        """Subscribers to the events of the resume phase, called before every recorder."""
        return ()

    def validations_moved(self, run: StoppedRun) -> int:
        """By how many micro-batches every validation of the resume phase comes later (earlier if negative)."""
        return 0

    def training_loader(self, loader: Any, run: StoppedRun) -> Any:
        """The training loader that the resume phase reads."""
        return loader

    def validation_loader(self, loader: Any, run: StoppedRun) -> Any:
        """The validation loader that the resume phase reads."""
        return loader


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that a resume can get wrong.

    Attributes:
        id: its number in the table of faults, such as ``"F33"``.
        name: a few words for a table.
        what: what is broken, for someone who reads that no test noticed.
        injection: how it comes about.
        symptoms: the tests that must fail in any run, the root cause first; others may fail as a consequence.
        causes: of which the diagnosis must name one; none where the failing test itself is the name.
        ends_the_phase: the resume phase must fail, and say which checkpoint it could not load.
        may_end_the_phase: it may do so as well, if the trainer notices.
        unseen: says why no test can notice it in a run, and what gives the test power; ``None`` where one should.
    """

    id: str
    name: str
    what: str
    injection: Injection
    symptoms: tuple[Symptom, ...]
    causes: tuple[Cause, ...] = ()
    ends_the_phase: bool = False
    may_end_the_phase: bool = False
    unseen: Callable[[StoppedRun], str | None] = lambda run: None

    def __str__(self) -> str:
        return f"{self.id} ({self.name})"
