"""Runs one phase in a process that has been forked from the server."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from stopgo_mixins.isolation.ending import Ending, EndingKind

if TYPE_CHECKING:
    from stopgo_mixins.isolation.request import PhaseRequest

DUMP_STACKS = signal.SIGRTMIN + 7
"""Asks the child for the stack of every thread; no trainer uses the real-time signals."""

_PR_SET_PDEATHSIG = 1
"""Of ``prctl(2)``: the signal that a process gets when its parent dies."""


def run_phase(request: PhaseRequest) -> None:
    """Finds the class, trains, and writes down how that ended."""
    carry_out(request, _train)


def carry_out(request: PhaseRequest, run: Callable[[PhaseRequest], Ending]) -> None:
    """Runs something for a request, with what it prints in the files of the request, and writes down how it ended."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with request.log.open("a", buffering=1, encoding="utf-8") as log, request.stacks.open("w") as stacks:
        _print_to(log.fileno())
        faulthandler.enable(log)
        faulthandler.register(DUMP_STACKS, stacks, all_threads=True)
        _run(request, run).write(request.ending)
        for stream in (sys.stdout, sys.stderr):
            # A stream that training has closed has nothing left to flush.
            with contextlib.suppress(ValueError, OSError):
                stream.flush()


def _print_to(descriptor: int) -> None:
    for standard in (1, 2):
        os.dup2(descriptor, standard)


def _run(request: PhaseRequest, run: Callable[[PhaseRequest], Ending]) -> Ending:
    try:
        request.settings.apply()
        return run(request)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end a phase as any other error does
        return Ending.of_error(error)


def _train(request: PhaseRequest) -> Ending:
    found = request.find_class()
    try:
        found._run_as_child(request)
    except BaseException as error:
        if error is found._skip:
            return Ending(EndingKind.SKIPPED, str(error))
        raise
    return Ending(EndingKind.FINISHED)
