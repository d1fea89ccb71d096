"""Which checkpoint a restart finds by itself, trainer by trainer."""

from __future__ import annotations

import os
import unittest
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from stopgo_mixins import Mode
from stopgo_mixins.backends.megatron.availability import missing_nemo
from tests.kills import lightning_case, megatron_case


class FindingCase(unittest.TestCase):
    """Makes directories and files in the run directory of a class whose phases have not run."""

    def run_directory_of(self, case: Any) -> Path:
        case.make_run_directory()
        self.addCleanup(case.tempdir.cleanup)
        directory: Path = case.run_directory(Mode.RESUME)
        return directory

    def write(self, path: Path, modified: int) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (modified, modified))
        return str(path)


class TestLightning(FindingCase):
    def find(self, *callbacks: object) -> str | None:
        return lightning_case.SavesLast.find_checkpoint(SimpleNamespace(checkpoint_callbacks=callbacks))  # type: ignore[arg-type]

    def test_last_is_left_to_lightning(self) -> None:
        self.assertEqual(self.find(SimpleNamespace(save_last=False), SimpleNamespace(save_last=True)), "last")

    def test_else_it_is_the_file_that_was_changed_last(self) -> None:
        directory = self.run_directory_of(lightning_case.SavesLast)
        self.assertIsNone(self.find(SimpleNamespace(save_last=None)))
        newest = self.write(directory / "a" / "step-1.ckpt", 2)
        self.write(directory / "b" / "step-2.ckpt", 1)
        self.write(directory / "b" / "log.txt", 3)
        self.assertEqual(self.find(SimpleNamespace(save_last=None)), newest)


@unittest.skipUnless(find_spec("transformers"), "needs transformers")
class TestTransformers(FindingCase):
    def test_it_is_the_highest_step(self) -> None:
        from tests.huggingface.tiny import TinyTransformersMixin

        directory = self.run_directory_of(lightning_case.SavesLast)  # any directory
        trainer: Any = SimpleNamespace(args=SimpleNamespace(output_dir=str(directory)))
        self.assertIsNone(TinyTransformersMixin.find_checkpoint(trainer))
        for step in (9, 10):
            (directory / f"checkpoint-{step}").mkdir()
        self.assertEqual(TinyTransformersMixin.find_checkpoint(trainer), str(directory / "checkpoint-10"))


@unittest.skipIf(missing_nemo(), "needs NeMo 2")
class TestMegatron(FindingCase):
    def test_it_is_what_auto_resume_finds(self) -> None:
        case = megatron_case.SavesDistributed
        directory = self.run_directory_of(case) / "SavesDistributed" / "checkpoints"
        case.nemo_logger = case.setup_logger()
        self.assertIsNone(case.find_checkpoint(None))
        (directory / "step=1" / "weights").mkdir(parents=True)
        self.assertIsNone(case.find_checkpoint(None))
        weights = directory / "step=1-last" / "weights"
        weights.mkdir(parents=True)
        self.assertEqual(case.find_checkpoint(None), str(weights))
        (directory / "step=1-last-unfinished").touch()
        with self.assertRaisesRegex(ValueError, "Last checkpoint is unfinished"):
            case.find_checkpoint(None)


if __name__ == "__main__":
    unittest.main()
