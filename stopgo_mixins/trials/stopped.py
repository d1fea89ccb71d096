"""A test class between its stop and its resume phase."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from stopgo_mixins.faults.batch_archive import BatchArchive
from stopgo_mixins.isolation.one_at_a_time import one_at_a_time
from stopgo_mixins.isolation.world import world_of_the_suite
from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.hooks import FaultHooksMixin
from stopgo_mixins.trials.made import MadeMixin
from stopgo_mixins.trials.processes import TrialRequest

if TYPE_CHECKING:
    from stopgo_mixins.isolation.request import PhaseRequest

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class Stopped(MadeMixin, ConsistencyAssertionsMixin, FaultHooksMixin):
    """Before a test class: its phases without the resume phase; the batches that stop reads are kept.

    Where the class trains on several ranks, faults reach into the trainer in their processes.

    Attributes:
        rank: of this process.
    """

    isolation = "in_process"  # where faults can reach into the trainer
    zoom = False

    rank: ClassVar[int] = 0

    @classmethod
    def batches(cls) -> BatchArchive:
        """Those that stop has read on this rank."""
        return BatchArchive(cls._archive() / f"rank-{cls.rank}")

    @classmethod
    def _archive(cls) -> Path:
        return cls.metadata_dir / "batches"

    @classmethod
    def was_set_up(cls) -> bool:
        """Whether stop asked for a trainer, through which a fault reaches what it reads and when it validates."""
        return cls._archive().exists()

    @override
    @classmethod
    def resume(cls) -> None:
        """Does nothing yet."""

    @override
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        trainer = super().setup_trainer(mode)
        if mode is Mode.STOP:
            cls.change_loaders(trainer, changing_first(cls.batches().of), lambda loader: loader)
        return trainer

    # Where it trains on several ranks

    @override
    @classmethod
    def _make_request_maker(cls) -> Callable[[Mode], PhaseRequest]:
        make, stand_before, given = super()._make_request_maker(), cls._stand_before(), cls._given()
        return lambda mode: TrialRequest(**vars(make(mode)), stand_before=stand_before, given=given)

    @classmethod
    def _stand_before(cls) -> Callable[[Any, Mapping[str, object]], Any]:
        return stopped_in_process

    @classmethod
    def _given(cls) -> Mapping[str, object]:
        """What the class of another process is given beside what the test class is."""
        return {}


def stopped_in_process(test_class: Any, given: Mapping[str, object]) -> Any:
    """That class in the process of a rank."""
    return in_process(Stopped, test_class, given)


def in_process(mixin: type[Stopped], test_class: Any, given: Mapping[str, object]) -> Any:
    """A class of both, in the process of a rank."""
    made = subclass(mixin, test_class, test_class.__name__)
    for name, value in {**given, "rank": int(os.environ["RANK"])}.items():
        setattr(made, name, value)
    return made


def subclass(mixin: type, test_class: type, name: str) -> type[Any]:
    """A class of both, whose tests are those of the test class, and which no test runner finds."""
    body = {"__module__": test_class.__module__, "__doc__": test_class.__doc__}
    body |= {test: None for test in dir(test_class) if test.startswith("test_") and getattr(test_class, test) is None}
    return types.new_class(name, (mixin, test_class), {}, lambda namespace: namespace.update(body))


def stopped_class(test_class: type[TrainingPhasesMixin]) -> type[Stopped]:
    """A test class that is stopped and not resumed.

    Raises:
        TypeError: when the suite was started on several ranks, each of which would try the faults by itself; or the
            class is resumed on other ranks.
    """
    if test_class.resume_devices is not None:
        raise TypeError(
            f"{test_class.__name__}.resume_devices is {test_class.resume_devices}, and a fault is told by what each "
            "rank had before: try faults on a class like it without resume_devices."
        )
    if world_of_the_suite() is not None:
        raise TypeError(
            f"{test_class.__name__}: faults are tried in one process, which launches the ranks: start it without "
            "torchrun."
        )
    stopped = subclass(Stopped, test_class, test_class.__name__)
    stopped.original = test_class
    return stopped


def stopped_copy(test_class: type[TrainingPhasesMixin]) -> type[Stopped]:
    """A test class whose phases have run, stopped once more in a directory of its own."""
    stopped = stopped_class(test_class)
    stopped.make_run_directory()
    continuous = Mode.CONTINUOUS.value
    (stopped.metadata_dir / continuous).symlink_to(test_class.metadata_dir.absolute() / continuous)
    stopped._prepare_processes()
    with one_at_a_time("ranks") if stopped._launches_ranks() else nullcontext():
        stopped.stop()
    return stopped


def changing_first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes the first loader that it is given, and returns the others as they are."""
    seen: list[object] = []

    def change_first(loader: Any) -> Any:
        seen.append(loader)
        return change(loader) if len(seen) == 1 else loader

    return change_first
