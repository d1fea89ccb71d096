"""A run that was interrupted more than once: every leg is compared, and each has a resume point of its own."""

from __future__ import annotations

import unittest
from collections.abc import Iterable

import torch

from stopgo_mixins.comparison.compare import Comparison, Difference, compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.findings import find
from stopgo_mixins.comparison.message import root_cause_lines
from stopgo_mixins.comparison.resumption import consumed_samples_problem, number_of_steps_problem, resume_point_problem
from stopgo_mixins.comparison.wording import place
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, Span, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights

CHAIN = (Span(0, 4), Span(4, 8), Span(8, 12))


class ChainCase(SyntheticCase):
    """Twelve updates, interrupted after the fourth and after the eighth."""

    def chain(self, *legs: Span) -> Phases:
        return self.phases(num_steps=12, legs=legs or CHAIN)

    def compared(self, phases: Phases) -> Comparison:
        return compare(phases.runs(), "metric")


class TestThreeLegs(ChainCase):
    def test_their_names_and_spans(self) -> None:
        legs = self.chain().runs().legs
        self.assertEqual([leg.name for leg in legs], ["stop phase", "resume phase", "resume phase 2"])
        self.assertEqual([(leg.start, leg.end) for leg in legs], [(0, 4), (4, 8), (8, 12)])

    def test_a_clean_run_passes_with_evidence_from_every_leg(self) -> None:
        phases = self.chain().state("parameters", weights).behaviour("train_loss", float)
        resumption = phases.resumption()
        for metric, recorded in (("parameters", [4, 4, 5]), ("train_loss", [4, 4, 4])):
            comparison = compare(resumption.runs, metric)
            self.assertEqual([comparison.recorded[leg] for leg in resumption.runs.legs], recorded)
            self.assertEqual(self.judge(phases, metric).verdict, Verdict.PASSED)
        self.assertIsNone(resume_point_problem(resumption))
        self.assertIsNone(number_of_steps_problem(resumption, 12))
        self.assertIsNone(consumed_samples_problem(resumption))

    def test_a_mismatch_belongs_to_its_leg(self) -> None:
        for number, change in enumerate(("stopped", "resumed", "again")):
            wrong = {change: lambda step, at=4 * number + 2: step + (step == at) / 2}
            (mismatch,) = self.compared(self.chain().behaviour("metric", float, **wrong)).mismatches
            self.assertEqual((mismatch.key.step, mismatch.leg.number), (4 * number + 2, number))

    def test_the_first_restored_nothing(self) -> None:
        phases = self.chain().state("metric", float, stopped=lambda step: step + 0.5)
        self.assertEqual(place(self.compared(phases).mismatches[0]), "state 0")
        phases = self.chain().behaviour("metric", float, stopped=lambda step: step + 0.5)
        self.assertEqual(place(self.compared(phases).mismatches[0]), "step 1, micro-batch 0")

    def test_what_one_of_them_lacks_is_missing(self) -> None:
        spans = {"continuous": range(1, 13), "stop": range(1, 5), "resume": range(5, 9), "resume-2": range(9, 13)}
        for number, lacking in ((0, 3), (1, 5), (1, 8), (2, 9), (2, 12)):
            phases = self.chain()
            for phase, steps in spans.items():
                for step in steps:
                    if step != lacking or phase == "continuous":
                        phases.behave(phase, "metric", step, step)
            (mismatch,) = self.compared(phases).mismatches
            found = (mismatch.key.step, mismatch.difference, mismatch.leg.number)
            self.assertEqual(found, (lacking, Difference.MISSING, number))

    def test_the_validation_at_either_interruption_may_run_on_either_side_of_it(self) -> None:
        for step, sides in ((4, ("stop", "resume")), (8, ("resume", "resume-2"))):
            for phase in (*sides, None):
                phases = self.chain()
                for run in ("continuous", phase) if phase else ("continuous",):
                    phases.writer(run).record("metric", Position(Moment.VALIDATION_END, step, (0,)), 1)
                self.assertEqual(len(self.compared(phases).mismatches), 0 if phase else 1)

    def test_a_window_that_the_second_interruption_cuts_in_two(self) -> None:
        def micro_batches(steps: Iterable[int]) -> list[tuple[int, int]]:
            return [(step, micro) for step in steps for micro in (0, 1)]

        phases = self.chain()
        for phase, places in (
            ("continuous", micro_batches(range(1, 13))),
            ("stop", micro_batches(range(1, 5))),
            ("resume", [*micro_batches(range(5, 9)), (9, 0)]),
            ("resume-2", [(9, 1), *micro_batches(range(10, 13))]),
        ):
            for step, micro in places:
                phases.writer(phase).record("metric", Position(Moment.MICRO_BATCH, step, (micro,)), 10 * step + micro)
        self.assertEqual(self.compared(phases).mismatches, [])

    def test_a_leg_that_ends_before_it_has_made_an_update(self) -> None:
        phases = self.chain(Span(0, 4), Span(4, 4), Span(4, 12)).behaviour("metric", float)
        for phase in ("continuous", "stop"):  # the two legs after it begin behind this validation
            phases.writer(phase).record("valid", Position(Moment.VALIDATION_END, 4, (0,)), 1)
        resumption = phases.resumption()
        self.assertEqual(resumption.runs.legs[1].end, 4)
        self.assertEqual([compare(resumption.runs, metric).mismatches for metric in ("metric", "valid")], [[], []])
        self.assertIsNone(number_of_steps_problem(resumption, 12))


