"""A correct loop of one's own passes; what it forgets to restore, or to say, is named."""

from __future__ import annotations

import copy
import re
import signal
import subprocess
import sys
import unittest
from typing import Any

import torch
from torch import nn

from stopgo_mixins import (
    AfterValidation,
    AtEpochEnd,
    AtStep,
    InsideValidation,
    LoopRun,
    LoopStopAndGoMixin,
    Mode,
    sweep,
)
from tests.loop import tiny
from tests.loop.clipping import first_norm
from tests.loop.tiny import TinyLoopMixin
from tests.outcome import Outcome, concrete, run


def outcome_of(**attributes: Any) -> Outcome:
    return run(concrete(TinyLoopMixin, **attributes))


class TestCorrectLoop(unittest.TestCase):
    def assert_exact(self, outcome: Outcome) -> Outcome:
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        return outcome

    def test_everything_is_recorded(self) -> None:
        outcome = self.assert_exact(outcome_of())
        state = {"parameters", "buffers", "optimizer_state", "learning_rate", "scheduler_state", "rng_state"}
        behaviour = {"train_input", "train_output", "train_loss", "gradients", "sample_exposure", "logged_metrics"}
        validation = {"valid_input", "valid_output", "valid_loss", "validation_schedule"}
        of_the_run = {"resume_point", "number_of_steps", "train_val_init_consumed_samples"}
        self.assertLessEqual(state | behaviour | validation | of_the_run | {"loop_progress"}, outcome.passed)

    def test_any_step(self) -> None:
        for step in (1, 3, 4, 5, 8, 10):
            with self.subTest(step=step):
                self.assert_exact(outcome_of(interruption=AtStep(step)))

    def test_other_interruptions(self) -> None:
        for interruption in (AtEpochEnd(1), AfterValidation(), AtStep(6, past=2), AtStep(6, by="should_stop")):
            with self.subTest(interruption=interruption):
                self.assert_exact(outcome_of(interruption=interruption))
        self.assert_exact(outcome_of(interruptions=(AtStep(3), AtStep(8))))

    def interrupted(self, **attributes: Any) -> tuple[int, int]:
        """After which update, and after which one its checkpoint was saved."""
        seen: list[tuple[int, int]] = []

        def resume(cls: Any) -> None:
            (event,) = cls.trace(Mode.STOP).events("interrupted")
            seen.append((event["update"], event["saved_at"]))
            super(case, cls).resume()

        case: Any = concrete(TinyLoopMixin, resume=classmethod(resume), **attributes)
        self.assert_exact(run(case))
        return seen[0]

    def test_its_own_next_checkpoint_is_where_it_is_interrupted(self) -> None:
        self.assertEqual(self.interrupted(save_every=4), (8, 8))

    def test_work_that_is_lost(self) -> None:
        self.assertEqual(self.interrupted(save_every=4, interruption=AtStep(4, past=2)), (6, 4))

    def test_a_signal_that_the_loop_answers(self) -> None:
        by_signal = {"save_every": 4, "interruption": AtStep(4, past=2, by=signal.SIGTERM)}
        self.assertEqual(self.interrupted(**by_signal, answers=signal.SIGTERM), (6, 4))

    def test_accumulation(self) -> None:
        case: Any = concrete(TinyLoopMixin, window=3)
        self.assert_exact(run(case))
        self.assertEqual(case.comparison("train_loss").series["['loss']"].count, 3 * 11)

    def test_gradients_are_those_before_clipping_if_it_says_so(self) -> None:
        first = {forgets: first_norm(TinyLoopMixin, max_norm=1e-3, forgets=forgets) for forgets in ("", "gradients")}
        self.assertGreater(first[""], 1e-2)
        self.assertLess(first["gradients"], 1.1e-3)

    def test_checkpoints_that_are_directories(self) -> None:
        self.assert_exact(outcome_of(as_directory=True))

    def test_a_fresh_process_that_is_killed(self) -> None:
        self.assert_exact(run(tiny.KilledLoop))

    def test_a_sweep(self) -> None:
        module = vars(sys.modules[TinyLoopMixin.__module__])
        before = set(module)
        sweep(AtStep(3), AtStep(4), AtStep(9))(concrete(TinyLoopMixin, as_directory=True))
        made = [module.pop(name) for name in set(module) - before]
        self.assertEqual(len(made), 3)
        for case in made:
            self.assert_exact(run(case))


