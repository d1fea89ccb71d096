"""The root causes of a run, what follows from them, and the message that says so."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

import torch

from stopgo_mixins.comparison.causality import root_causes
from stopgo_mixins.comparison.compare import Comparison, compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.diagnosis.remedies import REMEDIES
from stopgo_mixins.comparison.findings import Findings, find
from stopgo_mixins.comparison.message import failure_message
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights

FIXING = Path(__file__).parents[2] / "docs" / "fixing-a-divergence.md"


def found_in(phases: Phases) -> tuple[dict[str, Comparison], Findings]:
    resumption = phases.resumption()
    runs = resumption.runs
    comparisons = {metric: compare(runs, metric) for metric in sorted(runs.metrics)}
    return comparisons, find(resumption, comparisons)


class TestCauses(unittest.TestCase):
    def test_every_cause_has_its_section_in_the_docs_and_no_other_has_one(self) -> None:
        headings = [line[3:] for line in FIXING.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
        self.assertEqual(headings, [cause.section for cause in Cause])

    def test_the_table_of_messages_leads_to_every_section(self) -> None:
        links = re.findall(r"^\| .* \| \[(.*)\]\(#(.*)\) \|$", FIXING.read_text(encoding="utf-8"), re.MULTILINE)
        sections = [cause.section for cause in Cause]
        self.assertEqual(links, [(section, section.lower().replace(" ", "-")) for section in sections])

    def test_every_cause_has_its_remedy_in_one_line(self) -> None:
        self.assertEqual(REMEDIES.keys(), set(Cause))
        self.assertEqual([remedy for remedy in REMEDIES.values() if "\n" in remedy or len(remedy) > 100], [])


class TestRootCauses(SyntheticCase):
    def check(self, phases: Phases, *causes: str, consequences: tuple[str, ...] = ()) -> Findings:
        _, findings = found_in(phases)
        self.assertEqual(tuple(cause.comparison.metric for cause in findings.root_causes), causes)
        self.assertEqual(findings.consequences, consequences)
        return findings

    def test_plain_lightning_has_two(self) -> None:
        """Neither the position in the data nor a random stream is in the checkpoint."""
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step - 4)})
        phases.behaviour("train_input", weights, lambda step: weights(step - 4))
        phases.behaviour("train_loss", float, lambda step: step + 1)
        findings = self.check(phases, "rng_state", "train_input", consequences=("train_loss",))
        causes = [cause.diagnosis and cause.diagnosis.cause for cause in findings.root_causes]
        self.assertEqual(causes, [Cause.RNG_NOT_RESTORED, Cause.DATA_RESTARTED])

    def test_other_data_follow_from_random_numbers(self) -> None:
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step + 9)})
        phases.behaviour("train_input", weights, lambda step: weights(step + 70))
        self.check(phases, "rng_state", consequences=("train_input",))

    def test_states_of_one_step_are_restored_side_by_side(self) -> None:
        phases = self.phases()
        for metric in ("parameters", "optimizer_state", "rng_state", "callback_state"):
            phases.state(
                metric, lambda step, by=metric: weights(step, by), lambda step, by=metric: weights(step, by) + 1
            )
        _, findings = found_in(phases)
        self.assertEqual(len(findings.root_causes), 4)

    def test_a_schedule_explains_the_rate_at_once_and_the_weights_later(self) -> None:
        phases = self.phases()
        phases.state("scheduler_state", lambda step: {"last_epoch": step}, lambda step: {"last_epoch": step - 4})
        phases.state("learning_rate", float, lambda step: step - 4.0)
        phases.state("parameters", weights, lambda step: weights(step) + (step > 4))
        self.check(phases, "scheduler_state", consequences=("learning_rate", "parameters"))

    def test_a_metric_of_the_user_depends_on_all_others(self) -> None:
        phases = self.phases().state("parameters", weights, lambda step: weights(step) + 1)
        phases.state("norm", float, lambda step: step + 1.0)
        self.check(phases, "parameters", consequences=("norm",))
        self.check(self.phases().state("norm", float, lambda step: step + 1.0), "norm")

    def test_nothing_diverges(self) -> None:
        self.assertEqual(root_causes({"a": Comparison("a")}, {}), [])

    def test_missing_steps_are_one_cause_of_the_run(self) -> None:
        phases = self.phases(resumed_steps=2)
        for phase, steps in (("stop", range(1, 5)), ("resume", range(5, 7)), ("continuous", range(1, 9))):
            for step in steps:
                phases.behave(phase, "train_loss", step, float(step))
        findings = self.check(phases, consequences=("train_loss",))
        (diagnosis,) = findings.of_the_run
        self.assertEqual(diagnosis.cause, Cause.STEPS_MISSING)
        self.assertRegex(diagnosis.sentence, "made 2 steps, expected 4")

    def test_where_nothing_differs_nothing_is_only_reporting(self) -> None:
        self.assertFalse(self.check(self.phases().state("parameters", weights)).only_reports)

    def test_a_cold_start_is_a_cause_of_the_run(self) -> None:
        phases = self.phases().state("parameters", weights, lambda step: weights(step - 4))
        phases.state("optimizer_state", lambda step: {"step": step}, lambda step: {"step": step - 4})
        _, findings = found_in(phases)
        self.assertEqual([diagnosis.cause for diagnosis in findings.of_the_run], [Cause.COLD_START])


class TestMessage(SyntheticCase):
    def message(self, phases: Phases, metric: str) -> list[str]:
        comparisons, findings = found_in(phases)
        return failure_message(f"test_{metric}", comparisons[metric], findings, declared={}).splitlines()

    def test_a_root_cause_is_told_in_full_and_what_follows_names_it(self) -> None:
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step + 9)})
        phases.behaviour(
            "train_loss",
            lambda step: {"loss": torch.tensor(2.291459)},
            lambda step: {"loss": torch.tensor(2.2903461)},
        )
        self.assertEqual(
            self.message(phases, "train_loss"),
            [
                "test_train_loss: consequence of rng_state (RNG not restored); the interrupted run differs from the "
                "continuous run in 4 of 8 records.",
                "  first at step 5 (the first after the resume at 4), micro-batch 0, rank 0: ['loss']",
                "    interrupted 2.2903461   continuous 2.291459   |diff| 1.1e-03   rel 4.9e-04   4668 ulp",
                "  equal 1-4 │ differ 5-8",
            ],
        )
        head, first, seen, *remedy, last = self.message(phases, "rng_state")
        self.assertEqual(head[:33], "test_rng_state: RNG not restored;")
        self.assertEqual(first, "  root cause of this run: rng_state at state 4 (restored), rank 0: ['torch']")
        self.assertEqual(
            seen, "    torch: another state of the generator: not restored with the checkpoint, or drawn from since"
        )
        self.assertEqual(
            remedy,
            [
                "    how to fix it: add RngStateCallback to the trainer's callbacks, or save every generator yourself",
                '    more about it: python -m stopgo_mixins explain "RNG not restored"',
            ],
        )
        self.assertEqual(last, "  equal 0-3 │ differ 4-8 │ consequences: train_loss")

    def test_many_steps_are_told_in_a_few_ranges(self) -> None:
        phases = self.phases(num_steps=40).behaviour("metric", float, lambda step: float(step + step % 2))
        last = self.message(phases, "metric")[-1]
        self.assertEqual(last[:70], "  equal 1-4, 6, 8, 10, 12, 14, 16, ... up to 40 │ differ 5, 7, 9, 11, ")

    def test_what_was_not_observed_is_told_once(self) -> None:
        phases = self.phases().behaviour("train_loss", float, lambda step: step + 1.0)
        what = "outputs of the child module 'encoder', never called"
        for _ in range(2):
            phases.event("continuous", "not_observed", what=what)
        _, findings = found_in(phases)
        self.assertEqual(findings.not_observed, (what,))

    def test_where_no_pattern_fits_the_numbers_stand_and_what_agrees(self) -> None:
        phases = self.phases().behaviour("train_input", weights)
        phases.state("parameters", weights)
        phases.behaviour("train_output", float, lambda step: step + 0.5)
        phases.behaviour("train_loss", float, lambda step: step + 0.5)
        self.assertIn("consequence of train_output (no known cause);", self.message(phases, "train_loss")[0])
        self.assertEqual(
            self.message(phases, "train_output")[1:4],
            [
                "  root cause of this run: train_output at step 5 (the first after the resume at 4), micro-batch 0, "
                "rank 0: the value",
                "    no known pattern fits; up to there it agrees in train_input, parameters",
                "    interrupted 5.5   continuous 5   |diff| 5.0e-01   rel 1.0e-01   562949953421312 ulp",
            ],
        )

    def test_a_metric_that_lacks_only_what_was_not_trained(self) -> None:
        phases = self.phases(resumed_steps=2)
        for phase, steps in (("stop", range(1, 5)), ("resume", range(5, 7)), ("continuous", range(1, 9))):
            for step in steps:
                phases.behave(phase, "train_loss", step, float(step))
        message = self.message(phases, "train_loss")
        self.assertIn("test_train_loss: consequence of steps missing; ", message[0])

    def test_missing_unexpected_and_another_form(self) -> None:
        for resumed, line in (
            ({"z": 3}, "missing: the continuous run recorded it, the resume phase did not"),
            ({"a": 1, "b": 2, "z": 3}, "unexpected: the resume phase recorded it, the continuous run did not"),
            ({"a": 1.0, "z": 3}, "the type differs: interrupted float   continuous int"),
            ({"a": 2**70, "z": 3}, f"interrupted {2**70}   continuous 1"),
        ):
            phases = self.phases().behaviour("metric", lambda _: {"a": 1, "z": 3}, lambda _, value=resumed: value)
            self.assertIn(f"    {line}", self.message(phases, "metric"))

    def test_values_that_were_not_kept(self) -> None:
        phases = self.phases(value_budget=0)
        phases.behaviour("metric", lambda _: torch.zeros(2000), lambda _: torch.ones(2000) * 3)
        self.assertIn("(values not kept: raise value_budget to see numbers)", "\n".join(self.message(phases, "metric")))

    def test_numbers_in_as_few_digits_as_they_need(self) -> None:
        for dtype, text in (
            (torch.float32, "0.1"),
            (torch.bfloat16, "0.1"),
            (torch.float64, "0.1"),
            (torch.int64, "7"),
        ):
            value = torch.tensor(7 if dtype is torch.int64 else 0.1, dtype=dtype)
            phases = self.phases().behaviour("metric", lambda _, v=value: v, lambda _, v=value: v * 2)
            self.assertIn(f"continuous {text}   |diff|", "\n".join(self.message(phases, "metric")))

    def test_numbers_that_have_a_meaning_only(self) -> None:
        """Floats lie densest around zero, of which a distance is no multiple; what is infinite has no distance."""
        for actual, expected, line in (
            (-1e-3, 1e-3, "interrupted -0.001   continuous 0.001   |diff| 2.0e-03   rel 2.0e+00"),
            (1e-3, 0.0, "interrupted 0.001   continuous 0   |diff| 1.0e-03"),
            (float("inf"), 1.0, "interrupted inf   continuous 1"),
            (1.0, float("nan"), "interrupted 1   continuous nan"),
        ):
            ours, theirs = torch.tensor(actual), torch.tensor(expected)
            phases = self.phases().behaviour("metric", lambda _, v=theirs: v, lambda _, v=ours: v)
            self.assertIn(f"    {line}", self.message(phases, "metric"))

    def test_the_bytes_of_a_generator_are_no_numbers(self) -> None:
        ours, theirs = (torch.Generator().manual_seed(seed).get_state() for seed in (1, 2))
        for metric in ("rng_state", "callback_state"):
            phases = self.phases().state(metric, lambda _: {"torch": theirs}, lambda _: {"torch": ours})
            message = "\n".join(self.message(phases, metric))
            self.assertIn(f"{metric} at state 4 (restored), rank 0: ['torch']", message)
            self.assertNotIn("|diff|", message)

    def test_what_agrees_is_named_once(self) -> None:
        phases = self.phases().behaviour("gradients", float)
        phases.behaviour("logged_metrics", lambda step: {"a": 0.1 * step}, lambda step: {"a": 7.1})
        (line,) = (line for line in self.message(phases, "logged_metrics") if "up to there it agrees" in line)
        self.assertEqual(line.count("gradients"), 1)


if __name__ == "__main__":
    unittest.main()
