"""Each verdict, with the sentence that goes with it."""

from __future__ import annotations

import math
import unittest

import torch

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.resumption import consumed_samples_problem, number_of_steps_problem, resume_point_problem
from stopgo_mixins.comparison.tolerance import Tolerance
from tests.comparison.synthetic import Phases, SyntheticCase


class TestVerdicts(SyntheticCase):
    def check(self, phases: Phases, verdict: Verdict, reason: str, tolerance: Tolerance | None = None) -> None:
        judgement = self.judge(phases, "metric", tolerance)
        self.assertEqual(judgement.verdict, verdict, judgement.reason)
        self.assertRegex(judgement.reason, reason)

    def test_equal_and_changing_records_pass(self) -> None:
        self.check(self.phases().state("metric", lambda step: step), Verdict.PASSED, "^$")

    def test_one_differing_record_fails(self) -> None:
        phases = self.phases().state("metric", lambda step: step, resumed=lambda step: step + (step == 8))
        self.check(phases, Verdict.FAILED, "^$")

    def test_nothing_recorded_fails(self) -> None:
        self.check(self.phases(), Verdict.FAILED, "nothing was recorded in any of the three phases")

    def test_a_metric_that_does_not_apply(self) -> None:
        phases = self.phases()
        phases.event("continuous", "not_applicable", metric="metric", reason="the model has no buffers")
        self.check(phases, Verdict.NOT_APPLICABLE, "^the model has no buffers$")
        phases = self.phases()
        phases.event("continuous", "not_applicable", metric="another", reason="the model has no buffers")
        self.check(phases, Verdict.FAILED, "nothing was recorded")

    def test_a_constant_proves_nothing_and_its_paths_are_listed(self) -> None:
        phases = self.phases().state("metric", lambda _: {"a": 1, "b": torch.ones(3)})
        self.check(phases, Verdict.NOT_VERIFIED, r"^constant: \['a'\], \['b'\] stayed the same in all 18 records")

    def test_one_changing_path_is_enough_and_the_others_are_listed(self) -> None:
        runs = self.phases().state("metric", lambda step: {"a": 1, "b": step}).runs()
        self.assertEqual(compare(runs, "metric").constant_paths, ["['a']"])
        phases = self.phases().state("metric", lambda step: {"a": 1, "b": step})
        self.check(phases, Verdict.PASSED, "^$")

    def test_records_on_one_side_of_the_resume_point_only(self) -> None:
        for recorded, side in ((range(1, 4), "after"), (range(6, 9), "before")):
            phases = self.phases()
            for phase in ("stop", "resume", "continuous"):
                covered = {"stop": range(1, 5), "resume": range(5, 9), "continuous": range(1, 9)}[phase]
                for step in recorded:
                    if step in covered:
                        phases.behave(phase, "metric", step, float(step))
            self.check(phases, Verdict.NOT_VERIFIED, f"nothing was recorded {side} the resume point \\(4\\)")

    def test_equal_nan_is_no_evidence(self) -> None:
        def diverged(step: int) -> object:
            return {"loss": torch.tensor(float(step) if step < 4 else math.nan), "constant": torch.tensor(1.0)}

        phases = self.phases().behaviour("metric", diverged)
        self.check(phases, Verdict.NOT_VERIFIED, "every number after the resume point .* is NaN in both runs")
        phases = self.phases().behaviour("metric", lambda step: [diverged(step), step])
        self.check(phases, Verdict.PASSED, "^$")

    def test_what_changes_only_before_the_resume_point_is_no_evidence(self) -> None:
        phases = self.phases().behaviour("metric", lambda step: {"constant": 1, **({"a": step} if step < 4 else {})})
        self.check(phases, Verdict.NOT_VERIFIED, r"^nothing that changes was recorded after the resume point \(4\)$")

    def test_nan_on_one_side_fails(self) -> None:
        phases = self.phases().behaviour("metric", float, resumed=lambda step: math.nan)
        self.check(phases, Verdict.FAILED, "^$")

    def test_a_restart_that_would_look_the_same(self) -> None:
        phases = self.phases().behaviour("metric", lambda step: step % 4)
        self.check(phases, Verdict.NOT_VERIFIED, "equals its own start, so a resume that restored nothing")
        self.check(self.phases().behaviour("metric", lambda step: step % 3), Verdict.PASSED, "^$")

    def test_validations_rightly_begin_anew(self) -> None:
        phases = self.phases().behaviour("valid_input", lambda step: step % 4)
        self.assertEqual(self.judge(phases, "valid_input").verdict, Verdict.PASSED)


