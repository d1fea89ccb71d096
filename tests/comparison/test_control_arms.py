"""What a second continuous run and a cold start tell about the comparison."""

from __future__ import annotations

import itertools
import shutil
import unittest
from typing import Any, ClassVar

import torch
from torch import Tensor

from stopgo_mixins import Mode, Tolerance
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.noise_floor import determinism_problem
from stopgo_mixins.comparison.resumption import number_of_steps_problem
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import UNLIMITED, Phases, SyntheticCase, Value
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class TestNoiseFloor(SyntheticCase):
    def noisy(self, **settings: Any) -> Phases:
        return self.phases(arms=("repeated",), **settings)

    def loss(self, resumed: Value, repeated: Value, **settings: Any) -> Phases:
        phases = self.noisy(**settings).behaviour("train_loss", float, resumed)
        for step in range(1, 9):
            phases.behave("repeated", "train_loss", step, repeated(step))
        return phases

    def verdict(self, resumed: Value, repeated: Value) -> Verdict:
        return self.judge(self.loss(resumed, repeated), "train_loss").verdict

    def test_what_two_uninterrupted_runs_differ_in_as_much_cannot_be_judged(self) -> None:
        phases = self.loss(lambda step: step + 0.125, lambda step: step + 0.25 * (step > 2))
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertRegex(
            judgement.reason,
            r"^cannot judge: from step 3 on two uninterrupted runs already differ by up to 2\.5e-01 \(rel 8\.3e-02\), "
            r"the interrupted run by up to 1\.2e-01 \(rel 2\.5e-02\)\.",
        )

    def test_what_differs_by_more_is_a_failure_that_says_so(self) -> None:
        phases = self.loss(lambda step: step + 0.125 * (step - 4), lambda step: step + 0.25)
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(
            (judgement.verdict, judgement.reason),
            (
                Verdict.FAILED,
                "the value at step 7, micro-batch 0 differs by up to 3.8e-01 (rel 5.4e-02); two uninterrupted runs "
                "differ by up to 2.5e-01 (rel 2.5e-01) up to there",
            ),
        )

    def test_a_second_moment_of_zeros_beside_noise(self) -> None:
        def moments(step: int, noise: float = 0.0) -> dict[str, Tensor]:
            return {"exp_avg_sq": torch.tensor([1e-3, 2e-3]) * step + noise, "exp_avg": torch.tensor([1.0]) * step}

        def zeroed(step: int) -> dict[str, Tensor]:
            return {**moments(step), "exp_avg_sq": torch.zeros(2)}

        phases = self.noisy().state("optimizer_state", moments, zeroed)
        for step in range(9):
            position = Position(Moment.STEP_START if step < 8 else Moment.RUN_END, step)
            phases.writer("repeated").record("optimizer_state", position, moments(step, 1e-7))
        judgement = self.judge(phases, "optimizer_state")
        self.assertEqual(judgement.verdict, Verdict.FAILED)
        self.assertRegex(judgement.reason, r"^\['exp_avg_sq'\] at state 4 \(restored\) differs by up to 8\.0e-03")

    def test_noise_excuses_only_its_own_path(self) -> None:
        def pair(step: int, first: float = 0.0, second: float = 0.0) -> dict[str, float]:
            return {"a": step + first, "b": step + second}

        for noise, verdict in (({"second": 0.5}, Verdict.NOT_VERIFIED), ({"first": 0.5}, Verdict.FAILED)):
            phases = self.noisy().behaviour("metric", pair, lambda step: pair(step, second=0.25))
            for step in range(1, 9):
                phases.behave("repeated", "metric", step, pair(step, **noise))
            self.assertEqual(self.judge(phases, "metric").verdict, verdict)

    def test_noise_excuses_only_its_own_rank(self) -> None:
        for noisy, verdict in ((1, Verdict.NOT_VERIFIED), (0, Verdict.FAILED)):
            phases = self.noisy(world_size=2)
            for rank in (0, 1):
                phases.rank = rank
                phases.behaviour("metric", float, lambda step, by=rank: step + 0.25 * by)
                for step in range(1, 9):
                    phases.behave("repeated", "metric", step, step + 0.5 * (rank == noisy))
            self.assertEqual(self.judge(phases, "metric").verdict, verdict)

    def test_what_differs_before_the_noise_is_a_failure(self) -> None:
        self.assertEqual(self.verdict(lambda step: step + 0.5, lambda step: step + 0.75 * (step > 5)), Verdict.FAILED)

    def test_what_is_missing_is_no_noise(self) -> None:
        self.assertEqual(
            self.verdict(lambda step: float(step) if step != 6 else [], lambda step: step + 0.25), Verdict.FAILED
        )

    def test_what_is_no_number_with_a_size_is_no_noise(self) -> None:
        nan = float("nan")
        for resumed, repeated in (
            (lambda step: step + 0.5, lambda step: nan),
            (lambda step: nan, lambda step: nan),
            (lambda step: nan, lambda step: step + 0.25),
        ):
            self.assertEqual(self.verdict(resumed, repeated), Verdict.FAILED)
        phases = self.noisy().state("global_step", lambda step: step, lambda step: step + 1)
        for step in range(9):
            phases.writer("repeated").record("global_step", Position(Moment.STEP_START, step), step + 2)
        self.assertEqual(self.judge(phases, "global_step").verdict, Verdict.FAILED)

    def test_what_was_not_kept_has_no_size(self) -> None:
        def large(step: int, by: float) -> Tensor:
            return torch.full((2000,), step + by)

        for budget, verdict in ((UNLIMITED, Verdict.NOT_VERIFIED), (0, Verdict.FAILED)):
            phases = self.noisy(value_budget=budget)
            phases.behaviour("metric", lambda step: large(step, 0.0), lambda step: large(step, 0.25))
            for step in range(1, 9):
                phases.behave("repeated", "metric", step, large(step, 0.5))
            self.assertEqual(self.judge(phases, "metric").verdict, verdict)

    def test_two_equal_runs_excuse_nothing(self) -> None:
        self.assertEqual(self.verdict(lambda step: step + 0.5, float), Verdict.FAILED)

    def test_noise_in_another_metric_excuses_nothing(self) -> None:
        phases = self.loss(float, lambda step: step + 0.25).state("learning_rate", float, lambda step: step - 4.0)
        self.assertEqual(self.judge(phases, "learning_rate").verdict, Verdict.FAILED)

    def test_a_tolerance_above_the_noise(self) -> None:
        def noisy(step: int) -> float:
            return step + 1e-6 * step

        self.assertEqual(
            self.judge(self.loss(noisy, noisy), "train_loss", Tolerance(rtol=1e-5)).verdict, Verdict.PASSED
        )
        phases = self.loss(lambda step: step + 0.5, noisy)
        self.assertEqual(self.judge(phases, "train_loss", Tolerance(rtol=1e-5)).verdict, Verdict.FAILED)


