"""What is recorded of a trainer's run, whose trainer it may be, and what is left of it."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

from stopgo_mixins import AtStep, Mode, Recorder, TransformersStopAndGoMixin, sweep
from tests.huggingface import tiny
from tests.huggingface.tiny import Samples, TinyModel, TinyTransformersMixin
from tests.loop.clipping import first_norm
from tests.outcome import Outcome, concrete, run


def outcome_of(**attributes: Any) -> Outcome:
    return run(concrete(TinyTransformersMixin, **attributes))


class RunCase(unittest.TestCase):
    def assert_exact(self, outcome: Outcome) -> Outcome:
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        return outcome


class TestRecorded(RunCase):
    def test_every_metric_that_there_is(self) -> None:
        outcome = self.assert_exact(outcome_of())
        state = {"parameters", "buffers", "optimizer_state", "learning_rate", "scheduler_state", "rng_state"}
        counters = {"global_step", "consumed_samples", "loop_progress", "sample_exposure", "logged_metrics"}
        behaviour = {"train_input", "train_output", "train_loss", "gradients"}
        validation = {"valid_input", "valid_output", "valid_loss", "validation_schedule"}
        self.assertLessEqual(state | counters | behaviour | validation, outcome.passed)

    def test_gradients_are_those_before_clipping(self) -> None:
        clipping = (1e-3, 0.0)  # the second clips nothing
        first, unclipped = (first_norm(TinyTransformersMixin, arguments={"max_grad_norm": limit}) for limit in clipping)
        self.assertEqual(first, unclipped)
        self.assertGreater(first, 1e-2)

    def test_several_evaluation_data_sets(self) -> None:
        def setup_model(_cls: type, _mode: Mode) -> Any:
            return TinyModel(), (Samples(), {"near": Samples(4), "far": Samples(6)})

        case: Any = concrete(TinyTransformersMixin, setup_model=classmethod(setup_model))
        self.assert_exact(run(case))
        read = case.comparison("valid_input").series
        self.assertEqual(len(case.comparison("validation_schedule").series), 3)  # the update, and two counts
        self.assertTrue(read)


class TestTrainers(RunCase):
    def test_a_transformer(self) -> None:
        def setup_model(_cls: type, _mode: Mode) -> Any:
            config = GPT2Config(vocab_size=17, n_positions=8, n_embd=16, n_layer=1, n_head=2)
            generator = torch.Generator().manual_seed(0)
            texts = [torch.randint(0, 17, (6,), generator=generator) for _ in range(8)]
            return GPT2LMHeadModel(config), [{"input_ids": text, "labels": text} for text in texts]

        outcome = self.assert_exact(outcome_of(setup_model=classmethod(setup_model), val_check_interval=None))
        self.assertIn("train_output", outcome.passed)

    def test_a_trainer_of_ones_own(self) -> None:
        class LoggingTrainer(Trainer):
            def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
                for name in inputs:  # twice in one moment
                    self.log({f"mean {name}": inputs[name].mean().item()})
                return super().compute_loss(model, inputs, *args, **kwargs)

        def setup_trainer(cls: Any, mode: Mode) -> Trainer:
            directory = str(cls.run_directory(mode))
            arguments = TrainingArguments(directory, max_steps=cls.num_steps, report_to="none", use_cpu=True)
            return LoggingTrainer(TinyModel(), arguments, train_dataset=Samples(32))

        attributes = {"num_steps": 6, "interruption": AtStep(3), "setup_trainer": classmethod(setup_trainer)}
        attributes["__module__"] = __name__
        outcome = self.assert_exact(run(concrete(TransformersStopAndGoMixin, **attributes)))
        self.assertIn("logged_metrics", outcome.passed)

    def test_a_recorder_that_is_a_callback(self) -> None:
        heard: list[int] = []

        class StepsRecorder(Recorder, TrainerCallback):
            metric = "steps"

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                heard.append(state.global_step)
                self.record(state.global_step)

        self.assert_exact(outcome_of(metrics={"steps": StepsRecorder}))
        self.assertEqual(len(heard), 6 + 5 + 11)

    def test_neither_trainer_nor_model(self) -> None:
        with self.assertRaisesRegex(TypeError, r"does not define setup_trainer\. Write:\n\n.*\n.*\(cls, mode\):"):
            concrete(TransformersStopAndGoMixin, num_steps=3, interruption=AtStep(1))

    def test_the_model_of_an_earlier_phase(self) -> None:
        model = TinyModel()
        error = outcome_of(setup_model=classmethod(lambda _cls, _mode: (model, (Samples(), Samples(4))))).error
        self.assertIn("setup_model returned the model of an earlier phase: build a new one each time", error)


class TestPhases(RunCase):
    def test_fresh_processes_one_of_which_is_killed(self) -> None:
        self.assert_exact(run(tiny.KilledTransformers))

    def test_a_sweep(self) -> None:
        module = vars(sys.modules[TinyTransformersMixin.__module__])
        before = set(module)
        sweep(AtStep(3), AtStep(4), AtStep(9))(concrete(TinyTransformersMixin))
        made = [module.pop(name) for name in set(module) - before]
        self.assertEqual(len(made), 3)
        for case in made:
            self.assert_exact(run(case))

    def test_nothing_is_left_on_the_trainer(self) -> None:
        trainers: list[Any] = []

        def setup_trainer(cls: Any, mode: Mode) -> Trainer:
            trainers.append(super(case, cls).setup_trainer(mode))
            return trainers[-1]

        case: Any = concrete(TinyTransformersMixin, setup_trainer=classmethod(setup_trainer))
        self.assert_exact(run(case))
        names = {name for trainer in trainers for name in (*vars(trainer), *vars(trainer.callback_handler))}
        self.assertEqual(len(trainers), 4)  # in three phases, and in the reseeded start
        self.assertEqual(names & {"training_step", "evaluate", "_save_checkpoint", "call_event"}, set())

    def test_the_trainers_own_checkpoints_are_left_alone(self) -> None:
        seen: list[str] = []

        def resume(cls: Any) -> None:
            seen.extend(sorted(path.name for path in Path(cls.run_directory(Mode.STOP)).iterdir()))
            super(case, cls).resume()

        arguments = {"save_strategy": "steps", "save_steps": 2, "save_total_limit": 1}
        attributes = {"arguments": arguments, "interruption": AtStep(5), "resume": classmethod(resume)}
        case: Any = concrete(TinyTransformersMixin, **attributes)
        self.assert_exact(run(case))
        self.assertEqual(seen, ["checkpoint-4", "stopgo-checkpoints"])


if __name__ == "__main__":
    unittest.main()
