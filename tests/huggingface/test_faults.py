"""The catalogue of faults on ``transformers.Trainer``."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback

from stopgo_mixins import Mode
from tests.faults.catalogue import CatalogueMixin
from tests.huggingface.cells import BOUNDARY, FIRST_EPOCH
from tests.huggingface.tiny import TinyTransformersMixin
from tests.outcome import concrete

OF_OTHER_RUNS = ("F09", "F10", "F17", "F20", "F21", "F38", "F39", "F40", "F47", "F48", "F75")
"""What needs a GPU, accumulation, the end of an epoch, or an object that the subject lacks."""

OF_OTHER_TRAINERS = ("F15", "F23", "F31", "F53")
"""What follows from the trainer's count of steps: its position, permutation, samples, and the steps that it logs."""

KEEPS_ALL = {"save_strategy": "steps", "save_steps": 2}


class Counting(TrainerCallback):
    """Counts the updates by itself, in a file beside the checkpoint."""

    def __init__(self) -> None:
        self.updates = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.updates += 1

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        (Path(args.output_dir) / f"updates-{state.global_step}").write_text(str(self.updates))

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step:
            self.updates = int((Path(args.output_dir) / f"updates-{state.global_step}").read_text())


class CountingMixin(TinyTransformersMixin, abstract=True):
    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        trainer = super().setup_trainer(mode)
        trainer.add_callback(Counting())
        return trainer


class TestCatalogue(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, resume_seed=43, arguments=KEEPS_ALL)
    not_applicable = (*OF_OTHER_RUNS, *OF_OTHER_TRAINERS)


class TestAccumulation(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, interruption=FIRST_EPOCH, arguments={"gradient_accumulation_steps": 2})
    tried = ("F16a", "F17")


class TestEndOfAnEpoch(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, interruption=BOUNDARY)
    tried = ("F20", "F21")


class TestAttributes(CatalogueMixin, unittest.TestCase):
    subject = concrete(CountingMixin, arguments=KEEPS_ALL)
    tried = ("F75",)


if __name__ == "__main__":
    unittest.main()
