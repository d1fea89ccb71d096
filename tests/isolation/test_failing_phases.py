"""A phase that fails, or does not do what its name promises, says so in a sentence of its own."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins import TorchCheckpointIO

from stopgo_mixins import AfterValidation, Mode, PhaseError, Recorder
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders, tiny_samples


class BrokenMixin(TinyMixin, abstract=True):
    """Prints, and raises in one of the phases before anything is trained."""

    broken = Mode.STOP
    error: BaseException = ValueError("no such layer")

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        if mode is cls.broken:
            sys.stdout.write("".join(f"line {number}\n" for number in range(20)))
            sys.stderr.write("the last words\n")
            raise type(cls.error)(*cls.error.args)
        return super().setup_model(mode)


class TestErrors(unittest.TestCase):
    def test_the_message_names_class_phase_error_and_the_end_of_the_output(self) -> None:
        message = run(concrete(BrokenMixin)).error
        self.assertIn("PhaseError: Broken: the stop phase failed: ValueError: no such layer\n", message)
        self.assertIn("the end of what it printed:\n    line 6\n", message)
        self.assertIn("    line 19\n    the last words\n", message)
        self.assertNotIn("line 5\n", message)
        self.assertIn("to keep traces and checkpoints, set STOPGO_KEEP=DIR in the environment", message)

    def test_the_error_itself_is_the_cause(self) -> None:
        case = concrete(BrokenMixin)
        self.addCleanup(case.doClassCleanups)
        with self.assertRaises(PhaseError) as caught:
            case.setUpClass()
        self.assertEqual(repr(caught.exception.__cause__), repr(BrokenMixin.error))

    def test_the_traceback_leads_to_the_users_code_only(self) -> None:
        message = run(concrete(BrokenMixin)).error
        self.assertIn(__file__, message)
        self.assertNotIn("/stopgo_mixins/", message)

    def test_each_phase_is_named(self) -> None:
        for mode, name in ((Mode.RESUME, "resume"), (Mode.CONTINUOUS, "continuous")):
            with self.subTest(mode=mode):
                outcome = run(concrete(BrokenMixin, broken=mode), ["train_loss"])
                self.assertIn(f"Broken: the {name} phase failed: ValueError: no such layer", outcome.error)

    def test_a_phase_that_exits_is_an_error(self) -> None:
        outcome = run(concrete(BrokenMixin, error=SystemExit(0)))
        self.assertIn("Broken: the stop phase failed: SystemExit: 0", outcome.error)
        self.assertFalse(outcome.wasSuccessful())

    def test_a_skip_is_a_skip(self) -> None:
        outcome = run(concrete(BrokenMixin, error=unittest.SkipTest("needs a GPU")))
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertEqual([reason for _, reason in outcome.skipped], ["needs a GPU"])

    def test_a_later_phase_that_skips_is_a_failure(self) -> None:
        for mode in (Mode.RESUME, Mode.CONTINUOUS):
            outcome = run(concrete(BrokenMixin, error=unittest.SkipTest("no file"), broken=mode))
            self.assertEqual(outcome.skipped, [])
            self.assertIn(f"Broken: the {mode.value} phase failed: SkipTest: no file", outcome.error)

    def test_pytest_skips_as_unittest_does(self) -> None:
        skip = pytest.skip.Exception("needs a GPU")
        for mode in (Mode.RESUME, Mode.CONTINUOUS):
            outcome = run(concrete(BrokenMixin, error=skip, broken=mode))
            self.assertIn(f"Broken: the {mode.value} phase failed: Skipped: needs a GPU", outcome.error)
        case = concrete(BrokenMixin, error=skip)
        self.addCleanup(case.doClassCleanups)
        with self.assertRaises(pytest.skip.Exception):
            case.setUpClass()

    def test_what_pytest_expects_to_fail_is_a_failure(self) -> None:
        for mode in Mode:
            outcome = run(concrete(BrokenMixin, error=pytest.xfail.Exception("known"), broken=mode))
            self.assertIn(f"Broken: the {mode.value} phase failed: XFailed: known", outcome.error)

    def test_without_a_stop_phase_the_continuous_phase_is_the_first(self) -> None:
        skips = {"error": unittest.SkipTest("needs a GPU"), "stop_phase": False}
        outcome = run(concrete(BrokenMixin, broken=Mode.CONTINUOUS, **skips))
        self.assertEqual((outcome.error, [reason for _, reason in outcome.skipped]), ("", ["needs a GPU"]))
        outcome = run(concrete(BrokenMixin, broken=Mode.RESUME, **skips))
        self.assertIn("Broken: the resume phase failed: SkipTest: needs a GPU", outcome.error)

    def test_ctrl_c_ends_the_suite(self) -> None:
        case = concrete(BrokenMixin, error=KeyboardInterrupt())
        self.addCleanup(case.doClassCleanups)
        with self.assertRaises(KeyboardInterrupt):
            run(case)


class InterruptedModule(TinyModule):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise KeyboardInterrupt


class TestCtrlCInTraining(unittest.TestCase):
    """Lightning turns it into an exit, and has the process ignore every later one."""

    def test_ends_the_suite(self) -> None:
        case = concrete(
            TinyMixin, setup_model=classmethod(lambda cls, mode: (InterruptedModule(cls.lr), tiny_loaders()))
        )
        self.addCleanup(case.doClassCleanups)
        handler = signal.getsignal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            run(case)
        self.assertIs(signal.getsignal(signal.SIGINT), handler)


class NoCheckpointIO(TorchCheckpointIO):
    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing, as a plugin does whose queue dies with the process."""


