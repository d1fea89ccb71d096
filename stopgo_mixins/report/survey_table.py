"""The report of many trials of one class, such as of every fault, or of every death."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from stopgo_mixins.report.document import badge, card, document, facts, section
from stopgo_mixins.report.files import Report


class Tone(enum.Enum):
    """How an outcome is shown beside its word."""

    GOOD = "passed"
    BAD = "root"
    DOUBTFUL = "not-verified"
    QUIET = "quiet"


@dataclass(frozen=True)
class Shown:
    """An outcome, in a cell of its row.

    Attributes:
        word: in one or two words; empty where there was no such trial.
        tone: how it is shown.
    """

    word: str
    tone: Tone


@dataclass(frozen=True)
class SurveyRow:
    """A row of the table.

    Attributes:
        name: what was tried.
        about: more about it, in a sentence; may be empty.
        outcomes: one or more.
        remark: what else there is to say; may be empty.
    """

    name: str
    about: str
    outcomes: Sequence[Shown]
    remark: str = ""


@dataclass(frozen=True)
class SurveyTable:
    """What became of every trial.

    Attributes:
        title: what stands above everything.
        name: of the class, with its module.
        about: what was tried, in a sentence.
        headline: the outcome in a sentence.
        wrong: what goes unnoticed -> why; none where the class is as it should be.
        headings: of the columns: what was tried, each outcome, and the remark.
        rows: one for each thing that was tried.
        left: what was not tried -> why.
        notes: what else was seen.
        found: everything, for JSON.
        environment: on what it was tried, in words.
    """

    title: str
    name: str
    about: str
    headline: str
    wrong: Mapping[str, str]
    headings: Sequence[str]
    rows: Sequence[SurveyRow]
    left: Mapping[str, str]
    notes: Sequence[str]
    found: object
    environment: Mapping[str, str]

    def report(self) -> Report:
        """In all formats."""
        html = document(
            self.title, failed=bool(self.wrong), headline=self.headline, about=self.about, sections=self._sections()
        )
        return Report(html, self._json(), self._markdown())

    def _sections(self) -> Iterator[str]:
        if self.wrong:
            yield section("What goes unnoticed", *(card(title, [why]) for title, why in self.wrong.items()))
        if self.rows:
            yield section("What became of each", self._table())
        if self.notes:
            yield section("Beyond what the class asks for", *(f"<p>{escape(note)}</p>" for note in self.notes))
        if self.left:
            yield section("Not applicable", facts(self.left.items()))
        yield section("Where it was tried", facts(self.environment.items()))

    def _table(self) -> str:
        heads = "".join(f'<th role="columnheader" scope="col">{escape(heading)}</th>' for heading in self.headings)
        return (
            f'<table class="survey" role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
            f'<tbody role="rowgroup">{"".join(map(self._row, self.rows))}</tbody></table>'
        )

    def _row(self, row: SurveyRow) -> str:
        about = f'<span class="quiet">{escape(row.about)}</span>' if row.about else ""
        cells = "".join(map(_cell, self.headings[1:], row.outcomes))
        remark = f'<td role="cell" class="remark">{escape(row.remark)}</td>'
        return f'<tr role="row"><th role="rowheader" scope="row">{escape(row.name)}{about}</th>{cells}{remark}</tr>'

    def _json(self) -> str:
        found: dict[str, Any] = {
            "class": self.name,
            "failed": bool(self.wrong),
            "headline": self.headline,
            "found": self.found,
            "environment": dict(self.environment),
        }
        return json.dumps(found, indent=1) + "\n"

    def _markdown(self) -> str:
        wrong = [f"- **{title}**: {why}" for title, why in self.wrong.items()]
        return "\n".join(
            [
                f"### {'❌' if self.wrong else '✅'} {self.title}",
                "",
                f"{self.about} {self.headline}",
                "",
                *wrong,
                "",
                "",
            ]
        )


def _cell(heading: str, shown: Shown) -> str:
    if not shown.word:
        return '<td role="cell"></td>'
    return f'<td role="cell" data-heading="{escape(heading)}">{badge(shown.word, shown.tone.value)}</td>'
