"""A thousand phases in one process leave as many threads as none."""

from __future__ import annotations

import threading
import unittest
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import torch

from stopgo_mixins import Mode, megatron_environment, require_nemo
from stopgo_mixins.backends.megatron import environment
from tests.megatron.cases import GPTMixin
from tests.outcome import run

TASKS = Path("/proc/self/task")


def threads() -> int:
    """All threads of this process, those that no Python code has started included."""
    return len(list(TASKS.iterdir()))


def groups_of_a_phase() -> None:
    """Makes what ``MegatronStrategy`` makes for each phase, and lets go of it."""
    from megatron.core import parallel_state

    with megatron_environment():
        store = torch.distributed.HashStore()
        torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=store)
        parallel_state.initialize_model_parallel(create_gloo_process_groups=True)


class Failing(GPTMixin, abstract=True):
    """Its resume phase fails, with all that it had set up."""

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        from lightning.pytorch import Callback

        class Failure(Callback):
            def on_train_batch_end(self, *_arguments: object) -> None:
                raise ZeroDivisionError

        callbacks = super().get_default_callbacks()
        callbacks[Mode.RESUME][Failure] = Failure()
        return callbacks


@require_nemo
@unittest.skipUnless(TASKS.exists(), "the system does not list the threads of a process")
class TestThreads(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        groups_of_a_phase()  # whatever a process starts once

    def test_many_phases_leave_none(self) -> None:
        before = threads()
        for _ in range(100):
            groups_of_a_phase()
        self.assertLessEqual(threads(), before)

    def test_groups_that_mcore_forgets_would_leave_some(self) -> None:
        before = threads()
        with mock.patch.object(environment, "_process_groups", lambda: lambda: None):
            groups_of_a_phase()
        self.assertGreater(threads(), before)
        groups_of_a_phase()

    def test_classes_leave_none(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            pass

        before, alive = threads(), threading.enumerate()  # other tests may have left some of theirs, or be leaving
        for _ in range(2):
            self.assertEqual(run(Case).error, "")
            self.assertLessEqual(threads(), before)
            self.assertLessEqual(set(threading.enumerate()), set(alive))

    def test_what_a_failed_phase_holds_is_gone_with_the_next_one(self) -> None:
        class FailingCase(Failing, unittest.TestCase):
            pass

        class Case(GPTMixin, unittest.TestCase):
            pass

        before = threads()
        self.assertIn("the resume phase failed: ZeroDivisionError", run(FailingCase).error)
        self.assertEqual(run(Case).error, "")
        self.assertLessEqual(threads(), before)

    def test_lightning_would_leave_one_that_looks_after_nothing(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            pass

        with mock.patch.object(environment, "_no_observer_of_nothing", nullcontext):
            self.assertEqual(run(Case).error, "")
        observers = [thread for thread in threading.enumerate() if thread.name == "child-process-observer"]
        self.assertTrue(observers)
        for observer in observers:
            observer.join()
