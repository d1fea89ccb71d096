"""A backend of one file is enough, and none of the calls that it makes can be left out unnoticed."""

from __future__ import annotations

import inspect
import unittest
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stopgo_mixins import AtStep, Mode
from stopgo_mixins.bridge.run import PhaseRun
from tests.bridge import loop as third_backend
from tests.bridge.loop import Loop, LoopStopAndGoMixin
from tests.outcome import Outcome, concrete, run

CALLS = (
    *("training_started", "micro_batch_started", "micro_batch_ended", "gradients_ready", "step_ended"),
    *("validation_started", "validation_batch_started", "validation_batch_ended", "validation_ended"),
    *("checkpoint_saved", "interrupt_if_due", "training_ended"),
)
"""What every phase of a run with validations must tell; a resume tells of its checkpoint, too."""

LONGEST = 100
"""Lines of a file that maps one more trainer."""


def batches(count: int = 4) -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(2, 3, generator=generator), torch.randn(2, 1, generator=generator)) for _ in range(count)]


class TinyLoopMixin(LoopStopAndGoMixin, abstract=True):
    num_steps = 7
    val_check_interval = 2
    lr = 1e-2
    interruption = AtStep(3)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        return Loop(nn.Sequential(body, nn.Linear(4, 1)), batches(), cls.lr), batches(1)[0]


class ForgetfulRng(Loop):
    """Saves everything but the random numbers."""

    def load(self, path: str, run: PhaseRun) -> None:
        before = torch.get_rng_state()
        super().load(path, run)
        torch.set_rng_state(before)


def forgetful(call: str) -> type[PhaseRun]:
    """A phase whose bridge leaves out one call."""
    return type("Forgetful", (PhaseRun,), {call: lambda *_args, **_named: None})


class TestThirdBackend(unittest.TestCase):
    def test_is_one_short_file(self) -> None:
        lines = Path(third_backend.__file__).read_text(encoding="utf-8").splitlines()
        self.assertLess(len(lines), LONGEST)

    def test_a_correct_loop_passes(self) -> None:
        outcome = run(concrete(TinyLoopMixin))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        recorded = {"parameters", "buffers", "optimizer_state", "learning_rate", "rng_state", "train_input"}
        behaviour = {"train_loss", "train_output", "gradients", "valid_loss", "validation_schedule", "sample_exposure"}
        self.assertLessEqual(recorded | behaviour, outcome.passed)

    def test_a_fault_of_the_loop_is_named(self) -> None:
        def setup_model(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
            return ForgetfulRng(model, batches(), 1e-2), batches(1)[0]

        message = run(concrete(TinyLoopMixin, setup_model=classmethod(setup_model))).failed["rng_state"]
        self.assertIn("root cause of this run: rng_state at state 3 (restored), rank 0: ['torch']", message)


class TestNoCallCanBeLeftOut(unittest.TestCase):
    def outcome_without(self, call: str) -> Outcome:
        return run(concrete(TinyLoopMixin, run_class=forgetful(call)))

    def test_the_phase_names_it(self) -> None:
        for call in CALLS:
            with self.subTest(call=call):
                outcome = self.outcome_without(call)
                self.assertRegex(outcome.error, rf"phase failed: BridgeError: the bridge did not call {call} ")
                self.assertEqual(outcome.passed, set())

    def test_a_resume_that_told_of_no_checkpoint_fails_by_name(self) -> None:
        outcome = self.outcome_without("checkpoint_loaded")
        self.assertIn(
            "the resume phase loaded no checkpoint: its bridge never called checkpoint_loaded",
            outcome.failed["resume_point"],
        )
        self.assertNotIn("parameters", outcome.passed)

    def test_no_call_is_forgotten_here(self) -> None:
        calls = {name for name, found in vars(PhaseRun).items() if inspect.isfunction(found) and name[0] != "_"}
        # Where a trainer has no epochs, logs or signals, or saves when it is told to.
        may_be_left_out = {"epoch_ended", "logged", "interrupted", "end_if_past", "stopping"}
        self.assertEqual(calls - may_be_left_out, {*CALLS, "checkpoint_loaded", "state_dict"})


class TestWhatTheRunIsTold(unittest.TestCase):
    def test_a_phase_leaves_nothing_on_the_model(self) -> None:
        seen: list[bytes] = []

        class Copied(Loop):
            def save(self, path: Path, run: PhaseRun) -> None:
                super().save(path, run)
                seen.append(repr([vars(module) for module in self.model.modules()]).encode())

        def setup_model(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            return Copied(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)), batches(), 1e-2), batches(1)[0]

        run(concrete(TinyLoopMixin, setup_model=classmethod(setup_model)))
        self.assertTrue(seen)
        self.assertNotIn(b"stopgo_mixins", seen[0])


if __name__ == "__main__":
    unittest.main()
