"""Restarts a run after each death of its stop phase."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.isolation.directory_tree import put_back
from stopgo_mixins.isolation.ending import Ending
from stopgo_mixins.isolation.file_events import END, FileEventLog
from stopgo_mixins.isolation.output import last_lines, progress
from stopgo_mixins.kills.death import Death, Way, deaths
from stopgo_mixins.kills.left import StopLog
from stopgo_mixins.kills.processes import FILE_EVENTS, PHASE_LOG
from stopgo_mixins.kills.verdict import Judge, KillVerdict, Left, Survival
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace

if TYPE_CHECKING:
    from stopgo_mixins.isolation.directory_tree import Tree
    from stopgo_mixins.isolation.ending import ProcessEnd
    from stopgo_mixins.kills.killed import Killed

SECONDS = 300.0
"""After which a restart hangs, in a class that sets no ``phase_timeout``."""


@dataclass(frozen=True)
class DeathOutcome:
    """What became of the run after one death.

    Attributes:
        death: which one.
        updates: that had been made.
        verdict: on the restart.
    """

    death: Death
    updates: int
    verdict: KillVerdict

    @property
    def is_failure(self) -> bool:
        """Whether it goes unnoticed; or the run cannot even be resumed from all that its stop phase has written."""
        unharmed = self.death.event.operation == END and self.death.way is Way.BEFORE
        return self.verdict.survival.is_failure or (unharmed and self.verdict.survival.is_refusal)


@dataclass(frozen=True)
class _Restarted:
    """How a restart ended.

    Attributes:
        end: of its process.
        ending: its own last word.
        printed: the last lines.
        trace: what it recorded.
    """

    end: ProcessEnd
    ending: Ending | None
    printed: list[str]
    trace: Trace


class KillRunner:
    """Restarts the run of a class whose stop and continuous phases have run.

    Deaths that leave the same files, changed at the same times, share one restart.

    Args:
        killed: a subclass of :class:`~stopgo_mixins.kills.killed.Killed` and of the test class.
    """

    def __init__(self, killed: type[Killed]) -> None:
        self._killed = killed
        self._metadata = killed.metadata_dir
        self._directory = killed.run_directory(Mode.RESUME)
        self._timeout = killed.phase_timeout or SECONDS
        self._files = FileEventLog(self._metadata / FILE_EVENTS)
        self._events = self._files.read()
        log = shutil.copy(self._metadata / PHASE_LOG, self._metadata / FILE_EVENTS)
        self._log = StopLog(Path(log), self._directory, self._events)
        self._restarted: dict[object, _Restarted] = {}
        self._judge = Judge(
            killed.trace(Mode.STOP),
            killed.trace(Mode.CONTINUOUS),
            killed.known_metrics(),
            killed._tolerances,
            killed.num_steps,
            killed._declared,
        )

    def run(self) -> Iterator[DeathOutcome]:
        """All deaths since the first update, one after the other."""
        of_interest = [
            death for death in deaths(self._events, self._files.contents) if self._log.updates(death.event.log_size)
        ]
        for number, death in enumerate(of_interest, start=1):
            with progress(f"{self._killed.exp_name}: death {number} of {len(of_interest)} ..."):
                yield self._outcome(death)

    def _outcome(self, death: Death) -> DeathOutcome:
        left = self._left(death.tree, self._log.updates(death.event.log_size), death.damaged)
        return DeathOutcome(death, left.updates, self._verdict(left, self._restart(death.tree)))

    def _left(self, tree: Tree, updates: int, damaged: Collection[str] = ()) -> Left:
        whole = {version.path: version.update for version in self._log.whole_in(tree)}
        return Left(updates, whole, self._log.torn_in(tree), damaged)

    def _verdict(self, left: Left, restarted: _Restarted) -> KillVerdict:
        problem = restarted.end.problem(restarted.ending, self._timeout)
        if restarted.end.hung:
            return KillVerdict(Survival.HUNG, reason=str(problem))
        if problem is None:
            return self._judge.restart(left, restarted.trace)
        said = restarted.ending.traceback if restarted.ending else "\n".join(restarted.printed)
        return self._judge.refusal(left, said, problem)

    def _restart(self, tree: Tree) -> _Restarted:
        key = tuple(sorted((path, entry.kind, entry.content, entry.modified) for path, entry in tree.items()))
        if key not in self._restarted:
            self._restarted[key] = self._restart_in(tree)
        return self._restarted[key]

    def _restart_in(self, tree: Tree) -> _Restarted:
        put_back(tree, self._directory, self._files.contents)
        request, end = self._killed.restart(self._timeout)
        kept = self._metadata / f"restart-{len(self._restarted) + 1}"
        kept.mkdir()
        for path in self._metadata.glob(f"{request.files.name}*"):
            shutil.move(path, kept / path.name)
        moved = kept / request.files.name
        ending, printed = Ending.read(moved.with_suffix(".ending")), last_lines(moved.with_suffix(".log"))
        return _Restarted(end, ending, printed, Trace(moved))
