"""Whether the files of a checkpoint are whole, and which are the same; and a run that leaves bad ones."""

from __future__ import annotations

import json
import shutil
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stopgo_mixins import Mode
from stopgo_mixins.bridge.checkpoint_files import damage_of, digest_of
from stopgo_mixins.bridge.run import PhaseRun
from tests.bridge.loop import Loop
from tests.bridge.test_loop import TinyLoopMixin, batches
from tests.outcome import concrete, run


class TestDamage(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.checkpoint = Path(directory.name, "step-4")
        self.checkpoint.mkdir()

    def write(self, name: str, content: bytes) -> Path:
        path = self.checkpoint / name
        path.write_bytes(content)
        return path

    def test_whole_files_have_none(self) -> None:
        torch.save({"a": torch.zeros(3)}, self.checkpoint / "weights.pt")
        self.write("state.json", b"{}")
        self.write("model.safetensors", _safetensors(b"1234"))
        self.write("__0_0.distcp", b"1")
        self.write(".metadata", b"1")
        self.write("finished", b"")
        self.assertEqual(damage_of(self.checkpoint), "")
        self.assertEqual(damage_of(self.checkpoint / "weights.pt"), "")

    def test_each_format_shows_its_own(self) -> None:
        torch.save({"a": torch.zeros(3)}, self.checkpoint / "weights.pt")
        archive = (self.checkpoint / "weights.pt").read_bytes()
        safe = _safetensors(b"1234")
        for name, content, damage in (
            ("weights.pt", archive[: len(archive) // 2], "is truncated: the directory at the end of the archive"),
            ("weights.pt", b"", "is empty"),
            ("model.safetensors", safe[:-1], f"is truncated: it should have {len(safe)} bytes and has {len(safe) - 1}"),
            ("model.safetensors", safe[:10], "is truncated: its header should have "),
            ("state.json", b'{"step": 4', "is not JSON: "),
        ):
            with self.subTest(name, damage=damage):
                path = self.write(name, content)
                self.assertTrue(damage_of(self.checkpoint).startswith(f"{path} {damage}"), damage_of(self.checkpoint))
                path.unlink()

    def test_a_distributed_one_without_its_metadata(self) -> None:
        self.write("__0_0.distcp", b"1")
        self.assertEqual(damage_of(self.checkpoint), f"{self.checkpoint} has no .metadata, which is written last")

    def test_a_digest_is_of_all_files_and_their_names(self) -> None:
        self.write("a", b"1")
        before = digest_of(self.checkpoint)
        copy = shutil.copytree(self.checkpoint, self.checkpoint.with_name("copy"))
        self.assertEqual(digest_of(copy), before)
        (copy / "a").rename(copy / "b")
        self.assertNotEqual(digest_of(copy), before)


def _safetensors(data: bytes) -> bytes:
    header = json.dumps({"a": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


class TestARunThatLeavesBadOnes(unittest.TestCase):
    def problem(self, spoil: Callable[[Path], object]) -> str:
        """Of a run whose second checkpoint is spoilt, beside the one of the interruption."""

        class Spoiling(Loop):
            def save(self, path: Path, run: PhaseRun) -> None:
                super().save(path, run)
                if run.plan.mode is Mode.STOP:
                    copy = path.with_name("copy.pt")
                    shutil.copyfile(path, copy)
                    spoil(copy)
                    run.checkpoint_saved(str(copy))
                    run.checkpoint_saved(str(path))

        def setup_model(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
            return Spoiling(model, batches(), 1e-2), batches(1)[0]

        outcome = run(concrete(TinyLoopMixin, setup_model=classmethod(setup_model)), ["resume_point"])
        self.assertEqual(outcome.error, "")
        return outcome.failed.get("resume_point", "")

    def test_is_told_so(self) -> None:
        self.assertEqual(self.problem(lambda path: None), "")
        message = self.problem(lambda path: path.write_bytes(b""))
        self.assertRegex(message, r"of the checkpoints that the stop phase left, \S+/copy\.pt is empty\.")


if __name__ == "__main__":
    unittest.main()
