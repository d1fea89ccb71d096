"""Kills a stop phase in fact, at a moment that no file event has chosen."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.isolation.directory_tree import put_back, take
from stopgo_mixins.isolation.launcher import PhaseProcess
from stopgo_mixins.isolation.request import PhaseRequest
from stopgo_mixins.kills.left import StopLog
from stopgo_mixins.kills.processes import FILE_EVENTS, PHASE_LOG
from stopgo_mixins.kills.runner import KillRunner
from stopgo_mixins.kills.verdict import KillVerdict
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace

if TYPE_CHECKING:
    from stopgo_mixins.kills.killed import Killed


class RealDeaths(KillRunner):
    """Stops the run of a class as often as it is asked to, each time from its beginning.

    A restart is judged beside the stop phase that nobody killed: one that died may not have said all that it did.
    """

    def __init__(self, killed: type[Killed]) -> None:
        super().__init__(killed)
        whole = shutil.move(self._metadata / Mode.STOP.value, self._metadata / FILE_EVENTS)
        self._judge = dataclasses.replace(self._judge, stop=Trace(Path(whole)))

    def seconds(self) -> float:
        """How long a stop phase takes that nobody kills."""
        begin = time.monotonic()
        self._stop(None)
        return time.monotonic() - begin

    def kill_after(self, seconds: float) -> tuple[int, KillVerdict]:
        """How many updates a stop phase had made that was killed after so long, and what a restart made of it."""
        self._stop(seconds)
        tree = take(self._directory, self._files.contents)
        log = StopLog(self._metadata / PHASE_LOG, self._directory, ())
        left = self._left(tree, log.updates(log.size))
        return left.updates, self._verdict(left, self._restart(tree))

    def _stop(self, seconds: float | None) -> None:
        put_back(self._events[0].tree, self._directory, self._files.contents)
        for path in self._metadata.glob(f"{Mode.STOP.value}.*"):
            path.unlink()
        shutil.rmtree(self._metadata / Mode.STOP.value, ignore_errors=True)
        self._killed._leg = 0
        watched = vars(self._killed._request(Mode.STOP))
        request = PhaseRequest(**{field.name: watched[field.name] for field in dataclasses.fields(PhaseRequest)})
        process = PhaseProcess(request, threading.Event())
        killer = threading.Timer(threading.TIMEOUT_MAX if seconds is None else seconds, process.kill)
        killer.start()
        process.run(None)
        killer.cancel()
        killer.join()
