"""Resumes a stopped test class with one fault at a time, and tells which of its tests fail."""

from __future__ import annotations

import copy
import shutil
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.faults.fault import Injection, NotApplicable
from stopgo_mixins.faults.stopped_run import StoppedRun
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.faulty_resume import FaultyResume
from stopgo_mixins.trials.outcome import Outcome, Status
from stopgo_mixins.trials.stopped import subclass
from stopgo_mixins.trials.tested import Tested
from stopgo_mixins.trials.verdict import judge_failed_phase, judge_trial

if TYPE_CHECKING:
    from stopgo_mixins.faults.fault import Fault
    from stopgo_mixins.trials.stopped import Stopped

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class TrialRunner:
    """Tries faults on a test class whose stop and continuous phases have run.

    What the stop phase left on disk is put back before each resume.

    Args:
        stopped: a subclass of :class:`~stopgo_mixins.trials.stopped.Stopped` and of the test class.

    Attributes:
        subject: the name of the test class.
    """

    def __init__(self, stopped: type[Stopped]) -> None:
        self._stopped = stopped
        self.subject = stopped.exp_name
        self._resume_seed = stopped.resume_seed
        self._work = Path(stopped.tempdir.name)
        self._left_by_stop = stopped.metadata_dir / "left-by-stop"
        metadata = stopped.metadata_dir.name
        shutil.copytree(self._work, self._left_by_stop, symlinks=True, ignore=lambda path, names: {metadata} & {*names})

    def with_resume_seed(self, seed: int) -> TrialRunner:
        """One that does the same, with another seed for the resume phases."""
        other = copy.copy(self)
        vars(other).pop("without_fault", None)
        other._resume_seed = seed
        return other

    @cached_property
    def without_fault(self) -> Tested:
        """The tests of a resume phase without any fault."""
        faulty = self._faulty_class("no fault", Injection())
        faulty.resume()
        return Tested.run(faulty)

    def run(self, fault: Fault) -> Outcome:
        """Resumes with a fault and runs the tests.

        Raises:
            PhaseError: when the resume phase fails even without the fault.
        """
        baseline = self.without_fault
        faulty = self._faulty_class(fault.id, fault.injection)
        if missing := faulty.missing_hook():
            return Outcome(fault, Status.NOT_TRIED, reason=missing)
        try:
            fault.injection.prepare(faulty.stopped_run)
        except NotApplicable as reason:
            return Outcome(fault, Status.NOT_APPLICABLE, reason=f"{reason}.")
        except Exception as error:  # whatever an injection may do wrong, it must not end the others
            return Outcome(fault, Status.NOT_TRIED, reason=f"the injection failed: {type(error).__name__}: {error}")
        try:
            faulty.resume()
        except PhaseError as error:
            return judge_failed_phase(fault, faulty, error)
        if loaded := faulty.loaded_all_the_same():
            return Outcome(fault, Status.NOT_TRIED, reason=loaded)
        return judge_trial(fault, faulty, Tested.run(faulty), baseline)

    def _faulty_class(self, name: str, injection: Injection) -> type[FaultyResume]:
        self._put_back()
        stopped = self._stopped
        faulty: Any = subclass(FaultyResume, stopped, f"{stopped.exp_name} with {name}")
        faulty.injection, faulty.resume_seed = injection, self._resume_seed
        faulty.metadata_dir = stopped.metadata_dir  # its own: its phases have run, or will have
        faulty.callbacks = faulty.get_default_callbacks()
        checkpoint = stopped.resume_checkpoint()
        if checkpoint is None:
            raise PhaseError(
                f"{stopped.exp_name}.resume_checkpoint() is None: a resume that loads nothing has no faults."
            )
        faulty.stopped_run = StoppedRun(
            stop=stopped.trace(Mode.STOP),
            reference=stopped.trace(Mode.CONTINUOUS),
            checkpoint=checkpoint,
            read_checkpoint=partial(stopped.read_checkpoint, checkpoint),
            batches=stopped.batches,
            same_seed=self._resume_seed in (None, stopped.seed),
        )
        return faulty  # type: ignore[no-any-return]  # made just above

    def _put_back(self) -> None:
        metadata = self._stopped.metadata_dir
        for path in self._work.iterdir():
            if path != metadata:
                _remove(path)
        shutil.copytree(self._left_by_stop, self._work, symlinks=True, dirs_exist_ok=True)
        for path in (metadata / Mode.RESUME.value, metadata / f"{Mode.RESUME.value}.log"):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