class TestWithoutAnyTrainer(unittest.TestCase):
    def test_the_example_loads_none(self) -> None:
        code = (
            "import sys, unittest\n"
            "result = unittest.main('examples.test_loop', argv=[''], exit=False).result\n"
            "loaded = {'lightning', 'transformers', 'accelerate', 'nemo'} & {*sys.modules}\n"
            "sys.exit(f'{loaded} {result}' if loaded or not result.wasSuccessful() or not result.testsRun else 0)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


class TestWhatIsNotRestored(unittest.TestCase):
    def assert_named(self, forgets: str, *sentences: str) -> None:
        outcome = outcome_of(forgets=forgets)
        self.assertEqual(outcome.error, "")
        for sentence in sentences:
            self.assertTrue(any(re.search(sentence, message) for message in outcome.failed.values()), outcome.failed)

    def test_data(self) -> None:
        self.assert_named("data", r"root cause of this run: train_input at step 7", "the data restarted")

    def test_random_numbers(self) -> None:
        self.assert_named("rng", r"root cause of this run: rng_state at state 6 \(restored\), rank 0: \['torch'\]")

    def test_schedule(self) -> None:
        back = r"\['_step_count'\]: the counter is back at 0 instead of 6"
        self.assert_named("schedule", r"root cause of this run: scheduler_state at state 6 \(restored\)", back)

    def test_optimizer(self) -> None:
        self.assert_named("optimizer", r"root cause of this run: optimizer_state at state 6 \(restored\)")

    def test_model(self) -> None:
        self.assert_named("model", r"root cause of this run: parameters at state 6 \(restored\)")


class TestWhatIsNotSaid(unittest.TestCase):
    def assert_error(self, forgets: str, sentence: str) -> None:
        outcome = outcome_of(forgets=forgets)
        self.assertRegex(outcome.error, f"the stop phase failed: BridgeError: train_loop {sentence}")
        self.assertEqual(outcome.passed, set())

    def test_watch(self) -> None:
        self.assert_error("watch", r"trains a model that nobody watches: call run\.watch\(model, optimizer\) first")

    def test_loss(self) -> None:
        self.assert_error(
            "loss", r"reported no loss before an update: call run\.loss\(loss\) before loss\.backward\(\)"
        )

    def test_batches(self) -> None:
        self.assert_error("batches", r"called run\.loss\(loss\) without a batch: read them by run\.batches\(loader\)")

    def test_saved(self) -> None:
        self.assert_error("saved", r"never called run\.saved\(path\), so there is nothing to resume from")

    def test_loaded(self) -> None:
        sentence = r"train_loop was to load run\.resume_from, '.*step-6', and trains without having said so: call run\."
        self.assertRegex(outcome_of(forgets="loaded").error, f"the resume phase failed: BridgeError: {sentence}loaded")

    def test_schedulers(self) -> None:
        said = r"a scheduler changes the learning rate of AdamW, and train_loop named no scheduler: call run\.watch"
        self.assertRegex(outcome_of(forgets="schedulers").error, f"the stop phase failed: BridgeError: {said}")


class TestMistakes(unittest.TestCase):
    def error_of(self, train_loop: Any) -> str:
        return outcome_of(train_loop=classmethod(train_loop)).error

    def test_a_checkpoint_that_is_not_there(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.saved(run.directory / "step-1")

        self.assertRegex(self.error_of(train_loop), r"run\.saved\(path\), but there is no .*step-1: call it once")

    def test_a_checkpoint_that_was_never_saved(self) -> None:
        def train_loop(cls: Any, run: LoopRun) -> None:
            if run.resume_from is not None:
                run.loaded(run.directory / "another")
            super(case, cls).train_loop(run)

        case: Any = concrete(TinyLoopMixin, train_loop=classmethod(train_loop))
        said = r"train_loop called run\.loaded\('.*another'\), and never called run\.saved\(path\) with it: give both"
        self.assertRegex(run(case).error, said)

    def test_a_place_without_a_checkpoint(self) -> None:
        error = outcome_of(interruption=InsideValidation()).error
        self.assertIn("is to be interrupted where it saves no checkpoint: choose a place at which it calls", error)

    def test_a_loss_without_a_batch_of_the_validation(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.watch(nn.Linear(1, 1))
            with run.validation():
                run.loss(torch.ones(()))

        self.assertIn("run.loss(loss) in a validation without a batch: read them", self.error_of(train_loop))

    def test_loading_after_the_first_batch(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.watch(nn.Linear(1, 1))
            next(run.batches([1]))
            run.loaded("anywhere")

        self.assertIn("run.loaded(path) after its first batch: load before you train.", self.error_of(train_loop))

    def test_a_batch_without_a_loss_and_an_update(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.watch(nn.Linear(1, 1))
            list(run.batches([1, 2]))

        self.assertIn("train_loop reported no loss for a batch: call run.loss(loss)", self.error_of(train_loop))

    def test_loaders_without_end_that_are_empty(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.watch(nn.Linear(1, 1))
            while True:
                list(run.batches([]))

        self.assertIn("train_loop has read nothing from 100 loaders in a row", self.error_of(train_loop))

    def test_what_is_no_optimizer(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            run.watch(nn.Linear(1, 1), nn.Linear(1, 1))  # type: ignore[arg-type]

        self.assertIn("TypeError: run.watch(model, *optimizers) was given a Linear", self.error_of(train_loop))

    def test_an_update_before_any_batch(self) -> None:
        def train_loop(_cls: type, run: LoopRun) -> None:
            model = nn.Linear(1, 1)
            optimizer = torch.optim.SGD(model.parameters())
            run.watch(model, optimizer)
            optimizer.step()

        self.assertIn("train_loop made an update without a batch", self.error_of(train_loop))

    def test_the_model_of_an_earlier_phase(self) -> None:
        net = TinyLoopMixin.make_net()
        error = outcome_of(make_net=classmethod(lambda _cls: net)).error
        self.assertIn("the resume phase failed: TypeError: TinyLoop.train_loop returned the model of an earlier", error)

    def test_no_loop(self) -> None:
        with self.assertRaisesRegex(TypeError, r"does not define train_loop\. Write:\n\n.*\n.*\(cls, run\):"):
            concrete(LoopStopAndGoMixin, num_steps=3, interruption=AtStep(1))


class TestWhatIsLeft(unittest.TestCase):
    def test_nothing_is_left_on_what_is_watched(self) -> None:
        seen: list[str] = []

        def train_loop(cls: Any, run: LoopRun) -> None:
            watch = run.watch

            def watch_and_look(model: nn.Module, *optimizers: Any, **named: Any) -> None:
                watch(model, *optimizers, **named)
                seen.extend(repr(vars(copy.deepcopy(part))) for part in (model, *optimizers))

            run.watch = watch_and_look  # type: ignore[method-assign]
            super(case, cls).train_loop(run)

        case: Any = concrete(TinyLoopMixin, train_loop=classmethod(train_loop))
        self.assertEqual(run(case).failed, {})
        self.assertEqual(len(seen), 8)  # in three phases, and in the reseeded start
        self.assertNotIn("stopgo_mixins", "".join(seen))


if __name__ == "__main__":
    unittest.main()
