"""The demo must notice when either of its runs is not as it should be; that both are is tested with the README."""

from __future__ import annotations

import unittest
from dataclasses import replace
from pathlib import Path

from examples.demo import ROOT_CAUSES, Outcome, objection, reports, run
from tests.documentation.pages import output_of

MESSAGE = "".join(f"  root cause of this run: {cause} at state 9\n" for cause in ROOT_CAUSES)
EXACT = Outcome(passed={"test_train_loss", "test_rng_state"}, skipped={"test_buffers"})
USUAL = Outcome(passed={"test_rng_state"}, failed={"test_train_loss": MESSAGE})


class TestReports(unittest.TestCase):
    def test_are_where_the_demo_says(self) -> None:
        self.assertIn("\n  build/demo/examples.test_digits.TestDigits.html\n", output_of("examples.demo"))
        self.assertEqual([path for path in reports().splitlines() if not Path(path).exists()], [])


class TestObjection(unittest.TestCase):
    def test_has_none_where_both_are_as_they_should_be(self) -> None:
        self.assertIsNone(objection(EXACT, USUAL))

    def test_an_exact_run_that_fails(self) -> None:
        problem = objection(replace(EXACT, failed={"test_rng_state": "differs"}), USUAL)
        self.assertEqual(problem, "the run that takes care of its state does not resume exactly: test_rng_state.")

    def test_a_usual_run_that_passes(self) -> None:
        self.assertIn("named were: nothing", objection(EXACT, EXACT) or "")

    def test_a_root_cause_that_is_not_named(self) -> None:
        one = replace(USUAL, failed={"test_train_loss": MESSAGE.splitlines()[0]})
        self.assertIn("because of rng_state, train_input; named were: train_input", objection(EXACT, one) or "")

    def test_a_failure_that_the_exact_run_does_not_disprove(self) -> None:
        both = replace(USUAL, failed={**USUAL.failed, "test_buffers": MESSAGE})
        self.assertIn("test_buffers failed in the usual run, but did not pass", objection(EXACT, both) or "")

    def test_a_class_that_cannot_be_run(self) -> None:
        class TestBroken(unittest.TestCase):
            @classmethod
            def setUpClass(cls) -> None:
                raise RuntimeError("no disk")

            def test_train_loss(self) -> None:
                pass

        broken = run(TestBroken)
        self.assertEqual(broken.passed, set())
        self.assertIn("RuntimeError: no disk", objection(broken, USUAL) or "")
