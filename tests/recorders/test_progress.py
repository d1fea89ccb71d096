"""The trainer's counters: steps, samples, and how far its loops are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from stopgo_mixins import Mode
from tests.recorders.breaking import LIGHTNING, RESTORED, EditedCheckpointMixin, ExtraCallbacksMixin, MetricCase
from tests.tiny import TinyMixin


class _EditedLoopMixin(EditedCheckpointMixin, abstract=True):
    change: Callable[[dict[str, Any]], None]

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        cls.change(checkpoint["loops"]["fit_loop"])

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        """A resume that believes to be further must still make all steps."""
        return {**super().trainer_arguments(mode), "max_steps": cls.num_steps + (mode is Mode.RESUME)}


class _CheckpointCallbackMixin(ExtraCallbacksMixin, abstract=True):
    """A checkpoint of Lightning's own callback, which it writes before it has counted the batch."""

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [ModelCheckpoint(every_n_train_steps=3, save_top_k=-1)]


def _add(counters: dict[str, int], number: int) -> None:
    counters.update({name: count + number for name, count in counters.items()})


class _LostStepsMixin(EditedCheckpointMixin, abstract=True):
    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        for entry in checkpoint["optimizer_states"][0]["state"].values():
            entry["step"].zero_()


class TestProgress(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(TinyMixin), "global_step", "consumed_samples", "loop_progress")

    def test_one_step_too_many(self) -> None:
        def change(loop: dict[str, Any]) -> None:
            _add(loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]["total"], 1)

        outcome = self.outcome_of(_EditedLoopMixin, change=staticmethod(change))
        self.assert_fails_only(outcome, "global_step", RESTORED, "")

    def test_steps_of_the_optimizer_lost(self) -> None:
        outcome = self.outcome_of(_LostStepsMixin)
        self.assert_fails_first(outcome, "optimizer_state", RESTORED, "[0]['head.bias']['step']")
        # The gradients of the first resumed step are right, what is made of them is not.
        self.assertEqual(self.first_place("gradients"), "step 5")
        self.assertEqual(self.first_place("parameters"), "state 4")

    def test_consumed_samples_off_while_the_data_are_right(self) -> None:
        def change(loop: dict[str, Any]) -> None:
            _add(loop["epoch_loop.batch_progress"]["total"], -2)  # a whole interval between two validations

        outcome = self.outcome_of(_EditedLoopMixin, change=staticmethod(change))
        self.assert_fails_only(outcome, "consumed_samples", RESTORED, "")

    def test_batch_of_the_epoch_lost(self) -> None:
        def change(loop: dict[str, Any]) -> None:
            _add(loop["epoch_loop.batch_progress"]["current"], -1)

        outcome = self.outcome_of(_EditedLoopMixin, change=staticmethod(change))
        self.assert_fails_only(outcome, "loop_progress", RESTORED, "['batch of the epoch']")

    def test_epoch_lost(self) -> None:
        def change(loop: dict[str, Any]) -> None:
            _add(loop["epoch_progress"]["current"], 7)

        outcome = self.outcome_of(_EditedLoopMixin, change=staticmethod(change))
        self.assert_fails_first(outcome, "loop_progress", RESTORED, "['epoch']")

    def test_a_checkpoint_written_before_the_batch_is_counted(self) -> None:
        outcome = self.outcome_of(_CheckpointCallbackMixin)
        if LIGHTNING.release >= (2, 5):
            self.assert_clean(outcome, "loop_progress", "logged_metrics")
        else:  # a bug of Lightning 2.4: it goes back by one batch of the epoch, and by one step for loggers
            self.assertEqual(set(outcome.failed), {"loop_progress", "logged_metrics"})
            self.assert_fails_first(outcome, "loop_progress", RESTORED, "['batch of the epoch']")
