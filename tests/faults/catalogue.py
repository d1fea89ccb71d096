"""The whole catalogue of faults, tried on one class: what is caught must be so where and as the catalogue says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from stopgo_mixins.faults import ALL_FAULTS
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey


class CatalogueMixin:
    """Tries faults on a class.

    Attributes:
        subject: the class.
        not_applicable: the faults of which the subject has nothing that they could break.
        tried: which faults.
    """

    subject: ClassVar[Any]
    not_applicable: ClassVar[Collection[str]] = ()
    tried: ClassVar[Collection[str]] = tuple(ALL_FAULTS)

    def test_catalogue(self: Any) -> None:
        found = survey(self.subject, [ALL_FAULTS[fault] for fault in self.tried])
        self.assertEqual(found.failing_without_fault, ())
        others = {outcome.fault.id: outcome for outcome in found.outcomes if outcome.status is not Status.CAUGHT}
        reasons = {fault: outcome.reason for fault, outcome in others.items()}
        applicable = {fault for fault, outcome in others.items() if outcome.status is not Status.NOT_APPLICABLE}
        self.assertEqual(applicable, set(), reasons)
        self.assertEqual(others.keys(), set(self.not_applicable), reasons)
        not_named = {outcome.fault.id: outcome.missing for outcome in found.outcomes if outcome.missing}
        self.assertEqual(not_named, {})
