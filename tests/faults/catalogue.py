"""The whole catalogue of faults, tried on one class: what is caught must be so where and as the catalogue says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from stopgo_mixins.faults import ALL_FAULTS, Fault, checkpoint_files, shards
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey

OF_FILES = {
    found.id for family in (checkpoint_files, shards) for found in vars(family).values() if isinstance(found, Fault)
}
"""What happens to single files of a directory."""


OF_EVERY_KIND = ("F01", "F08", "F16a", "F33", "F42", "F44", "F54", "F56", "F60")
"""One for each way in which a fault reaches a run, for a backend that shares its hooks with another one."""


class CatalogueMixin:
    """Tries faults on a class.

    Attributes:
        subject: the class.
        not_applicable: the faults of which the subject has nothing that they could break.
        tried: which faults; those of single files are tried by tests of their own.
    """

    subject: ClassVar[Any]
    not_applicable: ClassVar[Collection[str]] = ()
    tried: ClassVar[Collection[str]] = tuple(fault for fault in ALL_FAULTS if fault not in OF_FILES)

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
