"""Runs phases in fresh processes, which a server forks that has imported torch and the trainer, and nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import unittest
from collections.abc import Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.isolation.child import DUMP_STACKS, run_phase
from stopgo_mixins.isolation.ending import Ending, EndingKind, ProcessEnd, RemoteTraceback
from stopgo_mixins.isolation.process_settings import HASH_SEED
from stopgo_mixins.isolation.ranks import run_ranks

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from stopgo_mixins.isolation.request import PhaseRequest

_SECONDS_FOR_STACKS = 5.0
"""How long a hung process may take to write where its threads are."""

_IMPORTED_BY_OPTIMIZERS = "torch._dynamo"
"""The first optimizer of a process imports it, which takes longer than a small phase does."""

_CONTEXT = multiprocessing.get_context("forkserver")


class PhaseProcess:
    """One phase in a process of its own; the server must run.

    Args:
        request: which one.
        cancelled: is set when nobody wants it any more; :meth:`kill` is called after that.
    """

    def __init__(self, request: PhaseRequest, cancelled: threading.Event) -> None:
        self._request, self._cancelled = request, cancelled
        self._process: ForkServerProcess = _CONTEXT.Process(target=_run, args=(request,), name="stopgo phase")
        self._lock = threading.Lock()

    def run(self, timeout: float | None) -> ProcessEnd:
        """Waits for it, for so many seconds."""
        with self._lock:
            if self._cancelled.is_set():
                return ProcessEnd(-signal.SIGKILL)
            self._process.start()
        try:
            self._process.join(timeout)
            hung = self._process.exitcode is None
            if hung:
                self._dump_stacks()
        finally:
            self.kill()
        return ProcessEnd(int(self._process.exitcode or 0), hung)

    def kill(self) -> None:
        """Ends it, if it is not over, and whatever it has left, from whichever thread."""
        with self._lock:
            if self._process.pid is None:
                return
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()
            with contextlib.suppress(ProcessLookupError):  # nothing is left
                os.killpg(self._process.pid, signal.SIGKILL)

    def _dump_stacks(self) -> None:
        if self._process.pid is not None and self._request.stacks.exists():
            with contextlib.suppress(ProcessLookupError):  # it is over after all
                os.killpg(self._process.pid, DUMP_STACKS)
            self._process.join(_SECONDS_FOR_STACKS / 5)  # it writes from within the signal's handler


def _run(request: PhaseRequest) -> None:
    os.setpgid(0, 0)  # so that what it starts can be ended with it
    (run_phase if request.ranks == 1 else run_ranks)(request)


def demand_success(request: PhaseRequest, end: ProcessEnd, timeout: float | None, *, by: object) -> None:
    """Raises what went wrong in a phase.

    Args:
        request: the phase.
        end: how its process ended.
        timeout: how many seconds it had.
        by: the signal that was to end the phase, if one was, and did.

    Raises:
        unittest.SkipTest: when one of the hooks skips the class.
        PhaseError: when anything went wrong, with the traceback of the other process as its cause.
    """
    ending = Ending.read(request.ending)
    if ending is not None and ending.kind is EndingKind.SKIPPED:
        raise unittest.SkipTest(ending.described)
    if isinstance(by, signal.Signals) and end.status == -by and not end.hung:
        return
    problem = end.problem(ending, timeout)
    if problem is None:
        return
    stacks = _stacks(request) if end.hung else ""
    cause = ending.traceback if ending is not None else stacks
    raise PhaseError(problem) from (RemoteTraceback(f"\n{cause}") if cause else None)


def _stacks(request: PhaseRequest) -> str:
    """Where the process hung, or each of its ranks."""
    if request.ranks == 1:
        return _text(request.stacks)
    of_ranks = {rank: _text(request.of_rank(rank).stacks) for rank in range(request.ranks)}
    return "\n".join(f"rank {rank}:\n{text}" for rank, text in of_ranks.items() if text)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def start_server(preload: Sequence[str]) -> None:
    """Starts the server of this process, if it does not run yet; it ends when this process does.

    Args:
        preload: the modules that it imports.


    Its order of hashes is another one than here: what a run makes depend on it differs after a real restart, too.
    To be called from the main thread: the variable that says so stands in the environment meanwhile.
    """
    _CONTEXT.set_forkserver_preload(["stopgo_mixins.isolation.launcher", _IMPORTED_BY_OPTIMIZERS, *preload])
    with mock.patch.dict(os.environ, {HASH_SEED: _other_hash_seed()}):
        forkserver.ensure_running()


def _other_hash_seed() -> str:
    return "1" if os.environ.get(HASH_SEED) != "1" else "2"


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
