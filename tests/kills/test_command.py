"""``python -m stopgo_mixins kills``: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import unittest
from typing import Any

from stopgo_mixins.__main__ import main
from tests.documentation.pages import PAGES, REPEATS_VALIDATIONS, blocks_of


def run(subject: str, *options: str) -> tuple[int, str, str]:
    """The exit status of the program, and what it printed to both streams."""
    printed, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        status = main(["kills", f"tests.kills.cases.{subject}", *options])
    return status, printed.getvalue(), complained.getvalue()


class TestTheTable(unittest.TestCase):
    def test_of_a_class_of_which_no_death_goes_unnoticed(self) -> None:
        status, printed, complained = run("NamesTheFile")
        lines = printed.splitlines()
        self.assertRegex(lines[0], r"^ +file event +updates +right before +torn in half +unsynced lost$")
        self.assertRegex(lines[1], r"^1 +mkdir stopgo-checkpoints +2 +lost work: 2 +lost work: 2$")
        self.assertRegex(
            lines[2], r"^2 +write stopgo-checkpoints/step-2 +2 +lost work: 2 +refused by name +lost work: 2"
        )
        self.assertRegex(printed, r"\n +torn in half(, unsynced lost)?: ValueError: ")
        self.assertRegex(printed, r"\n4 +after all of them +4 +exact +refused by name\n")
        self.assertEqual(
            lines[-1],
            "1 exact, 5 lost work, 4 refused by name, 0 refused, no file named, 0 silent divergence, 0 hang, "
            "0 unreadable trace.",
        )
        self.assertEqual((status, complained), (0, ""))  # quiet where there is no terminal

    def test_what_nobody_can_tell_is_no_success(self) -> None:
        status, printed, _ = run("LosesItsTrace", "--json")
        self.assertEqual((status, json.loads(printed)[-2]["verdict"]), (1, "unreadable trace"))

    def test_nor_is_a_run_that_nobody_can_resume(self) -> None:
        status, printed, _ = run("NeverLoads", "--json")
        found = [outcome["verdict"] for outcome in json.loads(printed) if outcome["way"] == "right before"]
        self.assertEqual((status, found), (1, ["lost work", "lost work", "refused by name"]))

    def test_a_class_that_cannot_be_run(self) -> None:
        status, printed, complained = run("Broken")
        self.assertEqual((status, printed), (2, ""))
        self.assertIn("Broken: it could not be killed.", complained)


class TestLightning(unittest.TestCase):
    """In a process of its own, whose server imports Lightning once and not for each restart."""

    def kills(self, *options: str) -> str:
        command = [sys.executable, "-W", "ignore", "-m", "stopgo_mixins", "kills", *options]
        done = subprocess.run(
            [*command, "tests.kills.lightning_case.SavesLast"], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 1, done.stderr)  # of the very first checkpoint there is no last.ckpt yet
        return done.stdout

    @unittest.skipIf(REPEATS_VALIDATIONS, "the page shows the newest Lightning")
    def test_the_page_shows_what_is_printed(self) -> None:
        shown = next(block.text for block in blocks_of(PAGES["kills"]) if block.remark_after("kills of"))
        self.assertEqual(self.kills(), shown)

    @unittest.skipUnless(REPEATS_VALIDATIONS, "on the newest Lightning the page is compared")
    def test_the_loss_between_the_newest_file_and_last(self) -> None:
        outcomes: list[dict[str, Any]] = json.loads(self.kills("--json"))
        reason = "it went back to update 4, although checkpoints/step=6.ckpt is whole"
        passed_over = [found for found in outcomes if found["reason"] == reason]
        self.assertEqual([found["redone"] for found in passed_over], [2, 2])
        self.assertEqual(
            [(found["operation"], found["path"]) for found in passed_over],
            [("remove", "checkpoints/step=3.ckpt"), ("rename", "checkpoints/last.ckpt")],
        )
        self.assertEqual([found["verdict"] for found in outcomes[-2:]], ["exact", "refused, no file named"])


if __name__ == "__main__":
    unittest.main()
