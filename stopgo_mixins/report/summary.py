"""The report in a few lines of Markdown, for the page of a CI run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.report.closer_look import closer_look_line
from stopgo_mixins.report.row import Role

if TYPE_CHECKING:
    from stopgo_mixins.report.closer_look import closer_look_line
    from stopgo_mixins.report.contents import Contents
from stopgo_mixins.report.row import Row


def summary(contents: Contents) -> str:
    """The lines: the outcome, and a table of what did not pass."""
    return (
        "\n".join([f"### {'❌' if contents.failed else '✅'} {contents.subject.name}", "", *_body(contents), ""]) + "\n"
    )


def _body(contents: Contents) -> Iterator[str]:
    yield contents.headline
    for test, problem in contents.problems.items():
        yield f"\n**{test}**: {problem}"
    yield from closer_look_line(contents)
    rows = [row for row in contents.rows if row.verdict in (Verdict.FAILED, Verdict.NOT_VERIFIED)]
    if rows:
        yield from ("", "| metric | test | first at | cause |", "| --- | --- | --- | --- |", *map(_line, rows))


def _line(row: Row) -> str:
    ends = row.role.value if row.role else row.verdict.value
    ends = f"**{ends}**" if row.role is Role.ROOT_CAUSE else ends
    cells = (row.metric, ends, row.first, row.diagnosis.cause.value if row.diagnosis else "")
    return f"| {' | '.join(cells)} |"
