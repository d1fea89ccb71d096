"""What became of an injected fault."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.cause import Cause
    from stopgo_mixins.faults.fault import Fault


class Status(enum.Enum):
    """What became of a fault."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    NOT_APPLICABLE = "not applicable"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class FailedTest:
    """A test that fails because of a fault.

    Attributes:
        name: of the method, such as ``"test_rng_state"``.
        place: where its metric differs first, such as ``"state 9"``, of several ranks
            with the rank; empty where it compares none.
    """

    name: str
    place: str


THE_PHASE = FailedTest("the resume phase", "")
"""Stands for a phase that failed before any test could be asked."""


@dataclass(frozen=True)
class NamedCause:
    """A root cause of the run with the fault, as its failing tests name it.

    Attributes:
        metric: which one diverged; empty where the cause concerns the run as a whole.
        place: where it did so first, such as ``"state 9"``, of several ranks with the rank; empty likewise.
        cause: the name of the diagnosis, ``None`` where no known pattern fits.
        sentence: what the failing tests say about it.
    """

    metric: str
    place: str
    cause: Cause | None
    sentence: str


@dataclass(frozen=True)
class Outcome:
    """What became of one fault.

    Attributes:
        fault: which one.
        status: whether any test failed because of it.
        tests: those that failed, and find nothing wrong without a fault; the one that shows the fault itself stands
            first.
        root_causes: those that the failing tests name.
        reason: why it survived and what would give the tests power, why it is not applicable, or what failed before any
            test could be asked.
        missing: what the failing tests should have shown and did not, one sentence each.
    """

    fault: Fault
    status: Status
    tests: tuple[FailedTest, ...] = ()
    root_causes: tuple[NamedCause, ...] = ()
    reason: str = ""
    missing: tuple[str, ...] = ()

    @property
    def cause_named(self) -> bool:
        """Whether the tests failed as they should, and a root cause bears the name of what was injected."""
        return self.status is Status.CAUGHT and not self.missing

    def as_dict(self) -> dict[str, Any]:
        """Everything but the fault's injection, for JSON."""
        return {
            "id": self.fault.id,
            "fault": self.fault.name,
            "what": self.fault.what,
            "status": self.status.value,
            "tests": [vars(test) for test in self.tests],
            "cause_named": self.cause_named,
            "missing": list(self.missing),
            "root_causes": [vars(root_cause) for root_cause in self.root_causes],
            "reason": self.reason,
        }
