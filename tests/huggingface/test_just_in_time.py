"""The checkpoint that the trainer writes upon SIGTERM is exact or not, depending on where the signal finds it."""

from __future__ import annotations

import signal
import unittest
from collections.abc import Mapping
from typing import Any, ClassVar

from parameterized import parameterized
from transformers import Trainer, TrainingArguments

from stopgo_mixins import AtStep, Mode
from tests.huggingface.cells import BOUNDARY
from tests.huggingface.tiny import TinyTransformersMixin
from tests.matrix import Cell, MatrixCase, name_of
from tests.outcome import run

BY_SIGNAL = AtStep(6, by=signal.SIGTERM)


class JustInTimeMixin(TinyTransformersMixin, abstract=True):
    """The trainer writes a checkpoint upon SIGTERM, which comes after the sixth update.

    Attributes:
        amid_forward: whether the trainer learns of it only while the model computes the seventh.
    """

    arguments: ClassVar[Mapping[str, Any]] = {"enable_jit_checkpoint": True}
    interruption = BY_SIGNAL
    amid_forward: ClassVar[bool] = False

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        trainer = super().setup_trainer(mode)
        manager = manager_of(trainer)
        if manager is None:
            return trainer
        manager.kill_wait = 0
        if cls.amid_forward:
            signal.signal(signal.SIGTERM, lambda *_: request_amid_forward(trainer, manager))
        return trainer


def manager_of(trainer: Trainer) -> Any:
    managers = (getattr(callback, "jit_manager", None) for callback in trainer.callback_handler.callbacks)
    return next(filter(None, managers), None)


def request_amid_forward(trainer: Trainer, manager: Any) -> None:
    def hook(*_: object) -> None:
        manager.is_checkpoint_requested = True
        handle.remove()

    handle = trainer.model.register_forward_hook(hook)


class JustInTimeCell(Cell):
    mixin = JustInTimeMixin


JUST_IN_TIME = (
    JustInTimeCell("after an update, amid an epoch"),
    JustInTimeCell(
        "after the last update of an epoch",
        {"rng_state": "state 4"},
        {"interruption": AtStep(BOUNDARY.step, by=signal.SIGTERM)},
    ),
    JustInTimeCell("while the model computes", {"rng_state": "state 6", "buffers": "state 6"}, {"amid_forward": True}),
)


@unittest.skipUnless(hasattr(TrainingArguments, "enable_jit_checkpoint"), "this transformers has no such checkpoints")
class TestJustInTime(MatrixCase):
    @parameterized.expand([(cell,) for cell in JUST_IN_TIME], name_func=name_of)
    def test_cell(self, cell: Cell) -> None:
        self.assert_as_documented(cell)

    def test_nothing_but_what_was_computed_from_it_differs(self) -> None:
        case = JUST_IN_TIME[-1].test_class()
        outcome = run(case)
        self.assertIn("sample_exposure", outcome.passed)
        self.assertIn("train_input", outcome.passed)

    def test_the_checkpoint_is_that_of_the_trainer(self) -> None:
        saved: list[str] = []

        def look(cls: Any) -> None:
            saved.extend(event["path"] for event in cls.trace(Mode.STOP).events("checkpoint_saved"))

        run(JUST_IN_TIME[0].test_class(resume=classmethod(look)))
        # Ours, and upon the signal the trainer's.
        self.assertEqual(["stopgo-checkpoints" in path for path in saved], [True, False])

    def test_without_it_the_signal_is_not_sent_to_the_tests(self) -> None:
        outcome = run(JUST_IN_TIME[0].test_class(arguments={}))
        self.assertIn("PhaseError: nothing handles SIGTERM here, so it would end the tests", outcome.error)


if __name__ == "__main__":
    unittest.main()
