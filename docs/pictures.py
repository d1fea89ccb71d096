"""Makes the pictures of the documentation from real runs: ``python docs/pictures.py`` (needs Chromium)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from examples.demo import TestDigitsAsUsuallyWritten
from stopgo_mixins.__main__ import main as stopgo_mixins

PICTURES = Path(__file__).parent


def report_of(case: type[unittest.TestCase], directory: Path) -> Path:
    """Runs a test class and returns its report."""
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(unittest.TestResult())
    return directory / f"{case.__module__}.{case.__qualname__}.html"


def faults_of(case: str, directory: Path) -> Path:
    """Injects every fault into a test class and returns the table."""
    stopgo_mixins(["faults", case])
    return directory / f"{case}.faults.html"


def photograph(page: Path, name: str, size: str) -> None:
    """Takes a picture of the upper part of a page."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
    with tempfile.TemporaryDirectory() as profile:
        where = (f"--user-data-dir={profile}", f"--window-size={size}", f"--screenshot={PICTURES / name}")
        subprocess.run(["chromium", *flags, *where, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as reports:
        os.environ["STOPGO_REPORT"] = reports
        photograph(report_of(TestDigitsAsUsuallyWritten, Path(reports)), "report.png", "1280,1120")
        photograph(faults_of("examples.test_digits.TestDigits", Path(reports)), "faults.png", "1280,980")
