"""Honest reasons for skipping a class for want of a device."""

from __future__ import annotations

import unittest
from unittest import mock

from stopgo_mixins import devices, require_gpu
from tests.outcome import run


class TestRequireGpu(unittest.TestCase):
    def test_a_build_without_cuda(self) -> None:
        with mock.patch("torch.backends.cuda.is_built", lambda: False):
            self.assertIn("built without CUDA", str(devices.missing_gpus(1)))

    def test_too_few(self) -> None:
        with (
            mock.patch("torch.backends.cuda.is_built", lambda: True),
            mock.patch("torch.cuda.device_count", lambda: 1),
        ):
            self.assertEqual(devices.missing_gpus(2), "needs 2 CUDA device(s), found 1")
            self.assertIsNone(devices.missing_gpus(1))

    def skipped_for(self, reason: str | None) -> dict[str, str]:
        with mock.patch.object(devices, "missing_gpus", lambda count: reason and f"{reason} {count}"):

            @require_gpu(3)
            class Case(unittest.TestCase):
                def test_nothing(self) -> None:
                    pass

        return run(Case).skipped_for

    def test_skips_the_class(self) -> None:
        self.assertEqual(self.skipped_for("needs"), {"nothing": "needs 3"})

    def test_leaves_the_class_alone_where_nothing_is_missing(self) -> None:
        self.assertEqual(self.skipped_for(None), {})
