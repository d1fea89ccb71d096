"""What torchrun starts on two ranks, from a test of this package: real runs of the digits, one after the other."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer, seed_everything

from examples.digits import DigitsClassifier
from stopgo_mixins import RecordTrace, RngStateCallback
from tests.ranks.cases import ShardedDigits, rank

UPDATES, SAVED_AT, ENDED_AT = 8, 4, 6


class SaveAndFail(Callback):
    """Saves behind a validation, and ends the run on all ranks after a later update."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.global_step == SAVED_AT:
            trainer.save_checkpoint(self.checkpoint)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == ENDED_AT:
            raise MemoryError("no memory left")


def train(directory: Path, *callbacks: Callback, resume: Path | None = None, of_rank_0: bool = False) -> None:
    """A training script: nothing in it knows of a test.

    Args:
        directory: of the traces.
        callbacks: more of them.
        resume: the checkpoint from which to resume.
        of_rank_0: whether every rank restores the random numbers of rank 0.
    """
    seed_everything(1 + rank(), verbose=False)
    remedy: Any = RngStateCallback()
    if of_rank_0:
        load = remedy.load_state_dict
        remedy.load_state_dict = lambda state: load({"ranks": state["ranks"][:1] * 2})
    trainer = Trainer(
        max_steps=UPDATES,
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        callbacks=[RecordTrace(directory, every_n_steps=2), remedy, *callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        deterministic=True,
    )
    trainer.fit(DigitsClassifier(), ShardedDigits(), ckpt_path=str(resume) if resume else None)


def main(directory: Path) -> None:
    """Leaves behind ``whole``, and ``exact`` and ``wrong``, each of two legs."""
    warnings.simplefilter("ignore")
    checkpoint = directory / "saved.ckpt"
    train(directory / "whole")
    for name in ("exact", "wrong"):
        with contextlib.suppress(MemoryError):
            train(directory / name, SaveAndFail(checkpoint))
        train(directory / name, resume=checkpoint, of_rank_0=name == "wrong")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
