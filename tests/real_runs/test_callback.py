"""RecordTrace in runs of a tiny module: it changes nothing, ends nothing, and is honest where it broke off."""

from __future__ import annotations

import copy
import tempfile
import unittest
import unittest.mock
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything

from stopgo_mixins import Recorder, RecordTrace, RngStateCallback
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict
from stopgo_mixins.trace.store import Trace
from tests.tiny import TRUSTING, TinyModule, tiny_loaders

UPDATES = 6


class StopBy(Callback):
    """Saves after an update, and ends the run in its own way after the next."""

    def __init__(self, update: int, how: Callable[[Trainer], None], checkpoint: Path) -> None:
        self.update, self.how, self.checkpoint = update, how, checkpoint

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.global_step == self.update:
            trainer.save_checkpoint(self.checkpoint)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.update + 1:
            self.how(trainer)


def should_stop(trainer: Trainer) -> None:
    trainer.should_stop = True


def fail(trainer: Trainer) -> None:
    raise MemoryError("no memory left")


class TwoOptimizers(TinyModule):
    """Optimizes each half by hand."""

    automatic_optimization = False

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.manual_backward(self.loss(batch))
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(half.parameters(), lr=self.lr) for half in (self.body, self.head)]


class BrokenRecorder(Recorder):
    metric = "broken"

    def gradients_ready(self, state: Any, gradients: Any) -> None:
        if state.update == 2:
            raise OSError("no space left on device")
        self.record(1)


class RunsCase(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.checkpoint = self.directory / "saved.ckpt"

    def train(
        self,
        *callbacks: Callback,
        resume: bool = False,
        module: type[TinyModule] = TinyModule,
        max_steps: int = UPDATES,
    ) -> Trainer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seed_everything(3, verbose=False)
            trainer = Trainer(
                max_steps=max_steps,
                callbacks=[RngStateCallback(), *callbacks],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                val_check_interval=2,
                check_val_every_n_epoch=None,
                accelerator="cpu",
                default_root_dir=self.directory,
            )
            training, validation = tiny_loaders()
            checkpoint = str(self.checkpoint) if resume else None
            trainer.fit(module(), training, validation, ckpt_path=checkpoint, **TRUSTING)
        return trainer

    def record(self, name: str, every_n_steps: int = 1, **settings: Any) -> RecordTrace:
        return RecordTrace(self.directory / name, every_n_steps, **settings)

    def compare(self, interrupted: str, uninterrupted: str = "whole") -> RunComparison:
        return RunComparison(recorded_runs([self.directory / interrupted], self.directory / uninterrupted))


class TestTheRun(RunsCase):
    def test_it_is_not_changed(self) -> None:
        for module, steps in ((TinyModule, UPDATES), (TwoOptimizers, 2 * UPDATES)):
            found = []
            for callbacks in ([], [self.record(module.__name__)]):
                trainer = self.train(*callbacks, module=module, max_steps=steps)
                weights = [parameter.detach().clone() for parameter in trainer.model.parameters()]
                found.append((trainer.global_step, trainer.max_steps, weights, torch.get_rng_state()))
                self.assertEqual([type(each) for each in trainer.callbacks[1:]], [RecordTrace] * len(callbacks))
            (plain_steps, plain_limit, plain, plain_rng), (steps_made, limit, recorded, rng) = found
            self.assertEqual((steps_made, limit), (plain_steps, plain_limit))
            self.assertTrue(all(map(torch.equal, plain, recorded)))
            self.assertTrue(torch.equal(plain_rng, rng))
            self.assertEqual(len(Trace(self.directory / module.__name__ / "leg-0").events("run_end")), 1)

    def test_only_chosen_steps_are_recorded(self) -> None:
        self.train(self.record("whole", every_n_steps=3))
        (rank,) = Trace(self.directory / "whole" / "leg-0").ranks.values()
        steps = {
            metric: sorted({record.key.step for record in rank.records(metric)})
            for metric in ("parameters", "gradients", "train_input", "valid_loss")
        }
        self.assertEqual(steps["parameters"], [0, 3, 6])
        self.assertEqual(steps["gradients"], [1, 4])
        self.assertEqual(steps["train_input"], [1, 2, 4, 5])
        self.assertEqual(steps["valid_loss"], [2, 4, 6])

    def test_it_goes_on_where_recording_fails(self) -> None:
        recording = self.record("broken", metrics={"broken": BrokenRecorder})
        with self.assertWarnsRegex(UserWarning, "the run goes on: OSError: no space left on device"):
            trainer = self.warned_train(recording)
        self.assertEqual(trainer.global_step, UPDATES)
        trace = Trace(self.directory / "broken" / "leg-0")
        self.assertFalse(trace.has_ended)
        self.assertEqual(len(trace.events("step_end")), 2)

    def warned_train(self, callback: Callback) -> Trainer:
        with unittest.mock.patch("warnings.simplefilter"):
            return self.train(callback)


class TestLegs(RunsCase):
    def test_a_run_that_stops_itself_and_is_resumed(self) -> None:
        self.train(self.record("whole"))
        for name, how in (("asked", should_stop), ("failed", fail)):
            with self.subTest(how=name):
                recording = self.record(name)
                if how is fail:
                    with self.assertRaises(MemoryError):
                        self.train(recording, StopBy(2, how, self.checkpoint))
                else:
                    self.train(recording, StopBy(2, how, self.checkpoint))
                self.train(recording, resume=True)  # in the same directory
                found = self.compare(name)
                self.assertEqual([leg.broke_off for leg in found.runs.legs], [how is fail, False])
                self.assertEqual([leg.start for leg in found.runs.legs], [0, 2])
                failed = found.of(Verdict.FAILED).keys() - {"validation_schedule"}  # Lightning 2.4 validates again
                self.assertEqual((failed, found.problems), (set(), {}))
                self.assertIn("parameters", found.of(Verdict.PASSED))

    def test_a_resume_from_scratch(self) -> None:
        self.train(self.record("whole"))
        self.train(self.record("again"), StopBy(2, should_stop, self.checkpoint))
        self.train(self.record("again"))
        found = self.compare("again")
        self.assertIs(found.verdict, RunVerdict.DIFFERENT)
        self.assertIn("loaded no checkpoint", found.problems["resume_point"])
        self.assertEqual(found.of(Verdict.PASSED), {})

    def test_a_copy_records_another_run(self) -> None:
        recording = self.record("whole")
        self.train(recording, copy.deepcopy(recording))
        self.assertEqual(len(list((self.directory / "whole").iterdir())), 2)


class TestWhatIsGiven(unittest.TestCase):
    def test_steps(self) -> None:
        for wrong in (0, -1, 1.5, "10"):
            with self.assertRaisesRegex(ValueError, f"every_n_steps={wrong!r}: write how many updates"):
                RecordTrace("somewhere", every_n_steps=wrong)  # type: ignore[arg-type]

    def test_metrics(self) -> None:
        with self.assertRaisesRegex(TypeError, "removes 'paramters', which does not exist"):
            RecordTrace("somewhere", metrics={"paramters": None})
        with self.assertRaisesRegex(TypeError, "write the class of a recorder"):
            RecordTrace("somewhere", metrics={"broken": BrokenRecorder()})  # type: ignore[dict-item]
        with self.assertRaisesRegex(TypeError, "whose metric is another one"):
            RecordTrace("somewhere", metrics={"norms": BrokenRecorder})


del RunsCase  # which is no test
