"""Megatron classes and Lightning classes in one process, in any order, do not disturb each other."""

from __future__ import annotations

import unittest
from unittest import mock

from stopgo_mixins import require_nemo
from stopgo_mixins.backends.megatron import environment
from tests.megatron.cases import GPTMixin
from tests.outcome import run
from tests.tiny import TinyMixin


def plain() -> type:
    """A class of Lightning, without Megatron."""

    class Plain(TinyMixin, unittest.TestCase):
        pass

    return Plain


def megatron(precision_: str) -> type:
    """A class of Megatron."""

    class Megatron(GPTMixin, unittest.TestCase):
        precision = precision_

    return Megatron


@require_nemo
class TestNeighbours(unittest.TestCase):
    def test_any_order(self) -> None:
        lightning, fp32, bf16 = plain(), megatron("32"), megatron("bf16-mixed")
        expected = {case: _verdicts(case) for case in (lightning, fp32, bf16)}
        for verdicts in expected.values():
            self.assertEqual(verdicts["train_loss"], "passed")
        # With the three above, each class has run after each other one.
        for number, case in enumerate((lightning, bf16, fp32, lightning)):
            with self.subTest(number=number, case=case.__name__):
                self.assertEqual(_verdicts(case), expected[case])

    def test_what_nemo_leaves_in_lightnings_loops_would_disturb(self) -> None:
        self.addCleanup(environment._data_fetchers())
        with mock.patch.object(environment, "_data_fetchers", lambda: lambda: None):
            run(megatron("32"))
        self.assertIn("the stop phase failed", run(plain()).error)


def _verdicts(case: type) -> dict[str, str]:
    outcome = run(case)
    return {
        **dict.fromkeys(outcome.passed, "passed"),
        **dict.fromkeys(outcome.failed, "failed"),
        **dict.fromkeys(outcome.skipped_for, "skipped"),
        **({"outside of the tests": outcome.error} if outcome.error else {}),
    }