class TestDeterminism(SyntheticCase):
    def repeated(self, loss: Value, weight: Value, **settings: Any) -> Phases:
        """The interrupted run equals the first continuous one; the second may not."""
        phases = self.phases(arms=("repeated",), **settings).behaviour("train_loss", float).state("weight", float)
        for step in range(1, 9):
            phases.behave("repeated", "train_loss", step, loss(step))
        for step in range(9):
            position = Position(Moment.STEP_START if step < 8 else Moment.RUN_END, step)
            phases.writer("repeated").record("weight", position, weight(step))
        return phases

    def problem(self, phases: Phases, **tolerances: Tolerance) -> str | None:
        return determinism_problem(phases.runs(), tolerances)

    def test_two_runs_that_are_the_same(self) -> None:
        self.assertIsNone(self.problem(self.repeated(float, float)))

    def test_what_differs_is_named_in_training_order(self) -> None:
        phases = self.repeated(lambda step: step + 0.5 * (step > 2), lambda step: step + 0.25 * (step > 4))
        self.assertEqual(
            self.problem(phases),
            "two uninterrupted runs are not the same: they differ in train_loss from step 3, micro-batch 0 on (by up "
            "to 5.0e-01 (rel 1.7e-01)), weight from state 5 on (by up to 2.5e-01 (rel 5.0e-02)). No resumed run can "
            "be shown to be the same as one of them. Make training deterministic, or give what may differ a tolerance.",
        )

    def test_a_tolerance_that_covers_it(self) -> None:
        phases = self.repeated(lambda step: step + 0.5, float)
        self.assertIsNone(self.problem(phases, train_loss=Tolerance(atol=0.5)))
        self.assertIsNotNone(self.problem(phases, train_loss=Tolerance(atol=0.25)))
        self.assertIsNotNone(self.problem(phases, weight=Tolerance(atol=0.5)))

    def test_records_that_only_one_of_them_has(self) -> None:
        for loss in (lambda step: [] if step == 3 else float(step), lambda step: {"loss": float(step)}):
            self.assertRegex(
                self.problem(self.repeated(loss, float)) or "",
                r"differ in train_loss from step \d, .*by what has no size",
            )

    def test_a_second_run_that_lacks_a_rank_or_its_end_proves_nothing(self) -> None:
        phases = self.repeated(float, float, broken_off=("repeated",))
        message = "the trace of the second continuous run breaks off on rank 0: it has no end mark (phase_end)."
        self.assertEqual(self.problem(phases), message)
        self.assertEqual(number_of_steps_problem(phases.resumption(), 8), message)
        phases = self.phases(arms=("repeated",), world_size=2)
        phases.runs()
        shutil.rmtree(phases.directory / "repeated" / "rank-1")
        message = "rank 1 of 2 left no trace of the second continuous run."
        self.assertEqual(self.problem(phases), message)


