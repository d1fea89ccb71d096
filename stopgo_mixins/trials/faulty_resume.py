"""The resume phase of a test class, with a fault."""

from __future__ import annotations

import dataclasses
import unittest
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from stopgo_mixins.faults.fault import Injection
from stopgo_mixins.faults.registry import ALL_FAULTS
from stopgo_mixins.faults.stopped_run import StoppedRun
from stopgo_mixins.isolation.one_at_a_time import one_at_a_time
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.stopped import Stopped, changing_first, in_process

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.faults.fault import Fault

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class FaultyResume(Stopped):
    """Before a stopped test class: its resume phase, with a fault.

    Attributes:
        injection: how the fault comes about.
        left: the checkpoint that the stop phase has left.
        asked_for: the one that the resume phase is told to load; ``None`` for none.
        only_on: the rank on which the fault reaches the trainer; ``None`` for every rank.
    """

    injection: ClassVar[Injection]
    left: ClassVar[str]
    asked_for: ClassVar[str | None] = None
    only_on: ClassVar[int | None] = None
    _fault: ClassVar[Fault | str | None] = None

    @classmethod
    def stopped_run(cls) -> StoppedRun:
        """What lies between stop and resume."""
        return StoppedRun(
            stop=cls.trace(Mode.STOP),
            reference=cls.trace(Mode.CONTINUOUS),
            checkpoint=cls.left,
            read_checkpoint=partial(cls.read_checkpoint, cls.left),
            batches=cls.batches(),
            same_seed=cls.resume_seed in (None, cls.seed),
        )

    @override
    @classmethod
    def resume(cls) -> None:
        cls._prepare_processes()
        with one_at_a_time("ranks") if cls._launches_ranks() else nullcontext():
            super(Stopped, cls).resume()  # that of the test class, which Stopped leaves out

    @override
    @classmethod
    def resume_checkpoint(cls) -> str | None:
        return cls.asked_for

    @classmethod
    def _reaches_here(cls) -> Injection:
        return cls.injection if cls.only_on in (None, cls.rank) else Injection()

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        return dataclasses.replace(super().plan(mode), listeners=cls._reaches_here().listeners())

    @override
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        trainer = super().setup_trainer(mode)
        run, injection = cls.stopped_run(), cls._reaches_here()
        cls.change_loaders(
            trainer,
            changing_first(lambda loader: injection.training_loader(loader, run)),
            lambda loader: injection.validation_loader(loader, run),
        )
        if moved := injection.validations_moved(run):
            cls.move_validations(trainer, moved)
        return trainer

    # Where it trains on several ranks

    @override
    @classmethod
    def _stand_before(cls) -> Callable[[Any, Mapping[str, object]], Any]:
        return faulty_in_process

    @override
    @classmethod
    def _given(cls) -> Mapping[str, object]:
        names = ("left", "asked_for", "only_on", "resume_seed", "_fault")
        return {name: getattr(cls, name) for name in names}

    @classmethod
    def missing_hook(cls) -> str | None:
        """Through which hook the fault would not reach the trainer; ``None`` where it does."""
        if not cls.injection.acts_on_trainer:
            return None
        if not cls.was_set_up():
            return (
                "it reaches a trainer through setup_trainer, which this backend's train() never calls: let it train "
                "with what setup_trainer returns."
            )
        if not cls.batches().epochs:
            return (
                "it reaches what a trainer reads through change_loaders, and in the stop phase that changed nothing: "
                "let this backend's change_loaders put what its two functions return in the place of the loaders."
            )
        return None

    @classmethod
    def loaded_all_the_same(cls) -> str | None:
        """Says so where the fault was to load no checkpoint, and one was loaded."""
        loaded = cls.trace(Mode.RESUME).events("checkpoint_loaded")
        if not loaded or cls.asked_for is not None:
            return None
        return (
            f"resume_checkpoint() was None, and the resume phase loaded {loaded[0]['path']} all the same: let train() "
            "load what resume_checkpoint() returns."
        )

    def assertCatches(self, fault: Fault, rank: int | None = None) -> None:  # noqa: N802 - as unittest's own assertions
        """Skips: a test that injects faults says nothing about a fault that is injected already."""
        raise unittest.SkipTest("this is the resume phase of an injected fault")


def faulty_in_process(test_class: Any, given: Mapping[str, object]) -> Any:
    """That class in the process of a rank."""
    made = in_process(FaultyResume, test_class, given)
    fault = ALL_FAULTS.get(made._fault, made._fault)
    made.injection = fault.injection if fault else Injection()
    return made
