"""Kinds of training that Lightning cannot resume exactly at every moment, each with the causes that the tests name."""

from __future__ import annotations

import unittest
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from lightning.pytorch.callbacks import StochasticWeightAveraging
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MeanMetric

from benchmarks.cells import REPEATS_VALIDATION, Cell, DigitsInCell
from benchmarks.clean_models import PlainClassifier
from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, Mode
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.findings import Findings

Causes = Mapping[str, Cause | None]
"""Root causes: metric -> its named cause, ``None`` where no known pattern fits."""

MID_EPOCH, AT_VALIDATION, AT_EPOCH_END, AT_BOTH = (Cell(step).moment for step in (5, 4, 6, 12))

STEPS = (2, 4, 5, 6, 12)
"""Among which every moment is found, and an epoch that has only one batch left."""


class _Plateau(DigitsClassifier):
    """Every epoch is a plateau, so that the rate falls with each."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        schedule = ReduceLROnPlateau(optimizer, patience=-1, factor=0.9, threshold=1e9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "loss"}}


class _Means(DigitsClassifier):
    """Logs the loss of each step, and its mean over the epoch."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss


class _Metered(DigitsClassifier):
    """Logs a metric that gathers the loss over the epoch."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.mean_loss = MeanMetric()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.mean_loss.update(loss.detach())
        self.log("mean_loss", self.mean_loss, on_step=False, on_epoch=True)
        return loss


class _Counting(DigitsClassifier):
    """Counts its epochs at their ends."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.register_buffer("epochs", torch.zeros(()))

    def on_train_epoch_end(self) -> None:
        self.epochs += 1


class _InCell(DigitsInCell, abstract=True):
    """Remembers the root causes of its run."""

    kind: ClassVar[Kind]
    found: ClassVar[Findings]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.kind.model(), DigitsDataModule(stateful=cls.kind.stateful)

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        return {**arguments, **cls.kind.arguments, "callbacks": [*cls.kind.callbacks(), *arguments["callbacks"]]}

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        cls.found = cls.examination().findings


@dataclass(frozen=True)
class Kind:
    """One kind of training.

    Attributes:
        title: in the table.
        model: builds it anew.
        causes: moment of the checkpoint -> the root causes there; where it is not named, the run resumes exactly.
        stateful: whether the training loader saves its position.
        callbacks: builds further callbacks of the trainer anew.
        arguments: further ones of the trainer.
    """

    title: str
    model: Any
    causes: Mapping[str, Causes]
    stateful: bool = True
    callbacks: Any = tuple
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def expected(self, step: int) -> Causes:
        """The root causes of a run that is interrupted there, on the Lightning that is installed."""
        repeated = REPEATS_VALIDATION and Cell(step).moment in (AT_VALIDATION, AT_BOTH)
        validation = {"validation_schedule": Cause.VALIDATION_REPEATED} if repeated else {}
        return {**validation, **self.causes.get(Cell(step).moment, {})}

    def test_class(self, step: int) -> type[unittest.TestCase]:
        """The digits, trained so and interrupted there."""
        attributes = {"interruption": AtStep(step), "cell": Cell(step), "kind": self, "__module__": __name__}
        return type(f"TestStep{step}", (_InCell, unittest.TestCase), attributes)


def found_in(case: Any) -> Iterator[tuple[str, Cause | None]]:
    """The root causes that a test class has found in its run."""
    for cause in case.found.root_causes:
        yield cause.comparison.metric, cause.diagnosis and cause.diagnosis.cause


_MISSED = {"scheduler_state": Cause.SCHEDULE_STEP_MISSED}
_LOST = {"logged_metrics": Cause.EPOCH_MEAN_LOST}
_REPEATED = {"buffers": Cause.EPOCH_END_REPEATED}
_NO_SCHEDULE = {"callback_state": Cause.STATE_MISSING, "scheduler_state": Cause.STATE_MISSING}
_AHEAD = {"callback_state": None, "scheduler_state": Cause.SCHEDULE_SHIFTED}
_AHEAD_AGAIN = {**_AHEAD, "callback_state": Cause.EPOCH_END_REPEATED}
_OTHERS = {"train_input": Cause.OTHER_SAMPLES}

KINDS = (
    Kind(
        "`ReduceLROnPlateau`, stepped at each epoch's end",
        lambda: _Plateau(lr=1e-3),
        {MID_EPOCH: _MISSED, AT_VALIDATION: _MISSED, AT_EPOCH_END: _MISSED, AT_BOTH: _MISSED},
    ),
    Kind(
        "`self.log(..., on_epoch=True)` in training",
        lambda: _Means(lr=1e-3),
        {MID_EPOCH: _LOST, AT_VALIDATION: _LOST, AT_BOTH: _LOST},
    ),
    Kind(
        "a `torchmetrics` metric that is logged for an epoch",
        lambda: _Metered(lr=1e-3),
        {MID_EPOCH: _LOST, AT_VALIDATION: _LOST, AT_BOTH: _LOST},
    ),
    Kind("a hook that counts in `on_train_epoch_end`", lambda: _Counting(lr=1e-3), {AT_EPOCH_END: _REPEATED}),
    Kind(
        "`StochasticWeightAveraging`",
        PlainClassifier,
        # Lightning 2.4 steps its schedule at the end of the resumed epoch; newer ones set it up an epoch late.
        {MID_EPOCH: _AHEAD, AT_EPOCH_END: _AHEAD_AGAIN}
        if REPEATS_VALIDATION
        else {MID_EPOCH: _NO_SCHEDULE, AT_VALIDATION: _NO_SCHEDULE},
        callbacks=lambda: [StochasticWeightAveraging(swa_lrs=1e-2, swa_epoch_start=1, annealing_epochs=2)],
        arguments={"max_epochs": 4},
    ),
    Kind(
        "a plain `DataLoader`",
        lambda: DigitsClassifier(lr=1e-3),
        {
            MID_EPOCH: _OTHERS,
            AT_VALIDATION: _OTHERS,
            AT_EPOCH_END: {"loop_progress": Cause.EPOCH_NOT_ENDED},
        },
        stateful=False,
    ),
)
