"""What the report of a run says, and what a browser shows of it."""

from __future__ import annotations

import dataclasses
import json
import os
import unittest
from pathlib import Path
from unittest import mock

import torch

from stopgo_mixins.comparison.declared import DeclaredDivergence
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.report.columns import MOST_COLUMNS, Columns
from stopgo_mixins.report.contents import Contents
from stopgo_mixins.report.data import data
from stopgo_mixins.report.files import report_file
from stopgo_mixins.report.page import page
from stopgo_mixins.report.run import report_of_run
from stopgo_mixins.report.subject import Subject
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights
from tests.report.browser import CHROMIUM, NO_BROWSER, look

ENVIRONMENT = {"Python": "3.11"}


class ReportCase(SyntheticCase):
    def usual(self) -> Phases:
        """The random numbers are not restored, the loss follows, and a counter is right."""
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step + 9)})
        phases.behaviour("train_loss", float, lambda step: step + 0.5)
        phases.state("global_step", lambda step: step).state("param_groups", lambda _: 0.1)
        return phases

    def subject(self, phases: Phases, **terms: object) -> Subject:
        return Subject("tests.TestUsual", Examination(phases.runs(), Terms(phases.num_steps, **terms)), ENVIRONMENT)

    def contents(self, phases: Phases, **terms: object) -> Contents:
        return Contents.of(self.subject(phases, **terms))


class TestContents(ReportCase):
    def test_rows_stand_as_one_thing_led_to_another(self) -> None:
        contents = self.contents(self.usual())
        self.assertEqual([row.metric for row in contents.drawn][:2], ["rng_state", "train_loss"])
        self.assertEqual([row.role and row.role.value for row in contents.drawn][:2], ["root cause", "consequence"])
        self.assertEqual(
            contents.headline, "The resumed run is not the same run: 1 root cause, 1 other metric with it."
        )

    def test_the_states_of_the_map(self) -> None:
        phases = self.phases()
        phases.behaviour("train_loss", float, lambda step: step + (step == 6) / 2)
        phases.behaviour("train_output", lambda step: {"a": step, "b": step}, lambda step: {"a": step})
        phases.state("param_groups", lambda _: 0.1).state("global_step", lambda step: step)
        known = DeclaredDivergence(paths=("",), from_step=6, cause=None, reference="issue 17")
        contents = self.contents(phases, declared={"train_loss": (known,)})
        found = json.loads(data(contents))["metrics"]
        self.assertEqual(found["train_loss"]["steps"], {"declared": "6", "equal": "1-5, 7-8"})
        self.assertEqual(found["train_output"]["steps"], {"missing or extra": "5-8", "equal": "1-4"})
        self.assertEqual(found["param_groups"]["steps"], {"not verified": "0-8"})
        self.assertEqual(found["global_step"]["steps"], {"equal": "0-8"})
        self.assertEqual(found["train_loss"]["verdict"], "passed")

    def test_what_is_wrong_with_the_run_as_a_whole(self) -> None:
        contents = self.contents(self.phases(resumed_steps=2).state("global_step", lambda step: step))
        self.assertIn("the resume phase ran 2 steps, expected 4", contents.problems["test_number_of_steps"])
        self.assertTrue(contents.failed)

    def test_why_a_metric_that_passes_could_have_failed(self) -> None:
        contents = self.contents(self.usual(), tolerances={"global_step": Tolerance(atol=0.1)})
        (row,) = [row for row in contents.rows if row.metric == "global_step"]
        self.assertEqual(
            row.text,
            "9 records are equal within Tolerance(rtol=0.0, atol=0.1); recorded on both sides of the resume "
            "(stop phase 4, resume phase 5); it changes",
        )


class TestColumns(unittest.TestCase):
    def test_a_short_run_has_a_column_for_each_step(self) -> None:
        columns = Columns.of(8, [4])
        self.assertEqual([columns.name(column) for column in range(len(columns))], list("012345678"))

    def test_a_long_run_shares_them_but_for_its_resume_points(self) -> None:
        columns = Columns.of(10_000, [4321])
        self.assertLessEqual(len(columns), MOST_COLUMNS + 2)
        self.assertEqual(columns.name(columns.of_step(4321)), "4321")
        self.assertEqual(columns.name(len(columns) - 1).rpartition("-")[2], "10000")
        self.assertEqual({columns.of_step(step) for step in range(10_001)}, set(range(len(columns))))


