"""Where reports are written."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.report.contents import Contents
from stopgo_mixins.report.data import data
from stopgo_mixins.report.page import page
from stopgo_mixins.report.summary import summary
from stopgo_mixins.trace.digest import digest_bytes

if TYPE_CHECKING:
    from stopgo_mixins.report.subject import Subject

REPORT_VARIABLE = "STOPGO_REPORT"
"""Names a directory in which every class leaves a report."""

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file to which a CI run on GitHub appends what it shows on its page."""

_LONGEST = 200


def report_file(directory: Path, name: str) -> Path:
    """Where the report of a class goes: a file of its own, whatever its name holds."""
    safe = re.sub(r"[^\w.]+", "_", name, flags=re.ASCII)[:_LONGEST]
    return directory / (f"{safe}.html" if safe == name else f"{safe}-{digest_bytes(name.encode())[:8]}.html")


def step_summary() -> Path | None:
    """The file that GitHub shows on the page of a CI run; ``None`` elsewhere."""
    path = os.environ.get(SUMMARY_VARIABLE)
    return Path(path) if path else None


def write_report(subject: Subject, path: Path | None) -> None:
    """Writes the report of a class as HTML and, beside it, as JSON, and as Markdown where GitHub asks for it.

    Args:
        subject: what it is about.
        path: of the HTML file; ``None`` for none.

    Raises:
        TraceError: when a trace is damaged.
    """
    contents = Contents.of(subject)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(contents), encoding="utf-8")
        path.with_suffix(".json").write_text(data(contents), encoding="utf-8")
    if on_page := step_summary():
        with on_page.open("a", encoding="utf-8") as file:
            file.write(summary(contents))
