"""What the run logs, with the step that it is logged at."""

from __future__ import annotations

from typing import Any

import torch

from stopgo_mixins import AtStep, Mode
from tests.recorders.breaking import EditedCheckpointMixin, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class _LoggingModule(TinyModule):
    """Logs in every step, in every other step, and a mean over the epoch where it is told to."""

    mean = False

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("train_loss", loss, on_step=True, on_epoch=self.mean)
        if batch_idx % 2 == 0:
            self.log("now and then", loss)
        return loss


class _SilentModule(TinyModule):
    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        return self.loss(batch)


class _TwoLoadersModule(TinyModule):
    def validation_step(self, batch: list[torch.Tensor], batch_idx: int, dataloader_idx: int = 0) -> torch.Tensor:
        return super().validation_step(batch, batch_idx)


class _LoggingMixin(EditedCheckpointMixin, abstract=True):
    mean = False
    lost = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        module = _LoggingModule(cls.lr)
        module.mean = cls.mean
        return module, tiny_loaders()

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        if cls.lost:
            checkpoint["loops"]["fit_loop"]["epoch_loop.state_dict"]["_batches_that_stepped"] = 0


class _SilentMixin(TinyMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _SilentModule(cls.lr), tiny_loaders()


class _TwoLoadersMixin(TinyMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        train, validation = tiny_loaders()
        return _TwoLoadersModule(cls.lr), (train, [validation, validation])


class TestLoggedMetrics(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_LoggingMixin), "logged_metrics")
        # The third and fifth step, in which it is not logged, do not repeat the value of the one before.
        expected = {"['step']": 7, "['values']['train_loss']": 5, "['values']['now and then']": 3}
        self.assertEqual(self.counts["logged_metrics"], {**expected, "['values']['val_loss']": 2})

    def test_logged_steps_restart(self) -> None:
        outcome = self.outcome_of(_LoggingMixin, lost=True)
        self.assert_fails_only(outcome, "logged_metrics", "step 4", "['step']")

    def test_lightning_forgets_the_mean_of_the_epoch_that_was_interrupted(self) -> None:
        outcome = self.outcome_of(_LoggingMixin, mean=True)
        self.assert_fails_only(outcome, "logged_metrics", "step 4", "['values']['train_loss_epoch']")

    def test_the_mean_of_a_whole_epoch(self) -> None:
        outcome = self.outcome_of(_LoggingMixin, mean=True, interruption=AtStep(4), val_check_interval=3)
        self.assert_clean(outcome, "logged_metrics")
        self.assertIn("['values']['train_loss_epoch']", self.case.comparison("logged_metrics").series)

    def test_several_validation_loaders(self) -> None:
        self.assert_clean(self.outcome_of(_TwoLoadersMixin), "logged_metrics")
        names = [f"['values']['val_loss/dataloader_idx_{index}']" for index in (0, 1)]
        self.assertLessEqual(set(names), set(self.case.comparison("logged_metrics").series))

    def test_not_applicable(self) -> None:
        outcome = self.outcome_of(_SilentMixin)
        self.assertEqual(
            outcome.skipped_for["logged_metrics"], "logged_metrics is not applicable: the run logged nothing"
        )
