"""The same small suite under ``python -m unittest`` and under pytest, in processes of their own.

Importing torch and Lightning takes seconds, so that one process makes all calls that need no workers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[2]

MODULES = {
    "team.py": """
import unittest
from stopgo_mixins import AtStep
from tests.tiny import TinyMixin


class TeamMixin(TinyMixin, abstract=True):
    num_steps = 3
    val_check_interval = 1
    interruption = AtStep(1)


class TeamCase(TeamMixin, unittest.TestCase, abstract=True):
    pass
""",
    "test_good.py": """
import unittest
from team import TeamCase, TeamMixin


class TestGood(TeamMixin, unittest.TestCase):
    metrics = {"validation_schedule": None}  # Lightning 2.4 repeats the validation

    def test_by_hand(self):
        pass


class TestCaseOfTheTeam(TeamCase):
    metrics = {"validation_schedule": None}
""",
    "test_more.py": """
import unittest
from parameterized import parameterized_class
from stopgo_mixins import RngStateCallback
from team import TeamMixin


@parameterized_class([{"lr": 1e-2}, {"lr": 1e-3}])
class TestRates(TeamMixin, unittest.TestCase):
    metrics = {"validation_schedule": None}


class TestForgetful(TeamMixin, unittest.TestCase):
    metrics = {"validation_schedule": None}

    @classmethod
    def get_default_callbacks(cls):
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            del registered[RngStateCallback]
        return callbacks
""",
    "test_exit.py": """
import sys
import unittest
from stopgo_mixins import Mode
from team import TeamMixin


class TestExit(TeamMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode):
        if mode is Mode.RESUME:
            sys.exit(0)
        return super().setup_model(mode)
""",
}

CALLS = """
import sys, unittest, pytest

def run_unittest(*arguments, **settings):
    loader = unittest.TestLoader()  # the default one would keep the patterns of the call before
    unittest.main(None, argv=["unittest", *arguments], testLoader=loader, **settings)

def next_call():
    print("--- next call", flush=True)

sys.stderr = sys.stdout
run_unittest("test_good", exit=False, warnings="default")
next_call()
run_unittest("-v", "-k", "rng_state", "test_good", exit=False)
next_call()
run_unittest("-v", "test_good.TestGood.test_train_loss", exit=False)
next_call()
for selection in (["-k", "rng_state", "test_good.py"], ["test_good.py::TestGood::test_train_loss"]):
    pytest.main(["-v", "--color=no", "-p", "no:cacheprovider", *selection])
    next_call()
