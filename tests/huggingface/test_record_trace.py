"""TransformersRecordTrace around real runs of a tiny model."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from stopgo_mixins import Recorder, TransformersRecordTrace
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict
from tests.huggingface.tiny import Samples, TinyModel

UPDATES, SAVED_AT, ENDED_AT = 12, 4, 6


class EndEarly(TrainerCallback):
    """Ends the run amid an epoch: in an orderly way, or by an error."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def on_step_end(self, args: Any, state: Any, control: Any, **details: Any) -> None:
        if state.global_step == ENDED_AT:
            if self.error is not None:
                raise self.error
            control.should_training_stop = True


class BrokenRecorder(Recorder):
    metric = "broken"

    def gradients_ready(self, state: Any, gradients: Any) -> None:
        raise OSError("no space left on device")


class TestRealRuns(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def trainer(self, name: str, *callbacks: TrainerCallback) -> Trainer:
        torch.manual_seed(1)
        arguments = TrainingArguments(
            output_dir=str(self.directory / name),
            max_steps=UPDATES,
            learning_rate=1e-2,
            per_device_train_batch_size=2,
            eval_strategy="steps",
            eval_steps=4,
            save_steps=SAVED_AT,
            logging_steps=1,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
        )
        return Trainer(
            TinyModel(), arguments, train_dataset=Samples(10), eval_dataset=Samples(4), callbacks=list(callbacks)
        )

    def train(self, name: str, *callbacks: TrainerCallback, resume: bool = False, lost: str = "") -> Trainer:
        trainer = self.trainer(name, *callbacks)
        checkpoint = self.directory / name / f"checkpoint-{SAVED_AT}"
        if lost:
            (checkpoint / lost).unlink()
        with TransformersRecordTrace(trainer, self.directory / f"{name}-trace", every_n_steps=2):
            trainer.train(resume_from_checkpoint=str(checkpoint) if resume else None)
        return trainer

    def compare(self, name: str) -> RunComparison:
        return RunComparison(recorded_runs([self.directory / f"{name}-trace"], self.directory / "whole-trace"))

    def test_interrupted_and_resumed(self) -> None:
        self.train("whole")
        for name, error in (("asked", None), ("failed", MemoryError("no memory left"))):
            with self.subTest(name):
                if error is None:
                    self.train(name, EndEarly(error))
                else:
                    with self.assertRaises(MemoryError):
                        self.train(name, EndEarly(error))
                self.train(name, resume=True)
                found = self.compare(name)
                self.assertEqual((found.verdict, found.problems), (RunVerdict.SAME, {}))
                self.assertLessEqual({"parameters", "rng_state", "train_input"}, found.of(Verdict.PASSED).keys())
                legs = [(leg.start, leg.end, leg.broke_off) for leg in found.runs.legs]
                broke_off = error is not None
                self.assertEqual(legs, [(0, ENDED_AT - broke_off, broke_off), (SAVED_AT, UPDATES, False)])

    def test_a_file_that_was_lost_is_named(self) -> None:
        self.train("whole")
        self.train("cut", EndEarly(None))
        self.train("cut", resume=True, lost="rng_state.pth")
        found = self.compare("cut")
        self.assertIs(found.verdict, RunVerdict.DIFFERENT)
        causes = {cause.diagnosis.cause for cause in found.findings.root_causes if cause.diagnosis}
        self.assertIn(Cause.RNG_NOT_RESTORED, causes)

    def test_the_run_is_not_changed_and_goes_on_where_recording_fails(self) -> None:
        plain = self.trainer("plain")
        plain.train()
        recorded = self.train("whole")
        trainer = self.trainer("broken")
        with (
            self.assertWarnsRegex(UserWarning, "the run goes on: OSError: no space left on device"),
            TransformersRecordTrace(trainer, self.directory / "trace", metrics={"broken": BrokenRecorder}),
        ):
            trainer.train()
        for other in (recorded, trainer):
            self.assertEqual(other.state.global_step, UPDATES)
            for ours, theirs in zip(plain.model.parameters(), other.model.parameters(), strict=True):
                self.assertTrue(torch.equal(ours, theirs))
