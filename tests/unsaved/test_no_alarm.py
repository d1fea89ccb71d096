"""What two equal runs differ in, or what nobody reads again, is no alarm."""

from __future__ import annotations

import datetime
import time
import unittest
from pathlib import Path
from typing import Any, ClassVar

import torch
import torchmetrics
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from parameterized import parameterized
from torch import Tensor

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, Mode
from tests.outcome import Outcome, concrete, run
from tests.recorders.breaking import ExtraCallbacksMixin
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class ModuleMixin(TinyMixin, abstract=True):
    """The tiny run with another module."""

    module: ClassVar[type[TinyModule]]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(), tiny_loaders()


class Scratch(TinyModule):
    """Keeps what it writes anew in every step before it reads it."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.last: Any = None
        self.notes: dict[str, Any] = {}

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.last, self.notes = batch, {"index": batch_idx}
        return super().training_step(batch, batch_idx)


class ReadsItsScratch(Scratch):
    """Reads it in the next step, and the step after next no longer."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        skips = self.last is None and self.global_step > 0
        return super().training_step(batch, batch_idx) * (2 if skips else 1)


class ReadsClocks(TinyModule):
    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.began, self.began_ns = time.time(), time.time_ns()
        self.marks = [time.perf_counter(), time.monotonic()]
        self.date = datetime.datetime.now()
        return super().training_step(batch, batch_idx)


class MakesWhenAsked(TinyModule):
    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        if self.global_step == 1:
            self.hooks: list[Any] = []
            self.settings: dict[str, Any] = {}
        return super().training_step(batch, batch_idx)


class KnowsPaths(TinyModule):
    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        path = Path(self.trainer.default_root_dir) / f"step-{self.global_step}"
        self.path, self.text, self.scores = path, str(path), {str(path): 1.0}
        return super().training_step(batch, batch_idx)


class Measured(TinyModule):
    """Metrics of a well-known package: one saved with the module, and one logged that begins anew at each step."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.error = torchmetrics.MeanSquaredError()
        self.error.persistent(True)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.error.update(self.head(self.body(batch[0])), batch[1])
        return super().training_step(batch, batch_idx)


class Flipping(Callback):
    """What an object of torch or of the trainer does by itself, and the user looks at."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.trainer, self.module, self.optimizer = trainer, pl_module, trainer.optimizers[0]


class WellKnownMixin(ExtraCallbacksMixin, abstract=True):
    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [
            EarlyStopping("val_loss", patience=9),
            ModelCheckpoint(cls.run_directory(mode), monitor="val_loss", save_top_k=2, save_last=True),
            TQDMProgressBar(),
            LearningRateMonitor(),
            Flipping(),
        ]

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        logger = CSVLogger(cls.run_directory(mode), version=f"of-{mode.value}", flush_logs_every_n_steps=1)
        shown = {"enable_progress_bar": True, "logger": logger, "log_every_n_steps": 1}
        return {**super().trainer_arguments(mode), **shown}


class WorkersMixin(TinyMixin, abstract=True):
    """The digits with loader workers."""

    num_steps = 8
    val_check_interval = 4
    interruption = AtStep(5)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        torch.multiprocessing.set_sharing_strategy("file_system")
        return DigitsClassifier(lr=cls.lr), DigitsDataModule(num_workers=2)


NOTHING = "apart from what has a metric of its own, nothing that was reached had changed at the resume point"


class TestNoAlarm(unittest.TestCase):
    def clean(self, base: type, **attributes: object) -> Outcome:
        self.case: Any = concrete(base, **attributes)
        outcome = run(self.case)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        return outcome

    def paths(self) -> set[str]:
        return set(self.case.comparison("unsaved_state").series)

    @parameterized.expand([(f"seed_{seed}", seed) for seed in range(20)])
    def test_tiny(self, _: str, seed: int) -> None:
        self.assertIn(NOTHING, self.clean(TinyMixin, seed=seed).skipped_for["unsaved_state"])

    def test_what_is_written_before_it_is_read(self) -> None:
        self.assertIn("unsaved_state", self.clean(ModuleMixin, module=Scratch).passed)
        overwritten = {found.key.path for found in self.case.comparison("unsaved_state").overwritten}
        self.assertLessEqual({"model.last", "model.notes['index']"}, {*overwritten, *self.paths()})
        self.assertIn("model.notes['index']", overwritten)

    def test_what_is_written_is_the_cause_where_no_other_one_is_known(self) -> None:
        case: Any = concrete(ModuleMixin, module=ReadsItsScratch)
        outcome = run(case)
        self.assertEqual(outcome.error, "")
        self.assertLessEqual({"unsaved_state", "train_loss", "parameters"}, outcome.failed.keys())
        self.assertIn("root cause of this run: unsaved_state at state 3 (restored)", outcome.failed["unsaved_state"])
        self.assertIn("consequence of unsaved_state (unsaved state); ", outcome.failed["train_loss"])

    def test_clocks(self) -> None:
        self.clean(ModuleMixin, module=ReadsClocks)
        self.assertIn("model.marks.len()", self.paths())
        self.assertEqual(self.paths() & {"model.began", "model.began_ns", "model.marks[0]", "model.date"}, set())

    def test_an_empty_container_is_none(self) -> None:
        class Filled(MakesWhenAsked):
            def on_train_batch_end(self, *_: Any) -> None:
                if self.global_step == 2:  # once, after it was made
                    self.settings["a"] = 1

        self.assertIn("model.settings.len()", run(concrete(ModuleMixin, module=Filled)).failed["unsaved_state"])
        self.clean(ModuleMixin, module=MakesWhenAsked)

    def test_directories(self) -> None:
        self.clean(ModuleMixin, module=KnowsPaths)
        self.assertLessEqual({"model.path", "model.text", "model.scores['step-2']"}, self.paths())

    def test_metrics_of_a_package(self) -> None:
        self.assertIn("unsaved_state", self.clean(ModuleMixin, module=Measured).passed)
        self.assertIn("model.error.total", self.paths())

    def test_callbacks_and_loggers_of_the_trainer(self) -> None:
        self.clean(WellKnownMixin)
        of_packages = ("EarlyStopping", "ModelCheckpoint", "TQDMProgressBar", "LearningRateMonitor", "loggers")
        self.assertEqual([path for path in self.paths() if path.startswith(of_packages) and "." in path], [])

    def test_loader_workers(self) -> None:
        self.clean(WorkersMixin)


if __name__ == "__main__":
    unittest.main()
