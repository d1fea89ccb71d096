"""What became of the run after each death, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from stopgo_mixins.kills.death import Way
from stopgo_mixins.kills.table import as_dict, cell, counts, described, reasons
from stopgo_mixins.kills.verdict import Survival
from stopgo_mixins.report.survey_table import Shown, SurveyRow, SurveyTable, Tone

if TYPE_CHECKING:
    from stopgo_mixins.kills.runner import DeathOutcome

_NONE = Shown("", Tone.QUIET)


def table_of_kills(name: str, outcomes: Sequence[DeathOutcome], environment: Mapping[str, str]) -> SurveyTable:
    """The page.

    Args:
        name: of the class, with its module.
        outcomes: of all deaths, in the order of their file events.
        environment: on what they were seen.
    """
    events = [list(deaths) for _, deaths in groupby(outcomes, key=lambda outcome: outcome.death.number)]
    return SurveyTable(
        title=f"Kills of {name}",
        name=name,
        about="The stop phase died at each file event of its saves, and was restarted as its trainer does.",
        headline=counts(outcomes),
        wrong={_named(outcome): outcome.verdict.reason for outcome in outcomes if outcome.is_failure},
        headings=("file event", *(way.value for way in Way), "why"),
        rows=[_row(deaths) for deaths in events],
        left={},
        notes=(),
        found=[as_dict(outcome) for outcome in outcomes],
        environment=environment,
    )


def _named(outcome: DeathOutcome) -> str:
    event, way = described(outcome.death.event), outcome.death.way.value
    return f"{outcome.death.number} {event}, {way}: {outcome.verdict.survival.value}"


def _row(deaths: Sequence[DeathOutcome]) -> SurveyRow:
    first, by_way = deaths[0], {outcome.death.way: outcome for outcome in deaths}
    return SurveyRow(
        f"{first.death.number} {described(first.death.event)}",
        f"after {first.updates} updates",
        [_shown(by_way[way]) if way in by_way else _NONE for way in Way],
        "; ".join(reasons(deaths)),
    )


def _shown(outcome: DeathOutcome) -> Shown:
    survival = outcome.verdict.survival
    if outcome.is_failure:
        return Shown(cell(outcome.verdict), Tone.BAD)
    tone = Tone.DOUBTFUL if survival is Survival.REFUSED_UNNAMED else Tone.QUIET
    return Shown(cell(outcome.verdict), Tone.GOOD if survival is Survival.EXACT else tone)
