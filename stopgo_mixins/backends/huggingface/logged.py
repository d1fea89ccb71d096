"""What of a trainer's logs two equal runs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CLOCK = ("_runtime", "_per_second", "_preparation_time", "_compilation_time")
"""How the names of what was timed end."""

_STATE = ("epoch", "num_input_tokens_seen", "total_flos")
"""What is added to every log, and stands in ``loop_progress``."""

_SUMMARY = {"train_runtime", "train_loss"}
"""What is logged at the very end of ``train()``, about nothing but that call: its time, and the loss since it began."""


def without_clock(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs without what was timed, and what is no news."""
    return {name: value for name, value in logs.items() if not name.endswith(_CLOCK) and name not in _STATE}


def is_summary(logs: Mapping[str, Any]) -> bool:
    """Whether they are those of the whole call of ``train()``."""
    return logs.keys() >= _SUMMARY
