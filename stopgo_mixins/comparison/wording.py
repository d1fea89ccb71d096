"""Words that several sentences share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.trace.record import Key, Record


def listed(paths: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 4 more``; the empty path is the recorded value itself."""
    shown = ", ".join(path or "the value" for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most} more"


def counted(number: float, what: str) -> str:
    """``1 batch``, ``2 batches``, or ``no batches``."""
    plural = "" if number == 1 else "es" if what.endswith("tch") else "s"
    return f"{f'{number:g}' if number else 'no'} {what}{plural}"


def listed_ranks(ranks: Sequence[int]) -> str:
    """``rank 1``, or ``ranks 1, 2``."""
    return f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"


def ranges(steps: Collection[int], most: int | None = None) -> str:
    """``{1, 2, 3, 7}`` as ``1-3, 7``; of more than ``most`` parts, the first ones and the last step."""
    found: list[list[int]] = []
    for step in sorted(steps):
        if found and step == found[-1][1] + 1:
            found[-1][1] = step
        else:
            found.append([step, step])
    parts = [str(low) if low == high else f"{low}-{high}" for low, high in found]
    if most is not None and len(parts) > most:
        parts = [*parts[: most - 1], f"... up to {found[-1][1]}"]
    return ", ".join(parts) or "none"


def place(mismatch: Mismatch) -> str:
    """``state 4 (restored)``, or ``step 5 (the first after the resume at 4), micro-batch 0``.

    A run that was resumed more than once has several resume phases: the later ones are named.
    """
    key, leg = mismatch.key, mismatch.leg
    which = f" of {leg.name}" if leg.number > 1 else ""
    if key.moment.is_state:
        return f"state {key.step}{which}" + (" (restored)" if mismatch.is_restored else "")
    is_next = key.step == leg.start + 1 and not leg.is_first
    note = f" (the first after the resume at {leg.start})" if is_next else ""
    moment = key.moment.value.replace("micro_batch", "micro-batch").replace("_", " ")
    where = f", {moment} {'.'.join(map(str, key.ordinal))}" if key.ordinal else ""
    return f"step {key.step}{which}{note}{where}"


def step_of(key: Key) -> str:
    """``state 4``, or ``step 5``."""
    return f"{'state' if key.moment.is_state else 'step'} {key.step}"


def form(record: Record) -> str:
    """Everything about a record but its numbers: ``tensor float32[3, 4] cpu``."""
    leaf = record.leaf
    return f"{leaf.kind} {leaf.dtype}{list(leaf.shape)} {leaf.device}".strip() if leaf.dtype else leaf.kind
