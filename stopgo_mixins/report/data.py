"""The report as JSON, for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.wording import ranges
from stopgo_mixins.report.closer_look import closer_look_data

if TYPE_CHECKING:
    from stopgo_mixins.report.contents import Contents
    from stopgo_mixins.report.row import Row


def data(contents: Contents) -> str:
    """The whole file."""
    examination = contents.subject.examination
    found = {
        "class": contents.subject.name,
        "failed": contents.failed,
        "headline": contents.headline,
        "num_steps": examination.terms.num_steps,
        "resumed_at": list(contents.columns.resumed_at),
        "problems": contents.problems,
        "metrics": {row.metric: _metric(row) for row in contents.rows},
        "closer_look": closer_look_data(contents),
        "not_observed": list(contents.not_observed),
        "environment": dict(contents.subject.environment),
    }
    return json.dumps(found, indent=1) + "\n"


def _metric(row: Row) -> dict[str, Any]:
    """Its steps as ranges, such as ``"1-9, 12"``, by state."""
    return {
        "verdict": row.verdict.value,
        "role": row.role and row.role.value,
        "cause": row.diagnosis and row.diagnosis.cause.value,
        "first": row.first or None,
        "steps": {state.value: ranges(steps) for state, steps in row.steps.items() if steps},
        "text": row.text,
    }
