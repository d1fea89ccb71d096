"""What a phase leaves behind beside values: threads, processes and open files."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stopgo_mixins.isolation.user_modules import is_users

_TASKS = Path("/proc/self/task")
_DESCRIPTORS = Path("/proc/self/fd")
_SERVERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""What multiprocessing starts once for a process, beside its managers."""


@dataclass(frozen=True)
class LeftBehind:
    """What there is at one moment, without what libraries start for themselves, often once for a process.

    Attributes:
        threads: those that run a function or a class of the user's.
        children: the ids of processes.
        files: the paths of open files.
    """

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    files: frozenset[str]

    @classmethod
    def now(cls) -> LeftBehind:
        """What there is now; on a system that does not tell, no processes and no files."""
        threads = filter(_runs_code_of_the_user, threading.enumerate())
        managers = {child.pid for child in multiprocessing.active_children() if child.name.startswith("SyncManager-")}
        return cls(frozenset(threads), frozenset(_children()) - managers, frozenset(_open_files()))

    def since(self, before: LeftBehind) -> Iterator[str]:
        """Names what was not there before."""
        for thread in sorted(self.threads - before.threads, key=lambda thread: thread.name):
            yield f"the thread {thread.name} is still running"
        for child in sorted(self.children - before.children):
            command = _command(child)
            if not any(server in command for server in _SERVERS):
                yield f"the process {child} is still running: {command[:80]}"
        for file in sorted(self.files - before.files):
            yield f"the file {file} is still open"


def _runs_code_of_the_user(thread: threading.Thread) -> bool:
    """Whether a thread was started for a function of the user's, or is of a class of theirs."""
    started_for = (getattr(thread, "_target", None), type(thread))
    return any(is_users(str(getattr(code, "__module__", ""))) for code in started_for)


def _children() -> Iterator[int]:
    for task in _TASKS.glob("*"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            yield from map(int, (task / "children").read_text().split())


def _command(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    return "it has just ended"


def _open_files() -> Iterator[str]:
    for descriptor in _DESCRIPTORS.glob("*"):
        with contextlib.suppress(OSError):  # it was that of this listing
            target = str(descriptor.readlink())
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:")):
                yield target