run_unittest("-v", "test_good", "test_more", "test_exit")
"""

WITH_WORKERS = ["-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadscope"]

OK, FAILED, SKIPPED, ERROR = "ok", "FAILED", "skipped", "ERROR"
_WORDS = {
    "ok": OK,
    "FAIL": FAILED,
    "skipped": SKIPPED,
    "PASSED": OK,
    "FAILED": FAILED,
    "SKIPPED": SKIPPED,
    "ERROR": ERROR,
}


def of_unittest(output: str) -> dict[str, str]:
    """``class.test -> how it ended`` from the lines of ``unittest -v``."""
    # Python 3.10 does not repeat the test's name behind that of the class.
    # and a docstring stands in a line of its own.
    pattern = r"^(test_\w+) \(\w+\.(\w+)(?:\.test_\w+)?\)(?:\n.+)? \.\.\. (\w+)"
    lines = re.finditer(pattern, output, re.MULTILINE)
    return {f"{line[2]}.{line[1]}": _WORDS[line[3]] for line in lines}


def of_pytest(output: str) -> dict[str, str]:
    """The same from the lines of ``pytest -v``, with or without workers."""
    lines = re.finditer(r"^(?:\[gw\d\] \[ *\d+%\] (\w+) )?\w+\.py::(\w+)::(test_\w+)(?: (\w+))?", output, re.MULTILINE)
    return {f"{line[2]}.{line[3]}": _WORDS[line[1] or line[4]] for line in lines if line[1] or line[4]}


class TestRunners(unittest.TestCase):
    directory: ClassVar[str]
    passing: ClassVar[str]
    selected: ClassVar[dict[str, list[dict[str, str]]]]
    whole: ClassVar[dict[str, subprocess.CompletedProcess[str]]]

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        for name, source in {**MODULES, "pytest.ini": "[pytest]\n"}.items():
            Path(cls.directory, name).write_text(source)
        calls, workers = cls.start("-c", CALLS), cls.start(*WITH_WORKERS)
        cls.passing, *selected, last = calls.stdout.split("--- next call\n")
        by_unittest, by_pytest = selected[:2], selected[2:]
        cls.selected = {
            "unittest": [of_unittest(output) for output in by_unittest],
            "pytest": [of_pytest(output) for output in by_pytest],
        }
        calls.stdout = last
        cls.whole = {"unittest": calls, "pytest": workers}

    @classmethod
    def start(cls, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([cls.directory, str(ROOT)]),
            "PYTHONWARNINGS": "ignore:The pynvml package is deprecated:FutureWarning",  # of torch, when it is imported
        }
        environment.pop("PYTEST_ADDOPTS", None)
        return subprocess.run(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cls.directory,
            env=environment,
            check=False,
        )

    def test_a_passing_run_prints_only_what_unittest_prints(self) -> None:
        self.assertRegex(self.passing, r"\A[.s]+\n-{70}\nRan \d+ tests in [\d.]+s\n\nOK \(skipped=\d+\)\n\Z")

    def test_a_pattern_and_an_id_select_tests(self) -> None:
        for runner, selected in self.selected.items():
            with self.subTest(runner):
                by_pattern = {"TestGood.test_rng_state": OK, "TestCaseOfTheTeam.test_rng_state": OK}
                self.assertEqual(selected, [by_pattern, {"TestGood.test_train_loss": OK}])

    def test_both_find_the_same_tests_with_the_same_results(self) -> None:
        found = of_unittest(self.whole["unittest"].stdout)
        under_pytest = of_pytest(self.whole["pytest"].stdout)
        exited = {name for name in under_pytest if name.startswith("TestExit.")}
        self.assertEqual({under_pytest.pop(name) for name in exited}, {ERROR})
        self.assertEqual(found, under_pytest)
        self.assertEqual(
            {name.partition(".")[0] for name in found},
            {"TestGood", "TestCaseOfTheTeam", "TestRates_0", "TestRates_1", "TestForgetful"},
        )
        self.assertEqual({name.partition(".")[0] for name, end in found.items() if end == FAILED}, {"TestForgetful"})
        self.assertEqual(found["TestForgetful.test_rng_state"], FAILED)
        self.assertEqual(found["TestForgetful.test_train_input"], OK)

    def test_a_phase_that_exits_with_status_zero_fails_the_run(self) -> None:
        for runner in ("unittest", "pytest"):
            with self.subTest(runner):
                self.assertEqual(self.whole[runner].returncode, 1)
                self.assertIn("TestExit: the resume phase failed: SystemExit: 0", self.whole[runner].stdout)

    def test_no_frame_of_the_library_stands_in_a_traceback(self) -> None:
        for runner in ("unittest", "pytest"):
            with self.subTest(runner):
                self.assertRegex(self.whole[runner].stdout, r"test_exit\.py\b")
                self.assertNotRegex(self.whole[runner].stdout, r"stopgo_mixins/[\w/]+\.py\b(:\d|\", line)")

    def test_loadscope_keeps_each_class_on_one_worker(self) -> None:
        workers: dict[str, set[str]] = {}
        for worker, case in re.findall(r"^\[(gw\d)\].*::(\w+)::", self.whole["pytest"].stdout, re.MULTILINE):
            workers.setdefault(case, set()).add(worker)
        self.assertEqual({case: len(found) for case, found in workers.items()}, dict.fromkeys(workers, 1))
        self.assertEqual(set().union(*workers.values()), {"gw0", "gw1"})


if __name__ == "__main__":
    unittest.main()
