"""The phases of a trial on several ranks, in whose processes faults reach into the trainer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import override

from stopgo_mixins.isolation.request import PhaseRequest


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialRequest(PhaseRequest):
    """A phase of a class that stands before the test class.

    Attributes:
        stand_before: makes it of the test class, given its attributes.
        given: those.
    """

    stand_before: Callable[[Any, Mapping[str, object]], Any]
    given: Mapping[str, object]

    @override
    def find_class(self) -> Any:
        return self.stand_before(super().find_class(), self.given)
