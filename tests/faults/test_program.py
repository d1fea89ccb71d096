"""``python -m stopgo_mixins faults``: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from stopgo_mixins.__main__ import main
from stopgo_mixins.commands import faults as command
from stopgo_mixins.faults import ALL_FAULTS, SECOND_MOMENT_ZERO, DamageFile, Fault, Injection, Symptom
from stopgo_mixins.trials import survey
from stopgo_mixins.trials.stopped import stopped_class
from tests.faults import subjects

HARMLESS = Fault(id="F0", name="harmless", what="nothing", injection=Injection(), symptoms=(Symptom("rng_state"),))


def run(
    subject: str, *faults: Fault | str, json: bool = False, stricter: bool = False
) -> tuple[int | str | None, str, str]:
    """The exit status of the program for some faults, and what it printed to both streams.

    What only stricter runs show costs two more of them, so it has to be asked for.
    """
    tried = {index: fault if isinstance(fault, Fault) else ALL_FAULTS[fault] for index, fault in enumerate(faults)}
    printed, complained = io.StringIO(), io.StringIO()
    streams = (contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained))
    runs = {"stricter_runs": survey.stricter_runs if stricter else lambda *_: ()}
    with mock.patch.object(command, "ALL_FAULTS", tried), mock.patch.multiple(survey, **runs), streams[0], streams[1]:
        try:
            status: Any = main(["faults", f"tests.faults.subjects.{subject}", *(["--json"] if json else [])])
        except SystemExit as exit:
            status = exit.code
    return status, printed.getvalue(), complained.getvalue()


class TestTheStoppedClass(unittest.TestCase):
    def test_has_the_tests_of_the_class_and_no_other(self) -> None:
        names = unittest.defaultTestLoader.getTestCaseNames
        self.assertEqual(names(stopped_class(subjects.Plain)), names(subjects.Plain))


class TestWhatIsPrinted(unittest.TestCase):
    def test_caught_and_not_applicable_faults_are_a_success(self) -> None:
        status, printed, _ = run("Plain", "F33", "F17", "F58")
        self.assertEqual(
            printed.splitlines(),
            [
                "     fault                            outcome         caught by, first at: cause named",
                "F33  second moment zero               caught          test_optimizer_state, state 3: zeros",
                "F17  skip count ignores accumulation  not applicable",
                "        every update reads one micro-batch: let the trainer accumulate gradients.",
                "F58  no checkpoint                    caught          "
                "the resume phase: the error names the checkpoint",
                "",
                "2 caught, 0 survived, 1 not applicable, 0 not tried.",
            ],
        )
        self.assertEqual(status, 0)

    def test_a_survivor_is_none_and_has_its_reason(self) -> None:
        status, printed, _ = run("Plain", "F06", stricter=True)
        self.assertIn("survived\n        nothing has drawn from the stream 'python' before the resume point 3", printed)
        self.assertIn("Set resume_seed to another number than seed", " ".join(printed.split()))
        self.assertEqual(status, 1)

        self.assertIn("\n  resume_seed = 43: F06 is caught\n", printed)

    def test_what_only_fresh_processes_show(self) -> None:
        status, printed, _ = run("Warm", "F33", stricter=True)
        self.assertRegex(printed, r'isolation = "process": without any fault, .*test_train_output.* fail\n')
        self.assertIn("  resume_seed = 43: nothing more\n", printed)
        self.assertEqual(status, 0)

    def test_what_only_another_seed_shows(self) -> None:
        _, printed, _ = run("Drawing", "F33", stricter=True)
        self.assertRegex(printed, r"resume_seed = 43: without any fault, .*test_train_output.* fail\n")
        self.assertIn('  isolation = "process": nothing more\n', printed)

    def test_the_advice_helps(self) -> None:
        status, printed, _ = run("Reseeded", "F06", "F07", "F08")
        self.assertEqual((status, printed.count("test_rng_state, state 3: RNG not restored")), (0, 3), printed)

    def test_a_survivor_without_a_reason_says_so(self) -> None:
        status, printed, _ = run("Plain", HARMLESS)
        self.assertIn("No reason is known: the library itself does not see this fault.", printed)
        self.assertEqual(status, 1)

    def test_what_fails_without_a_fault_shows_nothing(self) -> None:
        status, printed, _ = run("Unrestored", "F08")
        self.assertRegex(printed, r"^Without any fault these tests fail, so that they show nothing below: test_\w+, ")
        self.assertIn("test_rng_state fails without any fault. Make it pass first.", printed)
        self.assertEqual(status, 1)

    def test_what_could_not_be_tried_is_no_success(self) -> None:
        broken = dataclasses.replace(HARMLESS, injection=DamageFile(lambda path: Path(path, "none").touch()))
        status, printed, _ = run("Plain", broken, "F33")
        self.assertRegex(printed, r"F0 +harmless +not tried\n +the injection failed: NotADirectoryError: ")
        self.assertIn("1 caught, 0 survived, 0 not applicable, 1 not tried.", printed)
        self.assertEqual(status, 1)

    def test_a_caught_fault_whose_cause_is_not_named(self) -> None:
        misnamed = Fault(
            id="F0",
            name="misnamed",
            what="",
            injection=SECOND_MOMENT_ZERO.injection,
            symptoms=(Symptom("train_input"),),
        )
        status, printed, _ = run("Plain", misnamed)
        self.assertRegex(printed, "caught +test_optimizer_state, state 3: not named; named: zeros")
        self.assertIn("1 caught (1 of them without its cause), 0 survived", printed)
        self.assertEqual(status, 0)


class TestJson(unittest.TestCase):
    def test_holds_all_that_was_seen(self) -> None:
        status, printed, _ = run("Plain", "F33", "F06", json=True)
        seen = json.loads(printed)
        self.assertEqual((status, seen["failing_without_fault"]), (1, []))
        caught, survived = seen["faults"]
        self.assertEqual((caught["id"], caught["status"], caught["cause_named"]), ("F33", "caught", True))
        self.assertEqual(caught["tests"][0], {"name": "test_optimizer_state", "place": "state 3"})
        self.assertIn({"name": "test_of_the_user", "place": ""}, caught["tests"])
        self.assertEqual(caught["root_causes"][0]["cause"], "zeros")
        self.assertEqual((survived["status"], survived["tests"]), ("survived", []))
        self.assertIn("resume_seed", survived["reason"])


class TestWhatCannotBeTried(unittest.TestCase):
    def assert_refused(self, subject: str, *expected: str) -> None:
        status, printed, complained = run(subject, "F33")
        self.assertEqual((status, printed), (2, ""))
        for text in expected:
            self.assertIn(text, complained)

    def test_a_class_that_is_not_there(self) -> None:
        self.assert_refused("Absent", "'tests.faults.subjects.Absent' cannot be imported", "has no attribute 'Absent'")

    def test_something_else_than_a_test_class(self) -> None:
        self.assert_refused("no_class", "is not a test class with a mixin of this library")
        self.assert_refused("TinyMixin", "is not a test class with a mixin of this library")

    def test_a_class_whose_phases_fail(self) -> None:
        self.assert_refused("Broken", "Broken: no fault could be tried.", "ValueError: no such layer")

    def test_a_class_that_is_skipped(self) -> None:
        self.assert_refused("Skipped", "Skipped: no fault could be tried.", "needs a GPU")


class TestTheCommand(unittest.TestCase):
    def test_needs_no_trainer_to_begin(self) -> None:
        code = "import sys, stopgo_mixins.__main__; sys.exit('lightning' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)

    def help_of(self, *program: str) -> str:
        done = subprocess.run([sys.executable, "-m", *program, "--help"], capture_output=True, text=True, check=True)
        return done.stdout

    def test_is_there(self) -> None:
        usage = "usage: python -m stopgo_mixins faults [-h] [--rank RANK] [--json] test_class"
        self.assertIn(usage, self.help_of("stopgo_mixins", "faults"))

    def test_is_there_under_the_name_of_the_package(self) -> None:
        self.assertEqual(self.help_of("stopgo_mixins.faults"), self.help_of("stopgo_mixins", "faults"))

    def test_is_listed(self) -> None:
        self.assertRegex(self.help_of("stopgo_mixins"), r"faults +try every fault that a resume can have")

    def test_without_a_command_says_what_it_needs(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as complained, self.assertRaises(SystemExit) as refused:
            main([])
        self.assertEqual(refused.exception.code, 2)
        self.assertIn("the following arguments are required: COMMAND", complained.getvalue())
