"""The phases of a run that is killed, in processes of their own: one that is watched, and the restarts after it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from stopgo_mixins.isolation.file_events import FileEventLog
from stopgo_mixins.isolation.file_watch import FileWatch
from stopgo_mixins.isolation.request import PhaseRequest
from stopgo_mixins.kills.hooks import KillHooksMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.stopped import subclass

if TYPE_CHECKING:
    from stopgo_mixins.interruption import Interruption

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

FILE_EVENTS = "file-events"
"""Below the directory of the traces: what the stop phase did to files."""

PHASE_LOG = Path(Mode.STOP.value, "rank-0", "phase.jsonl")
"""Below the same: what it says of itself."""


class WatchedStop(KillHooksMixin):
    """Before a test class, in a process that is made for its stop phase: all that it does to files is written down."""

    _dies_at: ClassVar[int | None] = None

    @override
    @classmethod
    def _run_as_child(cls, request: PhaseRequest) -> None:
        log = FileEventLog(cls.metadata_dir / FILE_EVENTS)
        watch = FileWatch(cls.run_directory(Mode.STOP), log, cls.metadata_dir / PHASE_LOG, cls._dies_at)
        watch.start()
        super()._run_as_child(request)
        watch.end()


class KilledOnceMixin(KillHooksMixin):
    """Before a test class: of a chain of interruptions, only the first."""

    @override
    @classmethod
    def _all_interruptions(cls) -> tuple[Interruption, ...]:
        return super()._all_interruptions()[:1]


class Restart(KilledOnceMixin):
    """Before a test class, in a process of its own: its resume phase, which nobody tells what to load."""

    _trainer: ClassVar[Any] = None

    @override
    @classmethod
    def make_trainer(cls, mode: Mode) -> Any:
        cls._trainer = super().make_trainer(mode)
        return cls._trainer

    @override
    @classmethod
    def _checkpoint_left_by(cls, leg: int) -> str | None:
        return cls.find_checkpoint(cls._trainer)


@dataclasses.dataclass(frozen=True)
class KillRequest(PhaseRequest):
    """A phase of a run that is killed.

    Attributes:
        dies_at: the number of the file event before which the process is to die, if any.
    """

    dies_at: int | None = None

    @override
    def find_class(self) -> Any:
        found = super().find_class()
        made = subclass(WatchedStop if self.mode is Mode.STOP else Restart, found, found.__name__)
        if self.dies_at is not None:
            made._dies_at = self.dies_at
        return made
