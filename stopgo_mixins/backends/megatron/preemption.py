"""The interruption by a signal, as a scheduler sends it, answered by NeMo's preemption callback."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import ClassVar

from stopgo_mixins.interruption import AtStep, Means, Progress


@dataclass(frozen=True)
class Preemption(AtStep):
    """A signal in the middle of a step; NeMo's ``PreemptionCallback`` ends that step, saves and exits.

    It saves before the validation of the same step, if one is due, so that the resumed run is without it.

    Args:
        step: the update during which the signal comes, from 1 to ``num_steps - 1``.
        by: which signal.

    Raises:
        ValueError: for anything else.
    """

    only_of: ClassVar[str | None] = "MegatronStopAndGoMixin"

    by: Means = field(default=signal.SIGTERM, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.by, signal.Signals):
            raise ValueError(f"Preemption(by={self.by!r}): by is the signal to send, such as signal.SIGTERM.")

    def is_due(self, progress: Progress) -> bool:
        """Never, because it is not the bridge that ends the run."""
        return False

    def is_passed(self, progress: Progress) -> bool:
        """Whether the update was made."""
        return AtStep.is_due(self, progress)