class TestEvidence(ChainCase):
    def check(self, phases: Phases, reason: str) -> None:
        judgement = self.judge(phases, "metric")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertRegex(judgement.reason, reason)

    def test_nothing_after_the_second_resume(self) -> None:
        phases = self.chain()
        for phase, steps in (("continuous", range(1, 9)), ("stop", range(1, 5)), ("resume", range(5, 9))):
            for step in steps:
                phases.behave(phase, "metric", step, step)
        self.check(phases, r"^nothing was recorded after the resume point \(8\)$")

    def test_nothing_before_the_first_resume(self) -> None:
        phases = self.chain()
        for phase, steps in (("continuous", range(5, 13)), ("resume", range(5, 9)), ("resume-2", range(9, 13))):
            for step in steps:
                phases.behave(phase, "metric", step, step)
        self.check(phases, r"^nothing was recorded before the resume point \(4\)$")

    def test_a_leg_in_which_none_was_due(self) -> None:
        """The legs on either side of each resume point have recorded it."""
        phases = self.chain()
        for phase, steps in (("continuous", (3, 9, 12)), ("stop", (3,)), ("resume-2", (9, 12))):
            for step in steps:
                phases.writer(phase).record("metric", Position(Moment.VALIDATION_END, step, (0,)), float(step))
        self.assertEqual(self.judge(phases, "metric").verdict, Verdict.PASSED)

    def test_a_second_resume_from_scratch_would_look_the_same(self) -> None:
        phases = self.chain().behaviour("metric", lambda step: step % 8)
        self.check(phases, r"from the resume point \(8\) on equals its own start")

    def test_only_nan_after_the_second_resume(self) -> None:
        nan = float("nan")
        phases = self.chain().behaviour("metric", lambda step: torch.tensor(nan if step > 8 else float(step)))
        self.check(phases, r"^every number after the resume point \(8\) is NaN")


