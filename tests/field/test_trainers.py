"""Trainers and hyper-parameters as people have them."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from stopgo_mixins import AtStep, Mode, RngStateCallback
from tests.field.case import FieldCase, FieldMixin, loader, samples
from tests.field.test_batches import Reading
from tests.outcome import Outcome, concrete, run
from tests.tiny import TRUSTING


class Schedule:
    """An object of one's own among the hyper-parameters."""

    def __init__(self, rates: list[float]) -> None:
        self.rates = rates

    def __call__(self, step: int) -> float:
        return self.rates[step % len(self.rates)]


class Configured(LightningModule):
    """Gets its parts as arguments and saves them, modules included, as templates do."""

    def __init__(self, net: nn.Module, schedule: Schedule) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = net

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.net(batch[0]).square().mean()

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=1e-2)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.hparams["schedule"])
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class ClassifierMixin(FieldMixin, abstract=True):
    """The trainer is written out."""

    fit_arguments = TRUSTING
    extra: dict[str, Any]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return Configured(nn.Linear(3, 1), Schedule([1.0])), loader(samples(3))

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        return Trainer(
            max_steps=cls.num_steps,
            accelerator="cpu",
            default_root_dir=cls.run_directory(mode),
            logger=False,
            callbacks=[RngStateCallback(), *cls.callbacks[mode].values()],
            **cls.extra,
        )


def with_trainer(**extra: Any) -> Outcome:
    return run(concrete(ClassifierMixin, interruption=AtStep(3), extra=extra))


class TestTrainers(FieldCase):
    def test_without_checkpoints(self) -> None:
        outcome = with_trainer(enable_checkpointing=False, devices=1)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertIn("no callback has a state", outcome.skipped_for["callback_state"])

    def test_with_lightnings_own_checkpoints(self) -> None:
        outcome = with_trainer(devices=1)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertNotIn("no callback has a state", outcome.skipped_for.get("callback_state", ""))

    def test_several_devices_are_refused_before_anything_is_started(self) -> None:
        outcome = with_trainer(devices=2, strategy="ddp")
        self.assertIn(
            "PhaseError: Classifier: the stop phase failed: TypeError: Classifier.devices is 1", outcome.error
        )
        self.assertIn("setup_trainer returned a trainer for 2 ranks: DDPStrategy with 2 devices", outcome.error)
        self.assertIn("Write devices = 2 in the class, which then launches the ranks", outcome.error)
        self.assertFalse(torch.distributed.is_initialized())

    def test_one_device_of_a_strategy_for_several(self) -> None:
        outcome = with_trainer(devices=1, strategy="ddp", use_distributed_sampler=False)
        torch.distributed.destroy_process_group()
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_modules_and_objects_among_the_hyper_parameters(self) -> None:
        self.clean(
            lambda: (Configured(nn.Linear(3, 1), Schedule([1.0, 0.5, 0.1])), loader(samples(3))),
            fit_arguments=TRUSTING,
        )

    @unittest.skipUnless(TRUSTING, "this Lightning loads every object")
    def test_without_trust_it_is_said_what_to_write(self) -> None:
        outcome = run(concrete(ClassifierMixin, interruption=AtStep(3), extra={}, fit_arguments={}))
        self.assertIn(
            "Classifier: the resume phase failed: UnpicklingError: the checkpoint holds objects", outcome.error
        )
        self.assertIn('write fit_arguments = {"weights_only": False} in Classifier', outcome.error)

    def test_a_step_that_reads_ahead(self) -> None:
        methods = {"make": staticmethod(lambda: (Reading(2), loader(samples(3)))), "own_callbacks": staticmethod(list)}
        outcome = run(concrete(FieldMixin, interruption=AtStep(3), **methods))
        self.assertIn("training_step(dataloader_iter) has read 2 batches: call next(dataloader_iter)", outcome.error)


if __name__ == "__main__":
    unittest.main()
