"""Real runs of the digits in processes and directories of their own: what compare says of them."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

from examples.real_runs import KILLED_IN, SAVE_EVERY, UPDATES, make_runs
from stopgo_mixins import SameRunMixin
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict
from tests.documentation.pages import REPEATS_VALIDATIONS
from tests.real_runs.printing import printed

RESTORED = {"parameters", "optimizer_state", "rng_state", "scheduler_state", "buffers", "train_input", "train_loss"}


class DigitsCase(unittest.TestCase):
    stateful = True

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        make_runs(Path(directory.name), stateful=cls.stateful)
        names = ("killed", "resumed", "whole")
        cls.killed, cls.resumed, cls.whole = (Path(directory.name) / name / "trace" for name in names)
        cls.found = RunComparison(recorded_runs([cls.killed, cls.resumed], cls.whole))


@unittest.skipIf(REPEATS_VALIDATIONS, "Lightning 2.4 resumes amid an epoch with the index of the batch one too low")
class TestARunThatResumesExactly(DigitsCase, SameRunMixin):
    def test_it_is_the_same_run(self) -> None:
        self.assertEqual((self.found.verdict, self.found.problems), (RunVerdict.SAME, {}))
        self.assertLessEqual(RESTORED, self.found.of(Verdict.PASSED).keys())
        self.assertSameRun([self.killed, self.resumed], str(self.whole))

    def test_where_it_was_killed_is_said(self) -> None:
        status, text = printed("compare", self.killed, self.resumed, self.whole)
        self.assertEqual(status, 0)
        self.assertIn(f"stop phase: from the start, breaks off in update {KILLED_IN}: what it recorded until", text)
        self.assertIn(f"resume phase: from the checkpoint of update {SAVE_EVERY} to update {UPDATES} ", text)

    def test_lost_work_is_compared_as_well(self) -> None:
        legs = [leg.trace.ranks[0].steps("train_input") for leg in self.found.runs.legs]
        recorded = [{step for step, _ in steps} for steps in legs]
        self.assertEqual(recorded[0] & recorded[1], {5, 6})

    def test_a_later_leg_alone_is_compared_from_where_it_began(self) -> None:
        status, text = printed("compare", self.resumed, self.whole)
        self.assertEqual(status, 2)
        self.assertIn(f"name the legs before it as well, or compare from there: --from-step {SAVE_EVERY}", text)
        status, text = printed("compare", self.resumed, self.whole, "--from-step", SAVE_EVERY)
        self.assertEqual(status, 0, text)
        self.assertIn(f"compared from step {SAVE_EVERY} on", text)

    def test_a_run_that_was_never_resumed_is_not_the_same(self) -> None:
        status, text = printed("compare", self.killed, self.whole)
        self.assertEqual(status, 1)
        made, missing = KILLED_IN - 1, UPDATES
        self.assertIn(f"number_of_steps: the stop phase ran {made} steps, expected {missing}", text)

    def test_nothing_is_shown_by_a_reference_that_broke_off(self) -> None:
        found = RunComparison(recorded_runs([self.whole], self.killed))
        self.assertEqual(found.of(Verdict.PASSED), {})
        self.assertIn("no end mark", printed("compare", self.killed, self.killed)[1])

    def test_two_uninterrupted_runs_are_compared_too(self) -> None:
        self.assertEqual(printed("compare", self.whole, self.whole)[0], 0)

    def test_the_run_to_compare_with_has_one_leg(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            for number, leg in enumerate((self.killed, self.resumed)):
                Path(directory, f"leg-{number}").symlink_to(leg / "leg-0")
            self.assertEqual(printed("compare", directory, self.whole)[0], 0)
            status, text = printed("compare", self.whole, directory)
        self.assertEqual(status, 2)
        self.assertIn("holds 2 legs: the last directory is that of the run that was not interrupted", text)


class TestARunWithAPlainLoader(DigitsCase, SameRunMixin):
    stateful = False

    def test_the_root_causes_are_named(self) -> None:
        causes = {cause.diagnosis.cause for cause in self.found.findings.root_causes if cause.diagnosis}
        expected = {Cause.DATA_RESTARTED, Cause.RNG_NOT_RESTORED}
        self.assertEqual(causes & expected if REPEATS_VALIDATIONS else causes, expected)

    def test_a_program_can_read_it(self) -> None:
        status, text = printed("compare", self.killed, self.resumed, self.whole, "--json")
        told = json.loads(text)
        self.assertEqual((status, told["verdict"]), (1, "not the same run"))
        self.assertEqual([leg["broke_off"] for leg in told["legs"]], [True, False])
        self.assertIn("the data restarted", told["metrics"]["train_input"]["message"])
        self.assertIn("data restarted", [cause["cause"] for cause in told["root_causes"]])

    def test_a_test_fails_with_the_report(self) -> None:
        sentence = f"the data restarted: step {SAVE_EVERY + 1} reads the batch of step 1 of the continuous run"
        with self.assertRaisesRegex(AssertionError, sentence):
            self.assertSameRun([self.killed, self.resumed], self.whole)


del DigitsCase  # which is no test