class TestDiagnosisOfTheThirdLeg(ChainCase):
    """Everything is right up to the second resume."""

    def check(self, phases: Phases, metric: str, where: str, cause: Cause, sentence: str) -> None:
        resumption = phases.resumption()
        comparison = compare(resumption.runs, metric)
        self.assertEqual((place(comparison.mismatches[0]), comparison.mismatches[0].leg.number), (where, 2))
        found = self.diagnose(phases, metric)
        self.assertEqual(found.cause, cause, found.sentence)
        self.assertRegex(found.sentence, sentence)

    RESTORED = "state 8 of resume phase 2 (restored)"
    NEXT = "step 9 of resume phase 2 (the first after the resume at 8), micro-batch 0"

    def test_the_data_restarted(self) -> None:
        phases = self.chain().behaviour("train_input", weights, again=lambda step: weights(step - 8))
        sentence = "^the data restarted: step 9 reads the batch of step 1 of the continuous run$"
        self.check(phases, "train_input", self.NEXT, Cause.DATA_RESTARTED, sentence)

    def test_random_numbers_were_not_restored(self) -> None:
        phases = self.chain().state(
            "rng_state", lambda step: {"torch": weights(step)}, again=lambda _: {"torch": weights(0)}
        )
        self.check(phases, "rng_state", self.RESTORED, Cause.RNG_NOT_RESTORED, "left as the phase began with it$")

    def test_random_numbers_were_drawn_later(self) -> None:
        phases = self.chain().state("rng_state", weights, again=lambda step: weights(step + (step > 9)))
        self.check(phases, "rng_state", "state 10 of resume phase 2", Cause.RNG_DRAWN, "equal up to state 9")

    def test_the_schedule_restarted(self) -> None:
        phases = self.chain().state("learning_rate", float, again=lambda step: step - 8.0)
        sentence = "^the schedule restarted: state 8 has the value of state 0"
        self.check(phases, "learning_rate", self.RESTORED, Cause.SCHEDULE_RESTARTED, sentence)

    def test_the_schedule_is_shifted(self) -> None:
        phases = self.chain().state("learning_rate", float, again=lambda step: step + 1.0)
        sentence = r"^the schedule is shifted by \+1: from state 8 on it is 1 update ahead$"
        self.check(phases, "learning_rate", self.RESTORED, Cause.SCHEDULE_SHIFTED, sentence)

    def test_a_counter_is_off(self) -> None:
        phases = self.chain().state("global_step", lambda step: step, again=lambda step: step + 1)
        sentence = r"^global_step is 9 instead of 8 at state 8 of resume phase 2 \(restored\): off by \+1"
        self.check(phases, "global_step", self.RESTORED, Cause.COUNTER_SHIFTED, sentence)

    def test_a_tensor_was_not_loaded(self) -> None:
        phases = self.chain().state("optimizer_state", weights, again=lambda _: weights(0))
        self.check(phases, "optimizer_state", self.RESTORED, Cause.INITIAL_VALUE, "the value of state 0")

    def validated(self, *after: int) -> Phases:
        """The third leg validated after these updates instead of 9 and 12."""
        phases = self.chain()
        for phase, steps in (("continuous", (3, 6, 9, 12)), ("stop", (3,)), ("resume", (6,)), ("resume-2", after)):
            for step in steps:
                position = Position(Moment.VALIDATION_END, step, (0,))
                phases.writer(phase).record("validation_schedule", position, {"after update": step})
        return phases

    def test_a_validation_moved(self) -> None:
        sentence = r"^the resume phase 2 validated after updates 10 instead of 9, 12: shifted by \+1$"
        where = "step 9 of resume phase 2 (the first after the resume at 8), validation end 0"
        self.check(self.validated(10), "validation_schedule", where, Cause.VALIDATION_SHIFTED, sentence)

    def test_a_validation_of_the_second_leg_moved(self) -> None:
        """Beyond the leg's own span nothing is expected of it."""
        phases = self.chain()
        for phase, steps in (("continuous", (3, 6, 9, 12)), ("stop", (3,)), ("resume", (7,)), ("resume-2", (9, 12))):
            for step in steps:
                position = Position(Moment.VALIDATION_END, step, (0,))
                phases.writer(phase).record("validation_schedule", position, {"after update": step})
        found = self.diagnose(phases, "validation_schedule")
        sentence = "the resume phase validated after updates 7 instead of 6: shifted by +1"
        self.assertEqual((found.cause, found.sentence), (Cause.VALIDATION_SHIFTED, sentence))

    def test_a_validation_repeated(self) -> None:
        position = Position(Moment.VALIDATION_END, 8, (0,))
        phases = self.chain()
        phases.writer("resume-2").record("validation_schedule", position, {"after update": 8}, "repeated")
        sentence = "^the resume phase 2 ran the validation after update 8 again, which the resume phase had run"
        where = "step 8 of resume phase 2, validation end 0"
        self.check(phases, "validation_schedule", where, Cause.VALIDATION_REPEATED, sentence)

    def test_gradients_of_a_window_were_lost(self) -> None:
        phases = self.chain().behaviour("gradients", float, again=lambda step: step + (step == 9) / 2)
        for phase, micro in (("resume", 0), ("resume-2", 1)):
            phases.writer(phase).record("train_loss", Position(Moment.MICRO_BATCH, 9, (micro,)), 1.0)
        sentence = "^the run was interrupted after 1 micro-batch of step 9"
        self.check(phases, "gradients", self.NEXT, Cause.GRADIENTS_LOST, sentence)

    def test_the_message(self) -> None:
        phases = self.chain().behaviour("train_input", weights, again=lambda step: weights(step - 8))
        resumption = phases.resumption()
        findings = find(resumption, {"train_input": compare(resumption.runs, "train_input")})
        self.assertEqual(
            root_cause_lines(findings.root_causes[0], {})[0],
            f"root cause of this run: train_input at {self.NEXT}, rank 0: the value",
        )

    def test_what_is_missing_names_the_leg(self) -> None:
        phases = self.chain().state("metric", lambda step: {"a": step, "b": 1}, again=lambda step: {"a": step})
        resumption = phases.resumption()
        findings = find(resumption, {"metric": compare(resumption.runs, "metric")})
        message = "\n".join(root_cause_lines(findings.root_causes[0], {}))
        self.assertIn(f"the interrupted run has no ['b'] at {self.RESTORED}", message)


