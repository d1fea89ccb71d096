"""However a class was found, a fresh process finds it again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]

CASE = """
import unittest
from tests.isolation.process_cases import ProcessMixin

class TestHere(ProcessMixin, unittest.TestCase):
    metrics = {name: None for name in ("buffers", "extra_state")}

if __name__ == "__main__":
    unittest.main()
"""

RELATIVE = """
import unittest
from .base import Base

class TestHere(Base, unittest.TestCase):
    pass
"""

PARAMETERIZED = """
import unittest
from parameterized import parameterized_class
from tests.isolation.process_cases import ProcessMixin

class Base(ProcessMixin, abstract=True):
    pass

@parameterized_class([{"seed": 1}, {"seed": 2}])
class TestHere(Base, unittest.TestCase):
    pass
"""


class FindingCase(unittest.TestCase):
    def suite(self, **files: str) -> Path:
        """A folder outside of this repository; ``package__name`` stands for ``package/name.py``."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for name, text in files.items():
            path = Path(directory.name, *name.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return Path(directory.name)

    def assert_passes(self, directory: Path, *arguments: str, classes: int = 1) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}
        environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST")}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        printed = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, printed)
        passed = [line for line in printed.splitlines() if "test_parameters" in line and re.search("ok|PASSED", line)]
        self.assertEqual(len(passed), classes, printed)
        self.assertNotIn("FAIL", printed)


class TestFindingClasses(FindingCase):
    def test_unittest_by_path_and_by_discovery(self) -> None:
        directory = self.suite(test_here=CASE)
        self.assert_passes(directory, "-m", "unittest", "-v", "test_here.py")
        self.assert_passes(directory, "-m", "unittest", "discover", "-v")

    def test_the_main_module(self) -> None:
        self.assert_passes(self.suite(test_here=CASE), "test_here.py", "-v")

    def test_a_relative_import(self) -> None:
        base = "from tests.isolation.process_cases import ProcessMixin\n\nclass Base(ProcessMixin, abstract=True): ..."
        directory = self.suite(suite____init__="", suite__base=base, suite__test_here=RELATIVE)
        self.assert_passes(directory, "-m", "unittest", "-v", "suite.test_here")

    def test_parameterized_classes(self) -> None:
        directory = self.suite(test_here=PARAMETERIZED)
        self.assert_passes(directory, "-m", "unittest", "-v", "test_here", classes=2)

    def test_pytest_and_its_import_modes(self) -> None:
        directory = self.suite(deep__test_here=CASE)
        for mode in ("prepend", "importlib"):
            with self.subTest(mode):
                self.assert_passes(directory, "-m", "pytest", "-v", f"--import-mode={mode}", "-p", "no:cacheprovider")

    def test_pytest_xdist(self) -> None:
        directory = self.suite(test_here=CASE)
        self.assert_passes(directory, "-m", "pytest", "-v", "-n", "1", "--dist", "loadscope", "-p", "no:cacheprovider")


if __name__ == "__main__":
    unittest.main()
