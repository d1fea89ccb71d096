"""The cells of the Lightning matrix: in which of them a correct run can be resumed exactly.

An epoch of the digits has six batches and a validation comes after every fourth, so that the interruption step alone
decides the moment: in the middle of an epoch, at its end, at a validation's end, or at both.
"""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lightning
from packaging.version import Version

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, RngStateCallback
from stopgo_mixins.mixins.registry import Callbacks

BATCHES_PER_EPOCH = 6
VAL_CHECK_INTERVAL = 4
NUM_STEPS = 18

REPEATS_VALIDATION = Version(lightning.__version__) < Version("2.5")
"""Lightning 2.4 runs the validation again in which the checkpoint was written."""

LOSES_EPOCH_SCHEDULE = REPEATS_VALIDATION
"""Lightning 2.4 loses the step of an epoch-interval scheduler at the end of the epoch that was resumed."""


@dataclass(frozen=True)
class Cell:
    """One way to be interrupted.

    Attributes:
        step: after how many updates.
        workers: processes that load the training data.
        interval: of the scheduler, ``"step"`` or ``"epoch"``.
        seed: of all phases.
    """

    step: int
    workers: int = 0
    interval: str = "step"
    seed: int = 42

    @property
    def moment(self) -> str:
        """Where in the loop the checkpoint is written."""
        ends = []
        if self.step % VAL_CHECK_INTERVAL == 0:
            ends.append("validation end")
        if self.step % BATCHES_PER_EPOCH == 0:
            ends.append("epoch end")
        return " and ".join(ends) or "mid-epoch"

    @property
    def diverging(self) -> frozenset[str]:
        """The metrics in which this version of Lightning itself goes wrong first; empty where it resumes exactly."""
        metrics = set()
        if REPEATS_VALIDATION and self.step % VAL_CHECK_INTERVAL == 0:
            metrics.add("validation_schedule")
        if LOSES_EPOCH_SCHEDULE and self.interval == "epoch":
            metrics |= {"scheduler_state", "learning_rate"}
        return frozenset(metrics)

    def test_class(self) -> type[unittest.TestCase]:
        """The digits, as they must be set up to resume exactly, interrupted in this cell."""
        name = f"TestStep{self.step}Workers{self.workers}{self.interval.title()}Seed{self.seed}"
        attributes = {"interruption": AtStep(self.step), "seed": self.seed, "cell": self, "__module__": __name__}
        return type(name, (DigitsInCell, unittest.TestCase), attributes)


class _Classifier(DigitsClassifier):
    interval = "step"

    def configure_optimizers(self) -> Any:
        configured = super().configure_optimizers()
        configured["lr_scheduler"]["interval"] = self.interval
        return configured


class DigitsInCell(LightningStopAndGoMixin, abstract=True):
    """The digits with everything that Lightning needs to resume exactly."""

    num_steps = NUM_STEPS
    val_check_interval = VAL_CHECK_INTERVAL
    lr = 1e-3
    cell: Cell

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        """The classifier with the cell's scheduler, and stateful loaders."""
        model = _Classifier(lr=cls.lr)
        model.interval = cls.cell.interval
        return model, DigitsDataModule(num_workers=cls.cell.workers)

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """Adds the remedy for random numbers."""
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[RngStateCallback] = RngStateCallback()
        return callbacks


def every_step_of_two_epochs(workers: int = 0, interval: str = "step") -> Iterator[Cell]:
    """All interruption steps up to the second epoch's end."""
    return (Cell(step, workers, interval) for step in range(1, 2 * BATCHES_PER_EPOCH + 1))
