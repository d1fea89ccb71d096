"""Classes that save while they are killed; test modules import this one, so that no runner finds them."""

from __future__ import annotations

import threading
import unittest
from pathlib import Path
from typing import Any, ClassVar

import torch

from stopgo_mixins import AtStep, Mode
from stopgo_mixins.bridge.run import PhaseRun
from tests.bridge.loop import Loop
from tests.isolation.process_cases import ProcessMixin


class SavingLoop(Loop):
    """Saves every two updates, as ``step-2`` and so on."""

    def save_if_due(self, directory: Path, run: PhaseRun) -> None:
        if self.steps % 2 == 0:
            self.save(directory / f"step-{self.steps}", run)


class SavesMixin(ProcessMixin, abstract=True):
    """Saves at 2 and at 4, where it is stopped; a restart loads the newest file, whatever is in it."""

    num_steps = 6
    val_check_interval = None
    interruption = AtStep(4)

    @classmethod
    def make_loop(cls, model: Any) -> Loop:
        return SavingLoop(model, super().make_loop(model).batches, cls.lr)

    @classmethod
    def update(cls, loop: Any, batch: Any, run: PhaseRun) -> None:
        super().update(loop, batch, run)
        if run.plan.mode is not Mode.CONTINUOUS:
            loop.save_if_due(run.plan.checkpoint_directory, run)

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        return max(cls.files(), default=None)

    @classmethod
    def files(cls) -> list[str]:
        return [str(path) for path in cls.run_directory(Mode.RESUME).rglob("step-*")]

    @classmethod
    def train(cls, mode: Mode) -> None:
        """Trains from scratch where there is nothing to load, which the loop itself would not."""
        if mode is Mode.RESUME and cls.resume_checkpoint() is None:
            cls.train_from_scratch()
        else:
            super().train(mode)

    @classmethod
    def train_from_scratch(cls) -> None:
        loop, validation = cls.make_model(Mode.RESUME)
        with PhaseRun(cls.plan(Mode.RESUME), loop, list, list) as run:
            run.training_started()
            while loop.steps < cls.num_steps:
                cls.update(loop, loop.batches[loop.steps % len(loop.batches)], run)
            cls.validate(loop.model, validation, run)
            run.training_ended()


class LoadsTheNewest(SavesMixin, unittest.TestCase):
    """And dies of a torn one with whatever torch says of it."""


class NamesTheFile(SavesMixin, unittest.TestCase):
    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        newest = max(cls.files(), default=None)
        if newest is not None and not _is_whole(newest):
            raise ValueError(f"{newest} is damaged")
        return newest


class TakesAnOlder(SavesMixin, unittest.TestCase):
    """The newest that is whole."""

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        return max(filter(_is_whole, cls.files()), default=None)


class TakesTheOldest(SavesMixin, unittest.TestCase):
    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        return min(filter(_is_whole, cls.files()), default=None)


class StartsOver(SavesMixin, unittest.TestCase):
    """Without a word, where the newest is torn."""

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        newest = max(cls.files(), default=None)
        return newest if newest is None or _is_whole(newest) else None


class Salvages(SavesMixin, unittest.TestCase):
    """Where the newest is torn, takes all of an older one but the random numbers."""

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        newest = max(cls.files(), default=None)
        if newest is None or _is_whole(newest):
            return newest
        older = newest.replace("step-4", "step-2")
        if older == newest:
            return None
        saved = torch.load(older)
        torch.save({**saved, "rng": torch.Generator().manual_seed(1).get_state()}, newest)
        return newest


class Hangs(SavesMixin, unittest.TestCase):
    """Where a file is torn in half."""

    phase_timeout = 10.0
    interruption = AtStep(2)

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        for path in cls.files():
            if not _is_whole(path) and Path(path).stat().st_size:
                threading.Event().wait(600)
        return max(filter(_is_whole, cls.files()), default=None)


class LosesItsTrace(SavesMixin, unittest.TestCase):
    interruption = AtStep(2)

    @classmethod
    def train(cls, mode: Mode) -> None:
        super().train(mode)
        if mode is Mode.RESUME:
            with (cls.metadata_dir / "resume" / "rank-0" / "phase.jsonl").open("a") as file:
                file.write("no event\n")


class SavesRandomNumbersInTheEnd(SavesMixin, unittest.TestCase):
    """Only a run that ends in order writes the state of its generator (F74)."""

    @classmethod
    def make_loop(cls, model: Any) -> Loop:
        return _WithoutRandomNumbers(model, super().make_loop(model).batches, cls.lr)

    @classmethod
    def train(cls, mode: Mode) -> None:
        kept = cls.run_directory(mode) / "generator"
        _WithoutRandomNumbers.kept = kept
        try:
            super().train(mode)
        finally:
            torch.save(torch.get_rng_state(), kept)


class _WithoutRandomNumbers(SavingLoop):
    kept: ClassVar[Path]

    def load(self, path: str, run: PhaseRun) -> None:
        before = torch.get_rng_state()
        super().load(path, run)
        torch.set_rng_state(torch.load(self.kept) if self.kept.exists() else before)


class NeverLoads(SavesMixin, unittest.TestCase):
    """What it has written."""

    interruption = AtStep(2)

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        if cls.files():
            raise ValueError(f"{cls.files()[0]} is of another version")
        return None


class Broken(SavesMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        raise ValueError("no such layer")


def _is_whole(path: str) -> bool:
    try:
        torch.load(path)
    except Exception:  # whatever torch says of a torn file
        return False
    return True
