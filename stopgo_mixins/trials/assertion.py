"""Which faults of a resume the tests of a class would catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import final

from stopgo_mixins.trials.hooks import FaultHooksMixin
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.runner import TrialRunner
from stopgo_mixins.trials.stopped import stopped_copy

if TYPE_CHECKING:
    from stopgo_mixins.faults.fault import Fault

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class FaultAssertionsMixin(FaultHooksMixin):
    """Injects faults into the resume phase of a test class, and demands that its tests fail."""

    addClassCleanup: Callable[..., Any]  # noqa: N815 - unittest's own name

    _trial_runner: ClassVar[TrialRunner | None] = None

    def assertCatches(self, fault: Fault) -> None:  # noqa: N802 - as unittest's own assertions
        """Fails unless the tests of this class catch a fault, first where it happens, and name its cause.

        The class is stopped once more when this is first called; then each fault takes one resume phase.

        ::

            def test_faults(self):
                for fault in (SCHEDULER_NOT_RESTORED, SECOND_MOMENT_ZERO):
                    with self.subTest(fault=fault.id):
                        self.assertCatches(fault)
        """
        outcome = self._trials().run(fault)
        problem = outcome.reason if outcome.status is not Status.CAUGHT else "; ".join(outcome.missing)
        if problem:
            raise AssertionError(f"{self.exp_name}, {fault}: {outcome.status.value}. {problem}")

    @classmethod
    @final
    def _trials(cls) -> TrialRunner:
        if vars(cls).get("_trial_runner") is None:  # its own: a class never resumes what its parent has stopped
            stopped: Any = stopped_copy(cls)
            cls.addClassCleanup(stopped.doClassCleanups)
            cls._trial_runner = TrialRunner(stopped)
            cls.addClassCleanup(setattr, cls, "_trial_runner", None)
        runner: TrialRunner = vars(cls)["_trial_runner"]
        return runner
