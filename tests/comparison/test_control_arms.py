"""What a second continuous run and a cold start tell about the comparison."""

from __future__ import annotations

import itertools
import unittest
from typing import Any, ClassVar

import torch
from torch import Tensor

from stopgo_mixins import Mode, Tolerance
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, SyntheticCase, Value
from tests.outcome import run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class TestNoiseFloor(SyntheticCase):
    def repeated(self, metric: str, value: Value, phases: Phases) -> Phases:
        for step in range(1, 9):
            phases.behave("repeated", metric, step, value(step))
        return phases

    def loss(self, resumed: Value, repeated: Value) -> Phases:
        return self.repeated("train_loss", repeated, self.phases().behaviour("train_loss", float, resumed))

    def test_what_two_uninterrupted_runs_differ_in_cannot_be_judged(self) -> None:
        phases = self.loss(lambda step: step + 0.5, lambda step: step + 0.25 * (step > 2))
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertRegex(
            judgement.reason,
            r"^cannot judge: from step 3 on two uninterrupted runs already differ by up to 2\.5e-01 \(rel 8\.3e-02\), "
            r"the interrupted run by up to 5\.0e-01 \(rel 1\.0e-01\)\.",
        )

    def test_what_differs_before_the_noise_is_a_failure(self) -> None:
        phases = self.loss(lambda step: step + 0.5, lambda step: step + 0.25 * (step > 5))
        self.assertEqual(self.judge(phases, "train_loss").verdict, Verdict.FAILED)

    def test_what_is_missing_is_no_noise(self) -> None:
        phases = self.loss(lambda step: float(step) if step != 6 else [], lambda step: step + 0.25)
        self.assertEqual(self.judge(phases, "train_loss").verdict, Verdict.FAILED)

    def test_two_equal_runs_excuse_nothing(self) -> None:
        phases = self.loss(lambda step: step + 0.5, float)
        self.assertEqual(self.judge(phases, "train_loss").verdict, Verdict.FAILED)

    def test_noise_in_another_metric_excuses_nothing(self) -> None:
        phases = self.phases().state("learning_rate", float, lambda step: step - 4.0).behaviour("train_loss", float)
        phases = self.repeated("train_loss", lambda step: step + 0.25, phases)
        self.assertEqual(self.judge(phases, "learning_rate").verdict, Verdict.FAILED)

    def test_noise_begins_where_it_does_in_what_a_metric_is_computed_from(self) -> None:
        phases = self.loss(lambda step: step + 0.5, lambda step: step + 0.25 * (step > 6))
        phases.behaviour("train_output", float)
        phases = self.repeated("train_output", lambda step: step + 0.25, phases)
        self.assertEqual(self.judge(phases, "train_loss").verdict, Verdict.NOT_VERIFIED)

    def test_a_tolerance_above_the_noise(self) -> None:
        def noisy(step: int) -> float:
            return step + 1e-6 * step

        self.assertEqual(
            self.judge(self.loss(noisy, noisy), "train_loss", Tolerance(rtol=1e-5)).verdict, Verdict.PASSED
        )
        phases = self.loss(lambda step: step + 0.5, noisy)
        self.assertEqual(self.judge(phases, "train_loss", Tolerance(rtol=1e-5)).verdict, Verdict.FAILED)


class TestColdStart(SyntheticCase):
    def test_what_agrees_without_the_checkpoint_was_not_restored_from_it(self) -> None:
        phases = self.phases().state("parameters", lambda step: step).state("buffers", lambda step: step)
        for step in range(9):
            position = Position(Moment.STEP_START, step)
            phases.writer("cold_start").record("parameters", position, step + 4)
            phases.writer("cold_start").record("buffers", position, step)
        judgement = self.judge(phases, "parameters")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertRegex(judgement.reason, r"resume point \(4\) on equals the resume phase without its checkpoint")
        self.assertEqual(self.judge(phases, "buffers").verdict, Verdict.PASSED)


_calls = itertools.count()


class _Noisy(TinyModule):
    """Its loss is another one in every run, by a little."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * (1 + 1e-6 * next(_calls))


class _NoisyMixin(TinyMixin, abstract=True):
    noise_floor = True

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _Noisy(cls.lr), tiny_loaders()


class TestOfAClass(unittest.TestCase):
    def test_a_trainer_that_is_not_deterministic_cannot_be_judged(self) -> None:
        class Noisy(_NoisyMixin, unittest.TestCase):
            pass

        outcome = run(Noisy)
        self.assertEqual(outcome.failed, {})
        for metric in ("train_loss", "gradients", "parameters"):
            self.assertRegex(
                outcome.skipped_for[metric], "^not verified: cannot judge: from step 1 on two uninterrupted"
            )
        self.assertLessEqual({"learning_rate", "rng_state", "train_input", "global_step"}, outcome.passed)

    def test_without_the_second_run_it_is_blamed_with_a_hint(self) -> None:
        class Blamed(_NoisyMixin, unittest.TestCase):
            noise_floor = False

        outcome = run(Blamed, ["train_loss"])
        self.assertRegex(outcome.failed["train_loss"], "not deterministic, .* noise_floor = True tells which")

    def test_with_evidence_demanded_it_fails(self) -> None:
        class Demanding(_NoisyMixin, unittest.TestCase):
            require_evidence = True

        self.assertIn("cannot judge", run(Demanding, ["train_loss"]).failed["train_loss"])

    def test_a_real_fault_beside_the_noise_still_fails(self) -> None:
        class Faulty(_NoisyMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                model, data = super().setup_model(mode)
                if mode is Mode.RESUME:
                    model.on_train_start = lambda: model.optimizers().param_groups[0].update(weight_decay=0.5)
                return model, data

        self.assertIn(
            "weight_decay of optimizer 0, group 0 is 0.5", run(Faulty, ["param_groups"]).failed["param_groups"]
        )

    def test_weights_that_the_setup_itself_restores(self) -> None:
        """They come from a global and would be right without any checkpoint."""

        class Leaking(TinyMixin, unittest.TestCase):
            cold_start = True
            weights: ClassVar[dict[str, Any]] = {}

            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                model, data = super().setup_model(mode)
                if mode is Mode.STOP:
                    model.on_save_checkpoint = lambda _: cls.weights.update(_copied(model))
                if mode is Mode.RESUME:
                    model.load_state_dict(cls.weights)
                return model, data

        outcome = run(Leaking, ["parameters", "optimizer_state"])
        self.assertRegex(outcome.skipped_for["parameters"], "equals the resume phase without its checkpoint")
        self.assertEqual(outcome.passed, {"optimizer_state"})

    def test_a_clean_class_passes_with_both(self) -> None:
        class Clean(TinyMixin, unittest.TestCase):
            noise_floor = cold_start = True

        outcome = run(Clean)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertEqual([reason for reason in outcome.skipped_for.values() if "not verified" in reason], [])

    def test_the_arms_leave_the_class_as_it_is(self) -> None:
        class Plain(TinyMixin, unittest.TestCase):
            noise_floor = cold_start = True

            def test_own(self) -> None:
                self.assertEqual(self.exp_name, "Plain")
                self.assertEqual({path.stem for path in self.metadata_dir.iterdir()}, {mode.value for mode in Mode})

        self.assertEqual(run(Plain, ["own"]).passed, {"own"})


def _copied(model: TinyModule) -> dict[str, Tensor]:
    return {name: torch.clone(value) for name, value in model.state_dict().items()}


if __name__ == "__main__":
    unittest.main()
