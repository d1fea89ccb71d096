"""Which faults of a resume the tests of a class would catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from stopgo_mixins.faults.fault import Fault
    from stopgo_mixins.faults.outcome import Outcome
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.mixins.faulty_resume import FaultyResumes

__unittest = True  # keeps the frames of this module out of unittest's tracebacks


class FaultAssertionsMixin:
    """Injects faults into the resume phase of a test class, and demands that its tests fail."""

    exp_name: ClassVar[str]
    addClassCleanup: Callable[..., Any]  # noqa: N815 - unittest's own name

    _faulty_resumes: ClassVar[FaultyResumes | None] = None

    @classmethod
    def read_checkpoint(cls, path: str) -> SavedState:
        """Reads a checkpoint for a fault to change it; each backend knows its own format."""
        raise NotImplementedError(f"{cls.__name__}.read_checkpoint: this backend's checkpoints cannot be edited.")

    @classmethod
    def change_loaders(cls, trainer: Any, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        """Lets a trainer read what one of the two functions makes of each of its loaders."""
        raise NotImplementedError(f"{cls.__name__}.change_loaders: this backend's loaders cannot be changed.")

    @classmethod
    def move_validations(cls, trainer: Any, micro_batches: int) -> None:
        """Lets every validation of a trainer come so many micro-batches later (earlier if negative)."""
        raise NotImplementedError(f"{cls.__name__}.move_validations: this backend's validations cannot be moved.")

    def assertCatches(self, fault: Fault) -> None:  # noqa: N802 - as unittest's own assertions
        """Fails unless the tests of this class catch a fault, first where it happens, and name its cause.

        The class is stopped once more when this is first called; then each fault takes one resume phase.

        ::

            def test_faults(self):
                for fault in (SCHEDULER_NOT_RESTORED, SECOND_MOMENT_ZERO):
                    with self.subTest(fault=fault.id):
                        self.assertCatches(fault)
        """
        outcome = self._inject(fault)
        problem = outcome.reason if outcome.status is not outcome.status.CAUGHT else "; ".join(outcome.missing)
        if problem:
            raise AssertionError(f"{self.exp_name}, {fault}: {outcome.status.value}. {problem}")

    @classmethod
    def _inject(cls, fault: Fault) -> Outcome:
        from stopgo_mixins.mixins.faulty_resume import FaultyResumes, stopped_copy

        if cls._faulty_resumes is None:
            test_class: Any = cls  # which all of the library's mixins make
            stopped: Any = stopped_copy(test_class)
            cls.addClassCleanup(stopped.doClassCleanups)
            cls._faulty_resumes = FaultyResumes(stopped)
            cls.addClassCleanup(setattr, cls, "_faulty_resumes", None)
        return cls._faulty_resumes.inject(fault)
