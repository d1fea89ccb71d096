"""Honest reasons for skipping."""

from __future__ import annotations

import sys
import unittest
from unittest import mock

from stopgo_mixins import MegatronStopAndGoMixin, Mode, require_nemo
from stopgo_mixins.backends.megatron import availability
from tests.outcome import run


class TestRequireNemo(unittest.TestCase):
    def setUp(self) -> None:
        availability.missing_nemo.cache_clear()
        self.addCleanup(availability.missing_nemo.cache_clear)

    def test_says_what_was_found_and_what_to_install(self) -> None:
        with mock.patch.dict(sys.modules, {"nemo.lightning": None}):
            reason = availability.missing_nemo()
        self.assertIsNotNone(reason)
        for part in ("NeMo 2 cannot be imported (ModuleNotFoundError", "megatron-core", "stopgo_mixins[nemo]"):
            self.assertIn(part, str(reason))

    def test_asks_for_train_itself(self) -> None:
        modules = {"nemo.lightning": mock.Mock(), "nemo.collections.llm": mock.Mock(spec=[])}
        with mock.patch.dict(sys.modules, modules):
            self.assertIn("has no train", str(availability.missing_nemo()))

    def test_skips_the_class(self) -> None:
        with mock.patch.object(availability, "missing_nemo", lambda: "no NeMo here"):

            @require_nemo
            class Case(unittest.TestCase):
                def test_nothing(self) -> None:
                    raise AssertionError("ran")

        self.assertEqual(run(Case).skipped_for, {"nothing": "no NeMo here"})

    def test_the_mixin_skips_by_itself(self) -> None:
        class Case(MegatronStopAndGoMixin, unittest.TestCase):
            num_steps = 2
            val_check_interval = 1

            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[object, ...]:
                raise AssertionError("ran")

        with mock.patch.dict(sys.modules, {"nemo.lightning": None}):
            outcome = run(Case)
        self.assertEqual((outcome.error, outcome.failed, outcome.passed), ("", {}, set()))
        self.assertIn("NeMo 2 cannot be imported", str(outcome.skipped))
