"""What became of every fault, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.report.survey_table import Shown, SurveyRow, SurveyTable, Tone
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.table import caught_by, counts

if TYPE_CHECKING:
    from stopgo_mixins.trials.outcome import Outcome
    from stopgo_mixins.trials.survey import Survey

_TONES = {
    Status.CAUGHT: Tone.GOOD,
    Status.SURVIVED: Tone.BAD,
    Status.NOT_TRIED: Tone.DOUBTFUL,
    Status.NOT_APPLICABLE: Tone.QUIET,
}


def table_of_faults(name: str, found: Survey, environment: Mapping[str, str]) -> SurveyTable:
    """The page.

    Args:
        name: of the class, with its module.
        found: what became of each fault.
        environment: on what that was seen.
    """
    tried = [outcome for outcome in found.outcomes if outcome.status is not Status.NOT_APPLICABLE]
    failing = ", ".join(found.failing_without_fault)
    caveat = [f"Without any fault these tests fail, so that they show nothing: {failing}."] if failing else []
    return SurveyTable(
        title=f"Faults of {name}",
        name=name,
        about="Each fault that a resume can have was injected, and the tests were asked whether they see it.",
        headline=counts(found.outcomes),
        wrong={
            f"{_named(outcome)}: {outcome.status.value}": outcome.reason
            for outcome in tried
            if outcome.status is not Status.CAUGHT
        },
        headings=("fault", "outcome", "caught by, first at: cause named"),
        rows=[_row(outcome) for outcome in tried],
        left={_named(outcome): outcome.reason for outcome in found.outcomes if outcome.status is Status.NOT_APPLICABLE},
        notes=[*caveat, *map(str, found.stricter)],
        found=found.as_dict(),
        environment=environment,
    )


def _named(outcome: Outcome) -> str:
    return f"{outcome.fault.id} {outcome.fault.name}"


def _row(outcome: Outcome) -> SurveyRow:
    shown = Shown(outcome.status.value, _TONES[outcome.status])
    return SurveyRow(_named(outcome), outcome.fault.what, [shown], caught_by(outcome))
