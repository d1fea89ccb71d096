"""The tables of faults and of kills, as pages."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from stopgo_mixins.__main__ import main
from stopgo_mixins.commands import faults as command
from stopgo_mixins.faults import ALL_FAULTS
from stopgo_mixins.trials import survey
from tests.report.browser import CHROMIUM, NO_BROWSER, look


class SurveyCase(unittest.TestCase):
    def asked(self, *arguments: str) -> tuple[dict[str, str], str]:
        """The files that a program leaves where a report is asked for, by their ends, and what it complains about."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name).resolve()
            environment = {"STOPGO_REPORT": str(directory), "GITHUB_STEP_SUMMARY": f"{directory}/summary.md"}
            streams = (contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()))
            with mock.patch.dict(os.environ, environment), streams[0], streams[1] as complained:
                main(arguments)
            found = {path.suffix: path.read_text(encoding="utf-8") for path in directory.iterdir()}
            self.assertEqual(sorted(found), [".html", ".json", ".md"])
            (page,) = directory.glob("*.html")
            self.assertEqual(complained.getvalue(), f"report: {page}\n")
            return found, page.name

    def assert_shows(self, page: str) -> None:
        if CHROMIUM is None:
            self.skipTest(NO_BROWSER)
        for width in (1280, 400):
            seen = look(page, width)
            self.assertEqual((seen.complaints, seen.requests, seen.overflow), ([], [], 0))


class TestFaults(SurveyCase):
    def test_survivors_stand_out_and_what_is_not_applicable_stands_apart(self) -> None:
        tried = {fault: ALL_FAULTS[fault] for fault in ("F33", "F06", "F17")}
        quick = mock.patch.multiple(survey, stricter_runs=lambda *_: ())
        with mock.patch.object(command, "ALL_FAULTS", tried), quick:
            found, name = self.asked("faults", "tests.faults.subjects.Plain")
        self.assertEqual(name, "tests.faults.subjects.Plain.faults.html")
        seen: dict[str, Any] = json.loads(found[".json"])
        self.assertEqual((seen["failed"], seen["headline"][:20]), (True, "1 caught, 1 survived"))
        self.assertEqual(
            [fault["status"] for fault in seen["found"]["faults"]], ["caught", "survived", "not applicable"]
        )
        page = found[".html"]
        wrong, rows, left = (
            page.index(title) for title in ("What goes unnoticed", "What became of", "Not applicable<")
        )
        self.assertEqual(sorted([wrong, rows, left]), [wrong, rows, left])
        self.assertIn("F06 Python&#x27;s RNG not restored: survived", page[wrong:rows])
        self.assertIn('<span class="badge passed">caught</span>', page[rows:left])
        self.assertIn("test_optimizer_state, state 3: zeros", page[rows:left])
        self.assertNotIn("F17", page[:left])
        self.assertIn("let the trainer accumulate gradients", page[left:])
        self.assertTrue(found[".md"].startswith("### ❌ Faults of tests.faults.subjects.Plain\n"))
        self.assert_shows(page)


class TestKills(SurveyCase):
    def test_each_way_of_a_death_has_a_cell(self) -> None:
        found, name = self.asked("kills", "tests.kills.cases.NamesTheFile")
        self.assertEqual(name, "tests.kills.cases.NamesTheFile.kills.html")
        seen = json.loads(found[".json"])
        self.assertEqual((seen["failed"], len(seen["found"])), (False, 10))
        page = found[".html"]
        self.assertNotIn("What goes unnoticed", page)
        self.assertIn('data-heading="torn in half"><span class="badge quiet">refused by name</span>', page)
        self.assertEqual(page.count('<span class="badge'), 1 + 10)
        self.assert_shows(page)

    def test_what_goes_unnoticed_is_told_first(self) -> None:
        found, _ = self.asked("kills", "tests.kills.cases.LosesItsTrace")
        self.assertRegex(found[".html"], r"What goes unnoticed</h2>.*: unreadable trace</h3>")


if __name__ == "__main__":
    unittest.main()
