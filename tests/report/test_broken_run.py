"""A class of which a phase fails has a report as well: which one, the error, and what there was until then."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from stopgo_mixins import Mode
from stopgo_mixins.report.broken_run import BrokenRun
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.isolation.test_failing_phases import BrokenMixin
from tests.outcome import concrete, run
from tests.report.browser import CHROMIUM, NO_BROWSER, look

ERROR = "TestUsual: the resume phase failed: it did not end within phase_timeout = 6 seconds, and was killed\n  <log>"


def broken(phases: Phases) -> BrokenRun:
    runs = phases.runs()
    return BrokenRun("tests.TestUsual", ERROR, "Traceback\n  <x>", runs.traces, phases.num_steps, {"Python": "3.11"})


class TestBrokenRun(SyntheticCase):
    def killed(self) -> Phases:
        """The resume phase is killed after one update."""
        phases = self.phases(resumed_steps=1, broken_off=("resume",))
        phases.event("stop", "interrupted", update=4, path="step-4.ckpt")
        for phase, steps in (("stop", range(1, 5)), ("resume", (5, 6))):
            for step in steps:
                phases.behave(phase, "train_loss", step, step)
        return phases

    def test_says_how_far_each_phase_came(self) -> None:
        found = json.loads(broken(self.killed()).report().json)
        self.assertEqual(
            found["headline"],
            "The resume phase failed: it did not end within phase_timeout = 6 seconds, and was killed",
        )
        self.assertEqual(
            found["phases"],
            {
                "stop phase": "made updates 1-4, wrote step-4.ckpt at update 4, and was interrupted as planned",
                "resume phase": "loaded the checkpoint of update 4, made update 5, then broke off",
                "continuous phase": "made updates 1-8, and came to its end",
            },
        )
        self.assertEqual(found["recorded"], {"train_loss": {"stop phase": "1-4", "resume phase": "5-6"}})

    def test_ranks_that_came_to_different_ends_are_told_apart(self) -> None:
        phases = self.phases(world_size=2)
        phases.rank = 1
        phases.event("stop", "step_end", update=5)
        fate = json.loads(broken(phases).report().json)["phases"]["stop phase"]
        self.assertIn("rank 0: made updates 1-4, ", fate)
        self.assertIn("; rank 1: made updates 1-5, ", fate)

    @unittest.skipIf(CHROMIUM is None, NO_BROWSER)
    def test_a_browser_shows_it(self) -> None:
        text = broken(self.killed()).report().html
        self.assertIn("&lt;log&gt;", text)
        seen = look(text, 400)
        self.assertEqual((seen.complaints, seen.requests, seen.overflow), ([], [], 0))


class TestOfAClass(unittest.TestCase):
    def reported(self, **attributes: object) -> tuple[str, dict[str, object], str]:
        """The error of a class, its report as JSON, and what a CI run would show."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name).resolve()
            asked = {"STOPGO_REPORT": str(directory), "GITHUB_STEP_SUMMARY": f"{directory}/summary.md"}
            with mock.patch.dict(os.environ, asked):
                error = run(concrete(BrokenMixin, **attributes)).error
            path = directory / f"{BrokenMixin.__module__}.Broken.html"
            self.assertIn(f"\n  report: {path}\n", error)
            self.assertIn("<h1>", path.read_text(encoding="utf-8"))
            found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            return error, found, (directory / "summary.md").read_text(encoding="utf-8")

    def test_its_report_is_written_and_its_error_names_it(self) -> None:
        error, found, summary = self.reported(broken=Mode.RESUME)
        self.assertEqual(found["headline"], "The resume phase failed: ValueError: no such layer")
        self.assertIn("raise type(cls.error)", str(found["traceback"]))
        self.assertEqual(
            found["phases"],
            {
                "stop phase": "made updates 1-3, wrote step-3.ckpt at update 3, and was interrupted as planned",
                "resume phase": "did not begin to train",
                "continuous phase": "did not begin to train",
            },
        )
        self.assertNotIn("/stopgo_mixins/", error)
        self.assertTrue(summary.startswith("### ❌ "), summary)
        self.assertIn("\n- resume phase: did not begin to train\n", summary)

    def test_nobody_is_told_of_a_report_that_nobody_asked_for(self) -> None:
        self.assertNotIn("  report: ", run(concrete(BrokenMixin)).error)


if __name__ == "__main__":
    unittest.main()
