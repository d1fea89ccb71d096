"""Where reports are written."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from stopgo_mixins.trace.digest import digest_bytes

REPORT_VARIABLE = "STOPGO_REPORT"
"""Names a directory in which every class leaves a report."""

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file to which a CI run on GitHub appends what it shows on its page."""

_LONGEST = 200


@dataclass(frozen=True)
class Report:
    """What there is to say, in three formats.

    Attributes:
        html: one file that needs no other.
        json: the same for other programs.
        markdown: the outcome in a few lines, for the page of a CI run.
    """

    html: str
    json: str
    markdown: str

    def write(self, path: Path | None) -> None:
        """Writes it as HTML and, beside it, as JSON, and as Markdown where GitHub asks for it.

        Args:
            path: of the HTML file; ``None`` for none.
        """
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.html, encoding="utf-8")
            path.with_suffix(".json").write_text(self.json, encoding="utf-8")
        if on_page := step_summary():
            with on_page.open("a", encoding="utf-8") as file:
                file.write(self.markdown)


def report_directory() -> Path | None:
    """Where reports are asked for; ``None`` where they are not."""
    directory = os.environ.get(REPORT_VARIABLE)
    return Path(directory).resolve() if directory else None


def report_file(directory: Path, name: str) -> Path:
    """Where the report of a class goes: a file of its own, whatever its name holds."""
    safe = re.sub(r"[^\w.]+", "_", name, flags=re.ASCII)[:_LONGEST]
    return directory / (f"{safe}.html" if safe == name else f"{safe}-{digest_bytes(name.encode())[:8]}.html")


def step_summary() -> Path | None:
    """The file that GitHub shows on the page of a CI run; ``None`` elsewhere."""
    path = os.environ.get(SUMMARY_VARIABLE)
    return Path(path) if path else None