class TestColdStart(SyntheticCase):
    def test_what_agrees_without_the_checkpoint_was_not_restored_from_it(self) -> None:
        phases = self.phases(arms=("cold_start",))
        phases.state("parameters", lambda step: step).state("buffers", lambda step: step)
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
        growing = 1e-6 * next(_calls) ** 2  # so that the last of all runs, the second continuous one, is the noisiest
        return super().training_step(batch, batch_idx) * (1 + growing)


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
        self.assertRegex(
            outcome.failed["determinism"],
            "test_determinism: two uninterrupted runs are not the same: they differ in .*train_loss from step 1, ",
        )
        self.assertRegex(
            outcome.skipped_for["train_loss"],
            "^train_loss is NOT VERIFIED: cannot judge: from step 1 on two uninterrupted",
        )
        self.assertEqual(outcome.passed & {"train_loss", "train_output", "gradients", "parameters"}, set())
        self.assertLessEqual({"learning_rate", "rng_state", "train_input", "global_step"}, outcome.passed)

    def test_without_the_second_run_it_is_blamed_with_a_hint(self) -> None:
        class Blamed(_NoisyMixin, unittest.TestCase):
            noise_floor = False

        outcome = run(Blamed, ["train_loss", "train_output"])
        self.assertIn("consequence of train_output (not deterministic); ", outcome.failed["train_loss"])
        self.assertRegex(outcome.failed["train_output"], "not deterministic, .* noise_floor = True tells which")

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
        self.assertIn("determinism", outcome.passed)
        self.assertEqual([reason for reason in outcome.skipped_for.values() if "NOT VERIFIED" in reason], [])

    def test_the_test_of_determinism_is_there_where_a_class_asks_for_it(self) -> None:
        noisy = concrete(TinyMixin, noise_floor=True)
        quiet = type("Quiet", (noisy,), {"noise_floor": False})
        for case, has in ((concrete(TinyMixin), False), (noisy, True), (quiet, False)):
            names = unittest.defaultTestLoader.getTestCaseNames(case)
            self.assertEqual("test_determinism" in names, has)
        with self.assertRaisesRegex(TypeError, r"test_determinism is None.*or write noise_floor = False to do without"):
            concrete(TinyMixin, noise_floor=True, test_determinism=None)

    def test_an_arm_that_ends_early_shows_nothing(self) -> None:
        class Short(TinyMixin, unittest.TestCase):
            noise_floor = True

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                short = {"max_steps": 2} if "second" in cls.exp_name else {}
                return {**super().trainer_arguments(mode), **short}

        self.assertIn("the second continuous run made 2 optimizer updates, but num_steps = 5", run(Short).error)

    def test_a_cold_start_that_loads_a_checkpoint_shows_nothing(self) -> None:
        class Warm(TinyMixin, unittest.TestCase):
            cold_start = True
            saved: ClassVar[str]

            @classmethod
            def fit(cls, trainer: Any, model: Any, data: Any, checkpoint: str | None) -> None:
                if checkpoint:
                    Warm.saved = checkpoint
                resuming = "cold" in cls.exp_name
                super().fit(trainer, model, data, Warm.saved if resuming else checkpoint)

        error = run(Warm).error
        self.assertRegex(error, r"Warm: the cold start loaded .*/step-3\.ckpt, so it shows nothing\. Let the run load")

    def test_the_arms_leave_the_class_as_it_is(self) -> None:
        class Plain(TinyMixin, unittest.TestCase):
            noise_floor = cold_start = True

            def test_own(self) -> None:
                self.assertEqual(self.exp_name, "Plain")
                phases = {mode.value for mode in Mode}
                self.assertEqual({path.stem for path in self.metadata_dir.iterdir()}, {*phases, "reseeded"})

        self.assertEqual(run(Plain, ["own"]).passed, {"own"})


def _copied(model: TinyModule) -> dict[str, Tensor]:
    return {name: torch.clone(value) for name, value in model.state_dict().items()}


if __name__ == "__main__":
    unittest.main()
