"""What each fault must do to the tests of the class into which it is injected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults import Fault
from stopgo_mixins.trials.outcome import Outcome, Status
from stopgo_mixins.trials.survey import survey

VALIDATION = {"valid_output", "valid_loss", "logged_metrics"}
LEARNING = {"train_output", "train_loss", "gradients", "optimizer_state", "parameters", "buffers", *VALIDATION}
"""What differs once a single update has gone wrong."""

Root = tuple[str, str, Cause]
"""Metric, where it differs first, and the cause that is named; for a cause of the whole run the first two are empty."""


@dataclass(frozen=True)
class Row:
    """A fault and what must be seen of it.

    Attributes:
        fault: which one.
        roots: all root causes, in order.
        first: where further metrics differ first.
        fails: whose tests fail beside those of ``roots`` and ``first``; no other test fails.
        says: what the sentence of one of the causes mentions.
    """

    fault: Fault
    roots: Collection[Root]
    fails: Collection[str] = ()
    first: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


class RowsMixin:
    """Injects the faults of all rows into one test class, whose stop and continuous phases run once.

    Each row becomes a test, named after its fault.
    """

    model: ClassVar[Any]
    rows: ClassVar[Collection[Row]]

    _outcomes: ClassVar[Mapping[str, Outcome]]
    _failing_without_fault: ClassVar[Collection[str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for row in cls.rows:
            setattr(cls, f"test_{row.fault.id}", lambda self, row=row: self.check(row))

    @classmethod
    def setUpClass(cls) -> None:
        found = survey(cls.model, [row.fault for row in cls.rows])
        cls._outcomes = {outcome.fault.id: outcome for outcome in found.outcomes}
        cls._failing_without_fault = found.failing_without_fault

    def test_nothing_fails_without_a_fault(self: Any) -> None:
        self.assertEqual(self._failing_without_fault, ())

    def check(self: Any, row: Row) -> None:
        outcome = self._outcomes[row.fault.id]
        self.assertIs(outcome.status, Status.CAUGHT, outcome.reason)
        self.assertEqual(outcome.missing, ())
        found = [(cause.metric, cause.place, cause.cause) for cause in outcome.root_causes]
        self.assertEqual(found, list(row.roots))
        places = {test.name.removeprefix("test_"): test.place for test in outcome.tests}
        expected = {**{metric: place for metric, place, _ in row.roots if metric}, **row.first}
        self.assertEqual({metric: places.get(metric) for metric in expected}, expected)
        self.assertEqual(places.keys() - expected.keys(), set(row.fails) - expected.keys())
        sentences = [cause.sentence for cause in outcome.root_causes]
        if row.says:
            self.assertIn(row.says, "\n".join(sentences))