class TestResumption(ChainCase):
    def test_a_second_checkpoint_that_is_not_the_one_loaded(self) -> None:
        phases = self.chain(Span(0, 4), Span(4, 8, saved=(6, 8)), Span(6, 12))
        self.assertEqual(
            resume_point_problem(phases.resumption()),
            "the resume phase 2 loaded step-6.ckpt of step 6; the newest checkpoint that the resume phase wrote is "
            "step-8.ckpt of step 8.",
        )

    def test_a_leg_that_wrote_none_leaves_the_one_before(self) -> None:
        self.assertIsNone(resume_point_problem(self.chain(Span(0, 4), Span(4, 7, ()), Span(4, 12)).resumption()))
        phases = self.chain(Span(0, 4, (2, 4)), Span(4, 7, ()), Span(2, 12))
        self.assertRegex(
            resume_point_problem(phases.resumption()) or "",
            "^the resume phase 2 loaded step-2.ckpt .*; the newest checkpoint that the stop phase wrote is step-4",
        )

    def test_a_step_that_nobody_had_reached(self) -> None:
        phases = self.chain(Span(0, 4), Span(4, 8), Span(10, 12))
        sentence = "the resume phase 2 loaded a checkpoint of step 10, yet only 8 steps had been made."
        self.assertEqual(resume_point_problem(phases.resumption()), sentence)

    def test_one_of_the_resumes_was_none(self) -> None:
        for legs, problem in (
            (
                (Span(0, 4), Span(0, 8, loaded=-1), Span(8, 12)),
                "the resume phase loaded no checkpoint: its bridge never called checkpoint_loaded. "
                "The stop phase wrote step-4.ckpt at step 4.",
            ),
            (
                (Span(0, 4), Span(4, 8), Span(0, 12, loaded=-1)),
                "the resume phase 2 loaded no checkpoint: its bridge never called checkpoint_loaded. "
                "The resume phase wrote step-8.ckpt at step 8.",
            ),
            (
                (Span(0, 4), Span(4, 8), Span(0, 12, loaded=8)),
                "the resume phase 2 started from scratch: it loaded the checkpoint of step 8, yet its first step was "
                "step 1. The resume phase wrote step-8.ckpt at step 8.",
            ),
        ):
            phases = self.chain(*legs).behaviour("train_loss", float)
            self.assertEqual(resume_point_problem(phases.resumption()), problem)
            judgement = self.judge(phases, "train_loss")
            self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
            self.assertTrue(judgement.reason.startswith(problem.partition(". ")[0]), judgement.reason)

    def test_a_cold_start_behind_the_right_counters(self) -> None:
        phases = self.chain().state("parameters", weights, again=lambda step: weights(step - 8))
        self.assertRegex(
            resume_point_problem(phases.resumption()) or "",
            "^the resume phase 2 started from scratch: .* its parameters are those of state 0",
        )

    def test_only_the_last_must_reach_the_end(self) -> None:
        phases = self.chain(Span(0, 4), Span(4, 8), Span(8, 10))
        problem = "the resume phase 2 ran 2 steps, expected 4 (from 8 to 12)."
        self.assertEqual(number_of_steps_problem(phases.resumption(), 12), problem)

    def test_a_leg_that_left_out_a_step(self) -> None:
        phases = self.chain()
        phases.event("resume", "step_end", update=10)
        problem = "the resume phase ran 5 steps, expected 6 (from 4 to 10)."
        self.assertEqual(number_of_steps_problem(phases.resumption(), 12), problem)

    def test_consumed_samples(self) -> None:
        phases = self.chain(Span(0, 4), Span(4, 8), Span(0, 12, loaded=8))
        problem = "the resume phase 2 claims 0 consumed training samples before its first step, expected more."
        self.assertEqual(consumed_samples_problem(phases.resumption()), problem)


