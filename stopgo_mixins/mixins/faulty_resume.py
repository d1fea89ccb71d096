"""Resumes a test class with one fault at a time, and tells which of its tests fail."""

from __future__ import annotations

import dataclasses
import shutil
import types
import unittest
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.faults.batch_archive import BatchArchive
from stopgo_mixins.faults.fault import Fault, Injection, NotApplicable
from stopgo_mixins.faults.outcome import FailedTest, Outcome, Status
from stopgo_mixins.faults.stopped_run import StoppedRun
from stopgo_mixins.mixins.fault_verdict import Tested, judge_fault
from stopgo_mixins.mixins.stop_and_go import StopAndGoMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.phase import PhasePlan

__unittest = True  # keeps the frames of this module out of unittest's tracebacks


class Stopped(StopAndGoMixin, abstract=True):
    """Before a test class: its phases without the resume phase; the batches that stop reads are kept."""

    batches: ClassVar[BatchArchive]

    @override
    @classmethod
    def stop(cls) -> None:
        cls.batches = BatchArchive(cls.metadata_dir / "batches")
        super().stop()

    @override
    @classmethod
    def resume(cls) -> None:
        """Does nothing yet."""

    @override
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        trainer = super().setup_trainer(mode)
        if mode is Mode.STOP:
            cls.change_loaders(trainer, _only_first(cls.batches.of), _unchanged)
        return trainer


class FaultyResume(StopAndGoMixin, abstract=True):
    """Before a stopped test class: its resume phase, with a fault."""

    injection: ClassVar[Injection]
    stopped_run: ClassVar[StoppedRun]

    @override
    @classmethod
    def resume(cls) -> None:
        super(Stopped, cls).resume()  # type: ignore[misc]  # the stopped class that always follows in the MRO

    @override
    @classmethod
    def resume_checkpoint(cls) -> str | None:
        return cls.injection.checkpoint(cls.stopped_run)

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        plan = super().plan(mode)
        return dataclasses.replace(plan, recorders=[*cls.injection.listeners(), *plan.recorders])

    @override
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        trainer = super().setup_trainer(mode)
        run, injection = cls.stopped_run, cls.injection
        cls.change_loaders(
            trainer,
            _only_first(lambda loader: injection.training_loader(loader, run)),
            lambda loader: injection.validation_loader(loader, run),
        )
        if moved := injection.validations_moved(run):
            cls.move_validations(trainer, moved)
        return trainer

    @override
    def assertCatches(self, fault: Fault) -> None:
        raise unittest.SkipTest("this is the resume phase of an injected fault")


class FaultyResumes:
    """Tries faults on a test class whose stop and continuous phases have run.

    What the stop phase left on disk is put back before each resume.

    Args:
        stopped: a subclass of :class:`Stopped` and of the test class.
    """

    def __init__(self, stopped: type[Stopped]) -> None:
        self._stopped = stopped
        self._work = Path(stopped.tempdir.name)
        self._left_by_stop = stopped.metadata_dir / "left-by-stop"
        metadata = stopped.metadata_dir.name
        shutil.copytree(self._work, self._left_by_stop, symlinks=True, ignore=lambda path, names: {metadata} & {*names})

    @cached_property
    def without_fault(self) -> Tested:
        """The tests of a resume phase without any fault."""
        faulty = self._faulty_class("no fault", Injection())
        faulty.resume()
        return Tested.run(faulty)

    def inject(self, fault: Fault) -> Outcome:
        """Resumes with a fault and runs the tests.

        Raises:
            PhaseError: when the resume phase fails even without the fault.
        """
        baseline = self.without_fault
        faulty = self._faulty_class(fault.id, fault.injection)
        try:
            fault.injection.prepare(faulty.stopped_run)
        except NotApplicable as reason:
            return Outcome(fault, Status.NOT_APPLICABLE, reason=f"{reason}.")
        try:
            faulty.resume()
        except PhaseError as error:
            return _of_failed_phase(fault, faulty, error)
        return judge_fault(fault, faulty, Tested.run(faulty), baseline)

    def _faulty_class(self, name: str, injection: Injection) -> type[FaultyResume]:
        self._put_back()
        stopped = self._stopped
        faulty: Any = subclass(FaultyResume, stopped, f"{stopped.exp_name} with {name}")
        faulty.injection = injection
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
            same_seed=stopped.resume_seed in (None, stopped.seed),
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


def subclass(mixin: type, test_class: type, name: str) -> type[Any]:
    """A class of both, whose tests are those of the test class, and which no test runner finds."""
    body = {"__module__": test_class.__module__, "__doc__": test_class.__doc__}
    body |= {test: None for test in dir(test_class) if test.startswith("test_") and getattr(test_class, test) is None}
    return types.new_class(name, (mixin, test_class), {}, lambda namespace: namespace.update(body))


def stopped_copy(test_class: type[StopAndGoMixin]) -> type[Stopped]:
    """A test class whose phases have run, stopped once more in a directory of its own."""
    stopped: type[Stopped] = subclass(Stopped, test_class, test_class.__name__)
    stopped.make_run_directory()
    continuous = Mode.CONTINUOUS.value
    (stopped.metadata_dir / continuous).symlink_to(test_class.metadata_dir.absolute() / continuous)
    stopped.stop()
    return stopped


def _of_failed_phase(fault: Fault, faulty: type[FaultyResume], error: PhaseError) -> Outcome:
    """A fault that ends the phase is caught in any case, and well if the error names the checkpoint."""
    path = faulty.stopped_run.checkpoint
    missing = [] if path in str(error) else [f"the error should name the checkpoint {path}: {error}"]
    if not fault.ends_the_phase:
        missing.append(f"the resume phase should run to its end: {error}")
    return Outcome(fault, Status.CAUGHT, tests=(FailedTest("the resume phase", ""),), missing=tuple(missing))


def _only_first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    seen: list[object] = []

    def change_first(loader: Any) -> Any:
        seen.append(loader)
        return change(loader) if len(seen) == 1 else loader

    return change_first


def _unchanged(loader: Any) -> Any:
    return loader


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
