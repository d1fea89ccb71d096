"""The resume phase of a test class, with a fault."""

from __future__ import annotations

import dataclasses
import unittest
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.stopped import Stopped, changing_first

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.faults.fault import Fault, Injection
    from stopgo_mixins.faults.stopped_run import StoppedRun

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class FaultyResume(Stopped):
    """Before a stopped test class: its resume phase, with a fault.

    Attributes:
        asked_for: the checkpoint that the resume phase was told to load; ``None`` for none.
    """

    injection: ClassVar[Injection]
    stopped_run: ClassVar[StoppedRun]
    asked_for: ClassVar[str | None] = None

    @override
    @classmethod
    def resume(cls) -> None:
        super(Stopped, cls).resume()  # that of the test class, which Stopped leaves out

    @override
    @classmethod
    def resume_checkpoint(cls) -> str | None:
        # Kept, as the question has another answer once a phase has removed what is no longer among its best.
        cls.asked_for = cls.injection.checkpoint(cls.stopped_run)
        return cls.asked_for

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        return dataclasses.replace(super().plan(mode), listeners=cls.injection.listeners())

    @override
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        trainer = super().setup_trainer(mode)
        run, injection = cls.stopped_run, cls.injection
        cls.change_loaders(
            trainer,
            changing_first(lambda loader: injection.training_loader(loader, run)),
            lambda loader: injection.validation_loader(loader, run),
        )
        if moved := injection.validations_moved(run):
            cls.move_validations(trainer, moved)
        return trainer

    @classmethod
    def missing_hook(cls) -> str | None:
        """Through which hook the fault would not reach the trainer; ``None`` where it does."""
        if not cls.injection.acts_on_trainer:
            return None
        if not cls.was_set_up:
            return (
                "it reaches a trainer through setup_trainer, which this backend's train() never calls: let it train "
                "with what setup_trainer returns."
            )
        if not cls.batches.epochs:
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

    def assertCatches(self, fault: Fault) -> None:  # noqa: N802 - as unittest's own assertions
        """Skips: a test that injects faults says nothing about a fault that is injected already."""
        raise unittest.SkipTest("this is the resume phase of an injected fault")