class TestOverlap(ChainCase):
    """Killed at 9 and resumed from 6: updates 7 to 9 were made twice."""

    LEGS = (Span(0, 9, saved=(3, 6)), Span(6, 12))

    def test_both_copies_are_compared(self) -> None:
        phases = self.chain(*self.LEGS).behaviour("metric", float).state("state", weights)
        runs = phases.runs()
        comparison = compare(runs, "metric")
        self.assertEqual((comparison.mismatches, [*comparison.recorded.values()]), ([], [9, 6]))
        comparison = compare(runs, "state")
        self.assertEqual((comparison.mismatches, [*comparison.recorded.values()]), ([], [9, 7]))

    def test_either_may_be_wrong(self) -> None:
        for wrong, leg in (("stopped", "stop phase"), ("resumed", "resume phase")):
            phases = self.chain(*self.LEGS).behaviour("metric", float, **{wrong: lambda step: step + (step == 8) / 2})
            (mismatch,) = self.compared(phases).mismatches
            self.assertEqual((mismatch.key.step, mismatch.leg.name), (8, leg))

    def test_neither_makes_up_for_the_other(self) -> None:
        for lacking in ("stop", "resume"):
            phases = self.chain(*self.LEGS)
            for phase, steps in (("continuous", range(1, 13)), ("stop", range(1, 10)), ("resume", range(7, 13))):
                for step in steps:
                    if (phase, step) != (lacking, 8):
                        phases.behave(phase, "metric", step, step)
            (mismatch,) = self.compared(phases).mismatches
            self.assertEqual(mismatch.leg.name, f"{lacking} phase")

    def test_the_state_from_which_it_was_resumed_is_there_twice_as_well(self) -> None:
        for lacking in ("stop", "resume"):
            phases = self.chain(*self.LEGS)
            for phase, steps in (("continuous", range(13)), ("stop", range(9)), ("resume", range(6, 13))):
                for step in steps:
                    if (phase, step) != (lacking, 6):
                        phases.writer(phase).record("metric", Position(Moment.STEP_START, step), step)
            (mismatch,) = self.compared(phases).mismatches
            self.assertEqual(mismatch.leg.name, f"{lacking} phase")

    def test_steps_that_the_last_leg_lacks_excuse_no_other(self) -> None:
        phases = self.chain(Span(0, 9, saved=(6,)), Span(6, 8))
        for phase, steps in (("continuous", range(1, 13)), ("stop", range(1, 9)), ("resume", (7, 8))):
            for step in steps:
                phases.behave(phase, "metric", step, step)
        resumption = phases.resumption()
        findings = find(resumption, {"metric": compare(resumption.runs, "metric")})
        self.assertEqual([diagnosis.cause for diagnosis in findings.of_the_run], [Cause.STEPS_MISSING])
        (cause,) = findings.root_causes
        self.assertTrue(cause.comparison.mismatches[0].leg.is_first)

    def test_a_wrong_copy_is_not_told_of_the_resume(self) -> None:
        phases = self.chain(*self.LEGS).behaviour("metric", float, stopped=lambda step: step + (step == 7) / 2)
        self.assertEqual(place(self.compared(phases).mismatches[0]), "step 7, micro-batch 0")

    def test_what_differs_in_both_is_told_of_one(self) -> None:
        phases = self.chain(*self.LEGS)
        wrong = {
            name: lambda step: {"a": step, "b": step / 2 if step == 7 else step} for name in ("stopped", "resumed")
        }
        comparison = self.compared(phases.behaviour("metric", lambda step: {"a": step, "b": step}, **wrong))
        self.assertEqual([found.leg.number for found in comparison.mismatches], [0, 1])
        self.assertEqual([found.leg.number for found in comparison.at_first], [0])

    def test_thrice(self) -> None:
        phases = self.chain(Span(0, 9, saved=(6,)), Span(6, 8, saved=()), Span(6, 12)).behaviour("metric", float)
        comparison = self.compared(phases)
        self.assertEqual((comparison.mismatches, [*comparison.recorded.values()]), ([], [9, 2, 6]))
        self.assertIsNone(resume_point_problem(phases.resumption()))
        self.assertIsNone(number_of_steps_problem(phases.resumption(), 12))

    def test_a_window_that_the_first_leg_has_finished_is_not_counted_to_the_second(self) -> None:
        phases = self.chain(*self.LEGS)
        for phase, steps in (("continuous", range(1, 13)), ("stop", range(1, 10)), ("resume", range(7, 13))):
            for step in steps:
                for micro in (0, 1) if (phase, step) == ("resume", 7) else (0,):
                    position = Position(Moment.MICRO_BATCH, step, (micro,))
                    phases.writer(phase).record("train_input", position, weights(step))
        found = self.diagnose(phases, "train_input")
        sentence = "step 7 reads 2 micro-batches instead of 1"
        self.assertEqual((found.cause, found.sentence), (Cause.NUMBER_OF_BATCHES, sentence))


if __name__ == "__main__":
    unittest.main()