class TrainerMixin(TinyMixin, abstract=True):
    """Changes the trainer of one phase."""

    changed = Mode.STOP
    arguments: ClassVar[dict[str, Any]] = {}

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        changes = cls.arguments if mode is cls.changed else {}
        return Trainer(**{**cls.trainer_arguments(mode), **changes})


class TestBrokenPromises(unittest.TestCase):
    def test_a_stop_phase_that_was_not_interrupted(self) -> None:
        message = run(concrete(TinyMixin, interruption=AfterValidation(number=9))).error
        self.assertIn(
            "PhaseError: Tiny: the stop phase was not interrupted: it ended after 5 of 5 steps, before "
            "AfterValidation(number=9) was due. The run has had 2 validations, counting one that came with its last "
            "step. Write, for example, interruption = AtStep(2).",
            message,
        )

    def test_a_stop_phase_that_left_no_checkpoint(self) -> None:
        message = run(concrete(TrainerMixin, arguments={"plugins": [NoCheckpointIO()]})).error
        self.assertRegex(message, r"PhaseError: Trainer: the stop phase left no checkpoint: there is no .*step-3\.ckpt")

    def test_a_continuous_phase_that_is_too_short(self) -> None:
        message = run(concrete(TrainerMixin, changed=Mode.CONTINUOUS, arguments={"max_steps": 4})).error
        self.assertIn(
            "PhaseError: Trainer: the continuous phase made 4 optimizer updates, but num_steps = 5. Let the trainer "
            "that setup_trainer returns run for cls.num_steps updates.",
            message,
        )

    def test_a_model_of_an_earlier_phase(self) -> None:
        model = TinyModule()
        message = run(concrete(TinyMixin, setup_model=classmethod(lambda cls, mode: (model, tiny_loaders())))).error
        self.assertIn(
            "Tiny: the resume phase failed: TypeError: Tiny.setup_model returned the model of an earlier phase: build "
            "a new one each time.",
            message,
        )

    def make_twice(self, *parts: object) -> None:
        case: Any = concrete(TinyMixin, setup_model=classmethod(lambda cls, mode: (TinyModule(), *parts)))
        self.addCleanup(case.doClassCleanups)
        case.make_run_directory()
        case.make_model(Mode.STOP)
        case.make_model(Mode.RESUME)

    def test_data_or_an_optimizer_of_an_earlier_phase(self) -> None:
        """They would go on where this process left them, whatever the checkpoint says."""
        train, validation = tiny_loaders()
        optimizer = torch.optim.SGD(TinyModule().parameters(), lr=0.1)
        for name, *parts in (
            ("data", train),
            ("data", (train, validation)),
            ("data", {"one": train}),
            ("optimizer", None, optimizer),
        ):
            sentence = f"Tiny.setup_model returned the {name} of an earlier phase: build a new one each time"
            with self.subTest(name), self.assertRaisesRegex(TypeError, sentence):
                self.make_twice(*parts)

    def test_data_that_would_have_to_start_anew(self) -> None:
        loaders = tiny_loaders()
        message = run(concrete(TinyMixin, setup_model=classmethod(lambda cls, mode: (TinyModule(), loaders)))).error
        self.assertIn("Tiny: the resume phase failed: TypeError: Tiny.setup_model returned the data of an", message)

    def test_data_without_any_state_may_be_the_same(self) -> None:
        self.make_twice([list(tiny_samples(2)[:])] * 4)
        self.make_twice(None)

    def test_a_recorder_that_only_the_trainer_knows(self) -> None:
        class NormRecorder(Recorder, Callback):
            metric = "norm"

        class Adding(TinyMixin, abstract=True):
            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                arguments = super().trainer_arguments(mode)
                return {**arguments, "callbacks": [NormRecorder(), *arguments["callbacks"]]}

        self.assertIn(
            "Adding.setup_trainer gave the trainer a NormRecorder that is not in the registry, so it would record "
            "nothing: write metrics = {'norm': NormRecorder} in the class instead.",
            run(concrete(Adding)).error,
        )

    def test_something_else_than_a_model_and_data(self) -> None:
        for made, found in ((TinyModule(), "a TinyModule"), ((TinyModule(),), "a tuple of 1"), (None, "a NoneType")):
            message = run(concrete(TinyMixin, setup_model=staticmethod(lambda mode, made=made: made))).error
            self.assertIn(f"Tiny.setup_model returned {found}: return (model, data) or (model, data, opt", message)

    def test_a_trainer_without_the_callbacks(self) -> None:
        message = run(concrete(TrainerMixin, arguments={"callbacks": []})).error
        self.assertIn("Trainer.setup_trainer returned a trainer without the registered callbacks: pass", message)


