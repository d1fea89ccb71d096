"""Legs in processes of their own: how they end, what they show, and that they leave nothing."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

import psutil
import torch

from stopgo_mixins import Mode
from stopgo_mixins.isolation.launcher import _other_hash_seed
from stopgo_mixins.isolation.process_state import preserved_process_state
from tests.isolation import lightning_case
from tests.isolation import process_cases as cases
from tests.outcome import concrete, run
from tests.tiny import TinyMixin


class TestRuns(unittest.TestCase):
    def test_a_correct_run_passes(self) -> None:
        for case in (cases.Clean, cases.Outer.Nested):
            outcome = run(case)
            self.assertEqual((outcome.failed, outcome.error), ({}, ""))
            self.assertIn("parameters", outcome.passed)

    def test_one_of_lightning(self) -> None:
        outcome = run(lightning_case.InAProcess)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertIn("parameters", outcome.passed)

    def test_ended_by_a_signal_that_nobody_handles(self) -> None:
        for case in (cases.Interrupted, cases.Terminated):
            outcome = run(case)
            self.assertEqual((outcome.failed, outcome.error), ({}, ""))
            self.assertIn("number_of_steps", outcome.passed)

    def test_nor_would_that_signal_end_the_tests(self) -> None:
        outcome = run(concrete(cases.ProcessMixin, isolation="in_process", interruption=cases.Interrupted.interruption))
        self.assertIn(
            'nothing handles SIGKILL here, so it would end the tests: write isolation = "process"', outcome.error
        )

    def test_a_class_that_no_other_process_can_find(self) -> None:
        outcome = run(concrete(cases.ProcessMixin))
        self.assertRegex(
            outcome.error,
            r"TypeError: Process cannot be run in a process of its own: there is no Process in tests\.isolation\."
            r"process_cases\. Define it at the top of a module, or write isolation = \"in_process\"\.",
        )

    def test_what_isolation_can_be(self) -> None:
        with self.assertRaisesRegex(TypeError, r"Tiny\.isolation is 'thread': write 'process' or 'in_process'"):
            concrete(TinyMixin, isolation="thread")
        with self.assertRaisesRegex(TypeError, r"Tiny\.phase_timeout is -1: write a number of seconds above 0"):
            concrete(TinyMixin, phase_timeout=-1)


class TestEndings(unittest.TestCase):
    def error(self, case: Any) -> str:
        outcome = run(case)
        self.assertEqual(outcome.passed, set())
        self.assertIn(f"PhaseError: {case.__name__}: the resume phase failed: ", outcome.error)
        return outcome.error

    def test_an_exception(self) -> None:
        error = self.error(cases.Raises)
        self.assertIn("failed: ValueError: the data are gone", error)
        self.assertIn("here is the resume phase", error)
        self.assertIn("process_cases.py", error)  # the traceback of the other process

    def test_exits(self) -> None:
        self.assertIn("failed: SystemExit: 0", self.error(cases.Exits))
        ended = "its process ended with exit status {0} (as os._exit({0}) does) before the phase was over"
        self.assertIn(ended.format(0), self.error(cases.ExitsAtOnce))
        self.assertIn(ended.format(3), self.error(cases.ExitsAtOnceWith3))

    def test_signals(self) -> None:
        self.assertIn(
            "its process was killed by SIGKILL, as the kernel does when memory is", self.error(cases.IsKilled)
        )
        crashed = self.error(cases.Crashes)
        self.assertIn("its process was killed by SIGSEGV", crashed)
        self.assertIn("Fatal Python error: Segmentation fault", crashed)

    def test_a_hang(self) -> None:
        error = self.error(cases.Hangs)
        self.assertIn("it did not end within phase_timeout = 10.0 seconds, and was killed", error)
        self.assertIn("in wait_for_a_rank_that_never_comes", error)

    def test_skips(self) -> None:
        self.assertIn("failed: SkipTest: no more data", self.error(cases.SkipsInTraining))
        self.assertIn("failed: SkipTest: no checkpoint", self.error(cases.SkipsInResume))
        self.assertIn("the continuous phase failed: SkipTest: takes too long", run(cases.SkipsInReference).error)
        outcome = run(cases.SkipsInSetup)
        self.assertEqual((outcome.passed, outcome.error), (set(), ""))
        self.assertIn("no data set here", str(outcome.skipped))

    def test_in_one_process_os_exit_and_skips_end_no_suite(self) -> None:
        for case, message in (
            (cases.ExitsAtOnce, "failed: SystemExit: os._exit(0) was called"),
            (cases.SkipsInTraining, "failed: SkipTest: no more data"),
        ):
            outcome = run(concrete(case, isolation="in_process"))
            self.assertEqual(outcome.passed, set())
            self.assertIn(message, outcome.error)

    def test_a_reference_that_fails_ends_the_legs(self) -> None:
        self.assertIn("the continuous phase failed: ValueError: the reference fails", run(cases.ReferenceFails).error)


class TestProcessState(unittest.TestCase):
    """What a real restart loses, and a resume phase in the process of the stop phase does not."""

    def test_a_fresh_process_shows_it(self) -> None:
        for case in (*cases.HELD_BY_THE_USER, *cases.PUT_BACK, *cases.OF_THE_HASH_SEED):
            with self.subTest(case.__name__):
                apart = run(case)
                self.assertEqual(apart.error, "")
                self.assertIn("train_input", apart.failed)

    def test_one_process_names_what_the_user_holds(self) -> None:
        for case, change in cases.HELD_BY_THE_USER.items():
            with self.subTest(case.__name__):
                case.reset()  # an earlier run in this process has left something
                together = run(concrete(case, isolation="in_process"))
                self.assertEqual((together.failed, together.error), ({}, ""))
                reason = together.skipped_for["process_state"]
                self.assertIn("NOT VERIFIED: before the resume, training changed what only this process holds", reason)
                self.assertRegex(reason, rf"\n    tests\.isolation\.process_cases\.{change}\n")
                self.assertIn('Write isolation = "process"', reason)

    def test_what_is_put_back_is_lost_in_one_process_as_well(self) -> None:
        for case in cases.PUT_BACK:
            together = run(concrete(case, isolation="in_process"))
            self.assertIn("train_input", together.failed)
            self.assertIn("process_state", together.passed)

    def test_what_the_suite_has_set_goes_along(self) -> None:
        with preserved_process_state():
            torch.set_flush_denormal(True)
            outcome = run(cases.SuiteSwitch)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_one_process_cannot_show_what_the_hash_seed_decides(self) -> None:
        for case in cases.OF_THE_HASH_SEED:
            together = run(concrete(case, isolation="in_process"))
            self.assertEqual((together.failed, together.error), ({}, ""))
            self.assertIn("process_state", together.passed)

    def test_is_a_failure_where_evidence_is_required(self) -> None:
        case = concrete(cases.ModuleGlobal, isolation="in_process", require_evidence=True)
        failed = run(case, ["process_state"]).failed
        self.assertIn("tests.isolation.process_cases.SCALE[0]: 1.", failed["process_state"])
        self.assertIn("(a failure because require_evidence is set)", failed["process_state"])


class Leaves(cases.ProcessMixin, unittest.TestCase):
    """Sets what it should not."""

    @classmethod
    def train(cls, mode: Mode) -> None:
        os.environ["LEFT_BY_A_PHASE"] = mode.value
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        super().train(mode)


ENDING = (
    *(cases.Clean, cases.Raises, cases.Exits, cases.ExitsAtOnceWith3, cases.IsKilled, cases.SkipsInSetup),
    *(cases.Terminated, cases.ReferenceFails),
)


class TestNothingIsLeft(unittest.TestCase):
    def test_however_a_class_ends(self) -> None:
        for case in ENDING:
            run(case)  # the server stays until this process ends, and so does what is imported first
            before = self.state()
            run(case)
            with self.subTest(case.__name__):
                self.assertEqual(self.state(), before)

    def test_however_a_class_ends_in_one_process(self) -> None:
        for case in (cases.Clean, cases.Raises, cases.Exits, cases.ExitsAtOnce, cases.SkipsInTraining, Leaves):
            together = concrete(case, isolation="in_process")
            run(together)
            before = self.state()
            run(together)
            with self.subTest(case.__name__):
                self.assertEqual(self.state(), before)

    def state(self) -> dict[str, object]:
        process = psutil.Process()
        runs = Path(tempfile.gettempdir()).glob("stopgo-*")
        names = {case.__name__ for case in (*ENDING, Leaves)}
        return {
            "children": sorted(child.pid for child in process.children(recursive=True)),
            "threads": threading.active_count(),
            "environment": dict(os.environ),
            "ports": [found.laddr for found in process.net_connections() if found.status == psutil.CONN_LISTEN],
            "open files": sorted(found.path for found in process.open_files()),
            "signal handlers": [signal.getsignal(number) for number in signal.valid_signals()],
            "directories": sorted(path for path in runs if path.name.split("-")[1] in names and _is_mine(path)),
        }

    def test_the_hash_seed_is_another_one(self) -> None:
        self.assertNotEqual(_other_hash_seed(), os.environ.get("PYTHONHASHSEED"))


def _is_mine(path: Path) -> bool:
    return path.stat().st_uid == os.getuid()


if __name__ == "__main__":
    unittest.main()
