"""How a phase in a process of its own has ended."""

from __future__ import annotations

import enum
import json
import signal
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path


class EndingKind(enum.Enum):
    """What a phase says of itself: it trained to its end or interruption, skips its class, or raised an error."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    RAISED = "raised"


class RemoteTraceback(Exception):  # noqa: N818 - stands for the error of another process, as the cause of one here
    """The traceback of an error in another process."""


@dataclass(frozen=True)
class Ending:
    """The last word of a phase, written by its process.

    Attributes:
        kind: what the phase says of itself.
        described: the error with its type, or the reason of the skip; empty if it finished.
        traceback: of the error.
    """

    kind: EndingKind
    described: str = ""
    traceback: str = ""

    @classmethod
    def of_error(cls, error: BaseException) -> Ending:
        """That of a phase which raised an error."""
        return cls(EndingKind.RAISED, described(error), formatted_traceback(error))

    def write(self, path: Path) -> None:
        """Writes it as a whole, or not at all."""
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps({**asdict(self), "kind": self.kind.value}), encoding="utf-8")
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> Ending | None:
        """What a process wrote; ``None`` if it died before."""
        if not path.exists():
            return None
        fields = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "kind": EndingKind(fields["kind"])})


@dataclass(frozen=True)
class ProcessEnd:
    """How the process ended, as its parent saw it.

    Attributes:
        status: the exit status, or the negative number of the signal that killed it.
        hung: whether it was killed because its time was over.
    """

    status: int
    hung: bool = False

    def problem(self, ending: Ending | None, limit: float | None) -> str | None:
        """What is wrong with it, in words, after a phase that has said how it ended; ``None`` where nothing is."""
        if ending is not None and ending.kind is EndingKind.RAISED:
            return ending.described
        if self.hung:
            return f"{overtime(limit)}, and was killed"
        if ending is None:
            return f"its process {self._death()} before the phase was over"
        if self.status != 0 and ending.kind is EndingKind.FINISHED:
            return f"it had trained to its end, then its process {self._death()} while it exited"
        return None

    def _death(self) -> str:
        if self.status >= 0:
            return f"ended with exit status {self.status} (as os._exit({self.status}) does)"
        name = signal_name(-self.status)
        memory = ", as the kernel does when memory is short," if name == "SIGKILL" else ""
        return f"was killed by {name}{memory}"


def overtime(limit: float | None) -> str:
    """Says that a phase did not end in time."""
    return f"it did not end within phase_timeout = {limit} seconds"


def signal_name(number: int) -> str:
    """The name of a signal, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def described(error: BaseException) -> str:
    """An error with its type, in one line."""
    return f"{type(error).__name__}: {error}"


def formatted_traceback(error: BaseException) -> str:
    """The traceback of an error and of its causes."""
    return "".join(traceback.format_exception(error))
