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

PICTURE = Path(__file__).with_name("report.png")
SIZE = "1280,1120"


def report_of(case: type[unittest.TestCase], directory: str) -> Path:
    """Runs a test class and returns its report."""
    os.environ["STOPGO_REPORT"] = directory
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(unittest.TestResult())
    (page,) = Path(directory).glob("*.html")
    return page


def photograph(page: Path, picture: Path, profile: str) -> None:
    """Takes a picture of the upper part of a page."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
    where = (f"--user-data-dir={profile}", f"--window-size={SIZE}", f"--screenshot={picture}", page.as_uri())
    subprocess.run(["chromium", *flags, *where], check=True, capture_output=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as reports, tempfile.TemporaryDirectory() as profile:
        photograph(report_of(TestDigitsAsUsuallyWritten, reports), PICTURE, profile)