class TestFiles(ReportCase):
    def test_a_report_can_be_made_later(self) -> None:
        known = DeclaredDivergence(paths=("*",), from_step=4, cause="RNG not restored", reference="issue 17")
        phases = self.usual()
        subject = self.subject(phases, declared={"rng_state": (known,)}, tolerances={"global_step": Tolerance(0.1)})
        subject.keep(phases.directory)
        again = Subject.kept_in(phases.directory)
        self.assertEqual(page(Contents.of(again)), page(Contents.of(subject)))

    def test_a_directory_without_traces(self) -> None:
        with self.assertRaisesRegex(TraceError, r"/rank-0 has no class.json: name the directory in which a test class"):
            Subject.kept_in(Path("/rank-0"))

    def test_html_and_json_and_the_summary_of_a_ci_run(self) -> None:
        phases = self.usual()
        summary, path = phases.directory / "summary.md", phases.directory / "reports" / "T.html"
        with mock.patch.dict(os.environ, {"GITHUB_STEP_SUMMARY": str(summary)}):
            report_of_run(self.subject(phases)).write(path)
        self.assertTrue(path.read_text(encoding="utf-8").startswith("<!doctype html>"))
        self.assertTrue(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["failed"])
        lines = summary.read_text(encoding="utf-8").splitlines()
        self.assertEqual(lines[0], "### ❌ tests.TestUsual")
        self.assertIn("| rng_state | **root cause** | state 4 (restored) | RNG not restored |", lines)

    def test_two_classes_never_share_a_file(self) -> None:
        names = ["a.T", "a.T<1>", "a.T<2>", "a." + "T" * 300, "a." + "T" * 301]
        files = {report_file(Path("d"), name) for name in names}
        self.assertEqual(len(files), len(names))
        self.assertIn(Path("d/a.T.html"), files)

    def test_thirty_metrics_and_many_steps_need_less_than_100_kb(self) -> None:
        phases = self.phases(num_steps=70)
        for number in range(30):
            phases.behaviour(
                f"metric_{number}", lambda step: torch.tensor(step / 3), lambda step: torch.tensor(step / 7)
            )
        runs = dataclasses.replace(phases.runs(), known={})  # nobody says anything of metrics that were not recorded
        text = page(Contents.of(Subject("T", Examination(runs, Terms(70)), ENVIRONMENT)))
        self.assertLess(len(text.encode()), 100_000)
        self.assertEqual(text.count('<svg class="chart"'), 30 * 3)


@unittest.skipIf(CHROMIUM is None, NO_BROWSER)
class TestInABrowser(ReportCase):
    def test_the_map_has_the_right_cells_and_nothing_is_asked_for(self) -> None:
        text = page(self.contents(self.usual()))
        for width in (1280, 400):
            with self.subTest(width=width):
                seen = look(text, width)
                self.assertEqual((seen.complaints, seen.requests), ([], []))
                self.assertEqual(seen.overflow, 0)
                counted = {
                    metric: {kind: cell[0] for kind, cell in cells.items()} for metric, cells in seen.cells.items()
                }
                self.assertEqual(
                    counted,
                    {
                        "rng_state": {"differs": 5, "equal": 4},
                        "train_loss": {"consequence": 4, "equal": 4},
                        "global_step": {"equal": 9},
                        "param_groups": {"not_verified": 9},
                    },
                )
                self.assertAlmostEqual(seen.cells["rng_state"]["differs"][1], 4 / 9, delta=0.02)
                self.assertTrue(all(cell[2] for kinds in seen.cells.values() for cell in kinds.values()))

    def test_what_is_wrong_with_a_page_is_seen(self) -> None:
        text = page(self.contents(self.usual()))
        wrong = text.replace(
            "</body>",
            '<img src="https://example.org/a.png"><div style="width:2000px">x</div><script>oops()</script></body>',
        )
        seen = look(wrong.replace('class="differs"', 'class="equal"'), 400)
        self.assertEqual(len(seen.complaints), 1)
        self.assertIn("oops is not defined", seen.complaints[0])
        self.assertEqual(seen.requests, ["https://example.org/a.png"])
        self.assertGreater(seen.overflow, 1000)
        self.assertNotIn("differs", seen.cells["rng_state"])


if __name__ == "__main__":
    unittest.main()
