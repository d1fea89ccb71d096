"""Modules and trainers of ``pytorch_lightning``, the other package that Lightning comes in."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytorch_lightning
from torch import nn

from stopgo_mixins import Mode
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class OtherModule(pytorch_lightning.LightningModule):
    """The tiny module, of the other package."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 1)

    loss = TinyModule.loss
    training_step = TinyModule.training_step
    validation_step = TinyModule.validation_step
    configure_optimizers = TinyModule.configure_optimizers


class OtherData(pytorch_lightning.LightningDataModule):
    def train_dataloader(self) -> Any:
        return tiny_loaders()[0]

    def val_dataloader(self) -> Any:
        return tiny_loaders()[1]


class OtherMixin(TinyMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return OtherModule(cls.lr), OtherData()


class OwnTrainerMixin(OtherMixin, abstract=True):
    """With a checkpoint callback of the other package, whose paths no two runs have in common."""

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        arguments = cls.trainer_arguments(mode)
        checkpoints = pytorch_lightning.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=-1)
        return pytorch_lightning.Trainer(**{**arguments, "callbacks": [checkpoints, *arguments["callbacks"]]})


class TestOtherPackage(unittest.TestCase):
    def test_the_trainer_is_that_of_the_module(self) -> None:
        for mixin in (OtherMixin, OwnTrainerMixin):
            with self.subTest(mixin=mixin.__name__):
                case: Any = concrete(mixin)
                outcome = run(case)
                self.assertEqual((outcome.failed, outcome.error), ({}, ""))
                self.assertIn("parameters", outcome.passed)
                self.assertIs(case.lightning, pytorch_lightning)

    def test_a_fault_is_seen_there_too(self) -> None:
        def without_rng(cls: Any) -> Any:
            return super(TinyMixin, cls).get_default_callbacks()

        outcome = run(concrete(OtherMixin, get_default_callbacks=classmethod(without_rng)))
        self.assertIn("root cause of this run: rng_state at state 3 (restored)", outcome.failed["rng_state"])

    def test_a_class_of_each_side_by_side(self) -> None:
        for mixin in (TinyMixin, OtherMixin, TinyMixin):
            case: Any = concrete(mixin)
            self.assertEqual(run(case).failed, {})
        self.assertIs(case.lightning, lightning.pytorch)

    def test_who_has_only_the_other_package_needs_no_lightning(self) -> None:
        program = (
            "import sys; sys.modules['lightning'] = None; "
            "import pytorch_lightning; from stopgo_mixins import LightningBridge, RngStateCallback; "
            "print(issubclass(LightningBridge, pytorch_lightning.Callback))"
        )
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.strip(), "True", done.stderr)


if __name__ == "__main__":
    unittest.main()