class TestResumption(SyntheticCase):
    """Whether there was a resume at all."""

    def equal(self, **settings: object) -> Phases:
        return self.phases(**settings).state("parameters", lambda step: torch.full((2,), float(step)))

    def test_a_resume_is_one(self) -> None:
        resumption = self.equal().resumption()
        for problem in (
            resume_point_problem(resumption),
            number_of_steps_problem(resumption, 8),
            consumed_samples_problem(resumption),
        ):
            self.assertIsNone(problem)

    def test_a_checkpoint_of_step_0_holds_nothing_to_restore(self) -> None:
        phases = self.phases(resume_point=0, saved=(0,)).state("parameters", lambda step: step)
        sentence = "the resume phase began with a checkpoint of step 0, in which there is nothing to restore"
        self.assertRegex(resume_point_problem(phases.resumption()) or "", f"^{sentence}")
        judgement = self.judge(phases, "parameters")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertIn(sentence, judgement.reason)

    def test_no_checkpoint_was_loaded(self) -> None:
        phases = self.phases(loaded=-1, resumed_from=0)
        resumption = phases.behaviour("train_loss", float).resumption()
        self.assertRegex(
            resume_point_problem(resumption) or "",
            r"the resume phase loaded no checkpoint: its bridge never called checkpoint_loaded\. The stop phase wrote "
            r"step-4\.ckpt at step 4",
        )
        self.assertRegex(number_of_steps_problem(resumption, 8) or "", r"ran 8 steps, expected 4 \(from 4 to 8\)\.$")
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertRegex(judgement.reason, "loaded no checkpoint: .*; that its records equal .* is no evidence")

    def test_a_checkpoint_was_loaded_and_forgotten(self) -> None:
        resumption = self.equal(resumed_from=0).resumption()
        self.assertRegex(
            resume_point_problem(resumption) or "",
            "started from scratch: it loaded the checkpoint of step 4, yet its first step was step 1",
        )

    def test_a_cold_start_behind_the_right_counters(self) -> None:
        scratch = (
            self.phases()
            .state("parameters", lambda step: step, resumed=lambda step: step - 4)
            .state("optimizer_state", lambda step: {"step": step}, resumed=lambda step: {"step": step - 4})
        )
        self.assertRegex(
            resume_point_problem(scratch.resumption()) or "",
            "started from scratch: .* parameters and optimizer state are those of state 0",
        )
        weights_only = (
            self.phases()
            .state("parameters", lambda step: step, resumed=lambda step: step - 4)
            .state("optimizer_state", lambda step: {"step": step})
        )
        self.assertIsNone(resume_point_problem(weights_only.resumption()))

    def test_frozen_weights_are_no_cold_start(self) -> None:
        phases = self.phases().state("parameters", lambda _: 1).state("train_loss", lambda step: step)
        self.assertIsNone(resume_point_problem(phases.resumption()))

    def test_an_older_checkpoint_was_loaded(self) -> None:
        phases = self.phases(saved=(2, 4), loaded=2)
        self.assertRegex(
            resume_point_problem(phases.resumption()) or "",
            r"loaded step-2\.ckpt of step 2; the newest checkpoint that the stop phase wrote is step-4\.ckpt of step 4",
        )

    def test_it_begins_elsewhere_than_it_says(self) -> None:
        resumption = self.phases(resumed_from=5).resumption()
        self.assertRegex(
            resume_point_problem(resumption) or "", "the checkpoint of step 4, yet it began with 5 steps made"
        )

    def test_the_number_of_steps(self) -> None:
        resumption = self.phases(resumed_steps=2).resumption()
        self.assertRegex(
            number_of_steps_problem(resumption, 8) or "",
            r"^the resume phase ran 2 steps, expected 4 \(from 4 to 8\)\.$",
        )
        resumption = self.phases(resumed_steps=0).resumption()
        self.assertRegex(
            number_of_steps_problem(resumption, 8) or "", r"ran 0 steps, expected 4 .* It trained nothing\.$"
        )


if __name__ == "__main__":
    unittest.main()