class TestRunDirectory(unittest.TestCase):
    def test_is_removed_after_the_tests(self) -> None:
        case = concrete(TinyMixin)
        self.assertEqual(run(case, ["train_loss"]).passed, {"train_loss"})
        self.assertFalse(Path(case.tempdir.name).exists())

    def test_is_removed_when_a_phase_fails(self) -> None:
        for error in (ValueError(), SystemExit(), unittest.SkipTest()):
            with self.subTest(error=error):
                case = concrete(BrokenMixin, error=error)
                run(case)
                self.assertFalse(Path(case.tempdir.name).exists())

    def test_is_kept_on_request_and_failing_tests_say_where(self) -> None:
        with tempfile.TemporaryDirectory() as keep, mock.patch.dict(os.environ, {"STOPGO_KEEP": f"{keep}/a/b"}):
            case = concrete(TrainerMixin, changed=Mode.RESUME, arguments={"limit_val_batches": 1})
            outcome = run(case)
            (kept,) = Path(f"{keep}/a/b").iterdir()
            self.assertIn(f"report: {kept}/report.html", outcome.failed["validation_schedule"])
            for expected in (
                "report.html",
                "metadata/class.json",
                "interrupted/**/step-3.ckpt",
                "metadata/stop/rank-0/train_loss.jsonl",
                "metadata/stop.log",
            ):
                self.assertTrue(list(kept.glob(expected)), expected)

    def test_its_name_is_bounded_however_long_that_of_the_class_is(self) -> None:
        for name in ("T" * 300, "Tést" * 60):
            case = type(name, (TinyMixin, unittest.TestCase), {})
            outcome = run(case, ["train_loss"])
            self.assertEqual((outcome.passed, outcome.error), ({"train_loss"}, ""))
            self.assertLess(len(Path(case.tempdir.name).name.encode()), 120)
            self.assertEqual(case.exp_name, name)

    def test_each_run_has_one_of_its_own(self) -> None:
        with tempfile.TemporaryDirectory() as keep, mock.patch.dict(os.environ, {"STOPGO_KEEP": keep}):
            for _ in range(2):
                run(concrete(BrokenMixin))
            self.assertEqual(len(list(Path(keep).iterdir())), 2)


if __name__ == "__main__":
    unittest.main()
