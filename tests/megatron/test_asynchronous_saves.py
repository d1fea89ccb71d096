"""Checkpoints that a process of its own writes, as ``MegatronStrategy`` has it unless it is told otherwise."""

from __future__ import annotations

import multiprocessing
import unittest
from typing import Any
from unittest import mock

from stopgo_mixins import AtStep, Mode, require_nemo
from stopgo_mixins.backends.megatron import environment
from tests.megatron.cases import GPTMixin
from tests.megatron.test_threads import Failing
from tests.outcome import run


class AsynchronousMixin(GPTMixin, abstract=True):
    """Saves while it trains on."""

    @classmethod
    def strategy_arguments(cls, mode: Mode) -> dict[str, Any]:
        return {**super().strategy_arguments(mode), "ckpt_async_save": True}


def results() -> Any:
    """Where mcore's writers leave what they have to say."""
    from megatron.core.dist_checkpointing.strategies import filesystem_async

    return filesystem_async._get_write_results_queue()


@require_nemo
class TestAsynchronousSaves(unittest.TestCase):
    def assert_nothing_is_left(self) -> None:
        self.assertTrue(results().empty())
        self.assertEqual(multiprocessing.active_children(), [results_keeper()])

    def test_the_run_is_interrupted_once_its_checkpoint_is_written(self) -> None:
        for interruption_ in (AtStep(4), AtStep(3), AtStep(3, by="should_stop")):

            class Case(AsynchronousMixin, unittest.TestCase):
                interruption = interruption_

            with self.subTest(interruption=str(interruption_)):
                outcome = run(Case)
                self.assertEqual((outcome.error, outcome.failed), ("", {}))
                self.assert_nothing_is_left()

    def test_it_would_still_be_written(self) -> None:
        class Case(AsynchronousMixin, unittest.TestCase):
            pass

        from stopgo_mixins.backends.megatron.bridge import MegatronBridge

        with mock.patch.object(MegatronBridge, "on_exception", lambda *_arguments: None):
            self.assertIn("the resume phase failed: FileNotFoundError", run(Case).error)
        self.assert_nothing_is_left()

    def test_a_phase_that_fails_leaves_nothing_either(self) -> None:
        class Case(AsynchronousMixin, Failing, unittest.TestCase):
            pass

        self.assertIn("the resume phase failed: ZeroDivisionError", run(Case).error)
        self.assert_nothing_is_left()

    def test_results_that_were_left_would_be_those_of_the_next_checkpoint(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            pass

        results().put({0: []})
        with mock.patch.object(environment, "_drop_results_of_checkpoints", lambda: None):
            self.assertIn("phase failed", run(Case).error)
        with environment.megatron_environment():
            pass
        self.assertEqual(run(Case).error, "")


def results_keeper() -> Any:
    """The process in which mcore keeps that queue: one for all phases."""
    (keeper,) = (child for child in multiprocessing.active_children() if "Manager" in child.name)
    return keeper
