"""A test class between its stop and its resume phase."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, ClassVar

from typing_extensions import override

from stopgo_mixins.faults.batch_archive import BatchArchive
from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mixins.reseeded import ReseededStartMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.hooks import FaultHooksMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class Stopped(ConsistencyAssertionsMixin, FaultHooksMixin, ReseededStartMixin):
    """Before a test class: its phases without the resume phase; the batches that stop reads are kept.

    Attributes:
        batches: those.
        was_set_up: whether stop asked for a trainer, through which a fault reaches what it reads and when it validates.
    """

    isolation = "in_process"  # where faults can reach into the trainer
    _is_started_reseeded = False  # which tells nothing of a fault

    batches: ClassVar[BatchArchive]
    was_set_up: ClassVar[bool] = False

    _leaves_report: ClassVar[bool] = False  # half a run has none

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
            cls.was_set_up = True
            cls.change_loaders(trainer, changing_first(cls.batches.of), lambda loader: loader)
        return trainer


def subclass(mixin: type, test_class: type, name: str) -> type[Any]:
    """A class of both, whose tests are those of the test class, and which no test runner finds."""
    body = {"__module__": test_class.__module__, "__doc__": test_class.__doc__}
    body |= {test: None for test in dir(test_class) if test.startswith("test_") and getattr(test_class, test) is None}
    return types.new_class(name, (mixin, test_class), {}, lambda namespace: namespace.update(body))


def stopped_class(test_class: type[TrainingPhasesMixin]) -> type[Stopped]:
    """A test class that is stopped and not resumed.

    Raises:
        TypeError: when the test class trains on several ranks, in processes that no fault would reach.
    """
    if test_class.devices > 1:
        raise TypeError(
            f"{test_class.__name__}.devices is {test_class.devices}, and faults are injected in the process of the "
            "tests: try them on a class like it with devices = 1."
        )
    return subclass(Stopped, test_class, test_class.__name__)


def stopped_copy(test_class: type[TrainingPhasesMixin]) -> type[Stopped]:
    """A test class whose phases have run, stopped once more in a directory of its own."""
    stopped = stopped_class(test_class)
    stopped.make_run_directory()
    continuous = Mode.CONTINUOUS.value
    (stopped.metadata_dir / continuous).symlink_to(test_class.metadata_dir.absolute() / continuous)
    stopped.stop()
    return stopped


def changing_first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes the first loader that it is given, and returns the others as they are."""
    seen: list[object] = []

    def change_first(loader: Any) -> Any:
        seen.append(loader)
        return change(loader) if len(seen) == 1 else loader

    return change_first
