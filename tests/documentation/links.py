"""Links between pages, and to their headings."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_LINK = re.compile(r"\]\((?P<file>[^):#\s]*)(?:#(?P<heading>[^)\s]+))?\)")
_MADE_BY_SPHINX = {"genindex"}


def dead_links(page: Path) -> list[str]:
    """The links of a page that lead to no file of the checkout, or to no heading of it, but for those to the web."""
    links = [(match["file"], match["heading"]) for match in _LINK.finditer(_without_blocks(page))]
    return sorted(
        file + (f"#{heading}" if heading else "")
        for file, heading in links
        if not _leads_somewhere(page, file, heading)
    )


def _leads_somewhere(page: Path, file: str, heading: str | None) -> bool:
    target = page.parent / file if file else page
    if file in _MADE_BY_SPHINX:
        return True
    return target.exists() and (heading is None or heading in _headings(target))


@cache
def _headings(page: Path) -> set[str]:
    found = re.findall(r"^#+ (.*)$", _without_blocks(page), re.MULTILINE)
    included = re.findall(r"^```\{include\} (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    own = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}
    return own.union(*(_headings(page.parent / path) for path in included))


def _without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
