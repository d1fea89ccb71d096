"""What happens at an epoch's end: plateau schedules, means, hooks that count; and data that a run makes itself."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule
from packaging.version import Version
from torch import Tensor, nn
from torch.utils.data import IterableDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.field.case import (
    AMID_AN_EPOCH,
    AT_ITS_END,
    BATCHES,
    EPOCHS,
    LIGHTNING,
    FieldCase,
    loader,
    restarting_loader,
    samples,
)

LEARNING = {"gradients", "optimizer_state", "parameters", "train_loss", "train_output"}
"""What differs wherever the weights do."""

FORGETS_AN_EPOCH = Version("2.6") <= LIGHTNING
"""With ``max_steps`` and ``max_epochs``, the epoch at whose end the checkpoint was written is counted twice."""


class Regression(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Plateau(Regression):
    """The rate falls when the mean loss of an epoch does not."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("mean_loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        # Every epoch is a plateau.
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=-1, factor=0.5, threshold=1e9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "mean_loss"}}


class PlateauByBatches(Plateau):
    """The same, stepped by batches, of which an epoch has four."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = Regression.training_step(self, batch, batch_idx)
        self.log("mean_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        configured = super().configure_optimizers()
        return {**configured, "lr_scheduler": {**configured["lr_scheduler"], "interval": "step", "frequency": 2}}


class Logging(Regression):
    """Logs as nearly everybody does: each step, and its mean over the epoch."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss


class Counting(Regression):
    """Counts its epochs, and anneals by that."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("epochs", torch.zeros(()))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * (1 + self.epochs)

    def on_train_epoch_end(self) -> None:
        self.epochs += 1


class Numbering(Counting):
    """Takes the number from the trainer, so that it does not matter how often it is told."""

    def on_train_epoch_end(self) -> None:
        self.epochs.fill_(self.current_epoch + 1)


class Replay(Regression):
    """Learns from what it has made itself; a checkpoint holds it or not."""

    def __init__(self, saves: bool) -> None:
        super().__init__()
        self.saves = saves
        self.seen: list[Tensor] = []

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.seen = [*self.seen, batch[0] + 1][-3:]
        return super().training_step([torch.cat(self.seen)], batch_idx)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.saves:
            checkpoint["seen"] = self.seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seen = checkpoint.get("seen", [])


class Stream(IterableDataset[Any]):
    """Makes its data as they are asked for, and keeps no count."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(3)

    def __iter__(self) -> Iterator[Any]:
        return ((torch.randn(3, generator=self.generator),) for _ in range(2 * BATCHES))

    def __len__(self) -> int:
        return 2 * BATCHES


def regression(module: type[LightningModule], data: Any = loader) -> Any:
    return lambda: (module(), data(samples(3)))


class TestEpochEnds(FieldCase):
    def test_a_mean_over_an_interrupted_epoch_is_lost_and_nothing_else(self) -> None:
        outcome = self.verdicts(regression(Logging))
        self.assertEqual(outcome.failed.keys(), {"logged_metrics"})
        self.root_cause(outcome, "logged_metrics", f"step {AT_ITS_END}")
        self.assertIn("['values']['loss_epoch']", outcome.failed["logged_metrics"])

    def test_it_can_be_left_out_by_name(self) -> None:
        path = "['values']['loss_epoch']"
        outcome = self.clean(regression(Logging), left_out={"logged_metrics": {path: "a mean that Lightning loses"}})
        self.assertIn("logged_metrics", outcome.passed)
        self.assertEqual(self.recorded("logged_metrics"), {"['step']", "['values']['loss_step']"})

    def test_it_is_whole_where_the_epoch_is(self) -> None:
        self.assertIn("logged_metrics", self.clean(regression(Logging), stop_at=AT_ITS_END).passed)

    def test_a_plateau_schedule_is_not_stepped_at_the_end_of_an_epoch_that_was_cut_in_two(self) -> None:
        outcome = self.verdicts(regression(Plateau))
        self.assertEqual(outcome.failed.keys(), {*LEARNING, "scheduler_state", "learning_rate", "logged_metrics"})
        self.root_cause(outcome, "scheduler_state", f"state {AT_ITS_END}")

    def test_nor_at_the_end_at_which_the_run_was_interrupted(self) -> None:
        outcome = self.verdicts(regression(Plateau), stop_at=AT_ITS_END)
        self.assertEqual(outcome.failed.keys(), {*LEARNING, "scheduler_state", "learning_rate", "logged_metrics"})
        self.root_cause(outcome, "scheduler_state", f"state {AT_ITS_END} (restored)")

    def test_a_plateau_schedule_by_batches(self) -> None:
        for stop_at in (AMID_AN_EPOCH, AT_ITS_END):
            self.assertIn("learning_rate", self.clean(regression(PlateauByBatches), stop_at=stop_at).passed)

    def test_hooks_that_count_epochs(self) -> None:
        self.clean(regression(Counting))

    def test_hooks_of_an_epoch_end_are_run_again(self) -> None:
        outcome = self.verdicts(regression(Counting), stop_at=AT_ITS_END)
        self.assertEqual(outcome.failed.keys(), {*LEARNING, "buffers"})
        self.root_cause(outcome, "buffers", f"state {AT_ITS_END} (restored), rank 0: ['epochs']")
        self.assertIn("interrupted 2   continuous 1", outcome.failed["buffers"])

    def test_hooks_that_may_be_run_again(self) -> None:
        self.assertIn("buffers", self.clean(regression(Numbering), stop_at=AT_ITS_END).passed)

    def test_both_limits_at_once(self) -> None:
        limits = {"max_epochs": EPOCHS}
        self.clean(regression(Regression), own_arguments=limits)
        outcome = self.verdicts(regression(Regression), stop_at=AT_ITS_END, own_arguments=limits)
        if FORGETS_AN_EPOCH:
            self.assertIn("the resume phase ran 0 steps, expected 4", outcome.failed["number_of_steps"])
        else:
            self.assertEqual(outcome.failed, {})


class TestData(FieldCase):
    def test_a_replay_that_is_saved(self) -> None:
        self.clean(lambda: (Replay(saves=True), loader(samples(3))))

    def test_a_replay_that_is_not(self) -> None:
        outcome = self.verdicts(lambda: (Replay(saves=False), loader(samples(3))))
        self.assertEqual(outcome.failed.keys(), {*LEARNING, "unsaved_state"})
        self.root_cause(outcome, "unsaved_state", "state 3 (restored)")

    def test_a_stream_of_known_length(self) -> None:
        self.clean(lambda: (Regression(), StatefulDataLoader(Stream(), batch_size=2)))

    def test_a_loader_that_restarts(self) -> None:
        outcome = self.verdicts(regression(Regression, restarting_loader))
        self.root_cause(outcome, "train_input", "step 4 (the first after the resume at 3)")
        self.assertIn(
            "test_rng_state: consequence of train_input ", outcome.failed["rng_state"]
        )  # drawn from by the loader

    def test_a_loader_that_restarts_at_an_epoch_end(self) -> None:
        outcome = self.verdicts(regression(Regression, restarting_loader), stop_at=AT_ITS_END)
        self.root_cause(outcome, "loop_progress", "state 4 (restored), rank 0: ['epoch']")
        self.assertIn("train_input", outcome.failed)


if __name__ == "__main__":
    unittest.main()
