"""A start of the resume phase from another seed, beside what the other phases recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class ReseededStart:
    """The first resume phase, started once more from another seed: up to its first batch, and not further.

    Attributes:
        seed: from which every phase starts.
        other: from which this one did.
        is_contract: whether the class says that every restart gets the seed of the run.
        trace: what was recorded.
        failure: why the phase did not come so far; empty if it did.
    """

    seed: int
    other: int
    is_contract: bool
    trace: Trace
    failure: str = ""

    def problem(self, resume_point: int) -> str | None:
        """Why it shows nothing beside a leg that was resumed from so many updates; ``None`` where it does."""
        if self.failure:
            return self.failure
        loaded = self.trace.events("checkpoint_loaded")
        if not loaded or loaded[-1]["update"] != resume_point:
            return f"it did not load the checkpoint of step {resume_point}"
        return None
