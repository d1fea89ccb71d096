"""Real runs of the digits, each leg in a process of its own: ``python -m examples.real_runs`` compares their traces.

One run is never interrupted; the other one is killed amid an update, and resumed in another directory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import RecordTrace, RngStateCallback
from stopgo_mixins.__main__ import main as stopgo_mixins

UPDATES, SAVE_EVERY, KILLED_IN = 16, 4, 7


class Preemption(pl.Callback):
    """Kills the process, as a cluster does that does not ask."""

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """At the beginning of an update."""
        if trainer.global_step + 1 == KILLED_IN:
            os.kill(os.getpid(), signal.SIGKILL)


def train(directory: Path, checkpoint: Path | None = None, *, stateful: bool = True, killed: bool = False) -> None:
    """A training script: nothing in it knows of a test.

    Args:
        directory: for the trace and the checkpoints.
        checkpoint: from which to resume.
        stateful: whether the loader and the random numbers are saved with it.
        killed: whether the process is killed on the way.
    """
    warnings.simplefilter("ignore")
    pl.seed_everything(1, verbose=False)
    callbacks: list[pl.Callback] = [
        RecordTrace(directory / "trace", every_n_steps=4),
        pl.callbacks.ModelCheckpoint(directory, "{step}", every_n_train_steps=SAVE_EVERY, save_top_k=-1),
    ]
    callbacks += [RngStateCallback()] if stateful else []
    callbacks += [Preemption()] if killed else []
    trainer = pl.Trainer(
        max_steps=UPDATES,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    data = DigitsDataModule(stateful=stateful)
    trainer.fit(DigitsClassifier(), data, ckpt_path=str(checkpoint) if checkpoint else None)


def in_a_process(directory: Path, checkpoint: Path | None = None, **how: bool) -> int:
    """Trains in a fresh process, and returns its exit status."""
    context = multiprocessing.get_context("spawn")  # a fork server would be that of every other test as well
    process = context.Process(target=train, args=(directory, checkpoint), kwargs=how)
    process.start()
    process.join()
    return process.exitcode or 0


def make_runs(directory: Path, *, stateful: bool) -> None:
    """Leaves behind ``whole``, and the two legs ``killed`` and ``resumed`` of a run that was to be the same."""
    in_a_process(directory / "whole", stateful=stateful)
    in_a_process(directory / "killed", stateful=stateful, killed=True)
    in_a_process(directory / "resumed", directory / "killed" / f"step={SAVE_EVERY}.ckpt", stateful=stateful)


def main() -> None:
    """Prints what the comparison says of a run that resumes exactly, and of one as people usually write it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            for name, stateful in (("exact", True), ("usual", False)):
                make_runs(Path(name), stateful=stateful)
                compare(*(f"{name}/{run}/trace" for run in ("killed", "resumed", "whole")))
        finally:
            os.chdir(before)


def compare(*directories: str) -> None:
    """Runs a command as from a shell."""
    print(f"$ python -m stopgo_mixins compare {' '.join(directories)}")
    print(f"exit status: {stopgo_mixins(['compare', *directories])}\n")


if __name__ == "__main__":
    main()
