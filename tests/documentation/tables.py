"""The tables of a page."""

from __future__ import annotations

import re

from tests.documentation.pages import PAGES


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    text = PAGES[page].read_text(encoding="utf-8")
    match = re.search(rf"^#+ {heading}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise LookupError(f"{page} has no section {heading!r}")
    return match[1]


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the rows of a section's table."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
