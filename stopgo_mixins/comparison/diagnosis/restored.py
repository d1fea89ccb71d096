"""Patterns of restored state: what a tensor or entry equals instead of what was saved."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.counters import lost_counter
from stopgo_mixins.comparison.diagnosis.shards import slices_elsewhere
from stopgo_mixins.comparison.numbers import equal_elements, values_of
from stopgo_mixins.comparison.wording import form, listed
from stopgo_mixins.trace.digest import digest_bytes
from stopgo_mixins.trace.snapshot import EMPTY

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Record

LOWER_PRECISIONS = (torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2)
"""In which a checkpoint may have kept a copy."""


def copy_of_rank_0(divergence: Divergence) -> Diagnosis | None:
    """Another rank holds what rank 0 should."""
    first = divergence.first
    if first.rank == 0 or 0 not in divergence.runs.reference.ranks:
        return None
    of_rank_0 = {record.key: record.leaf for record in divergence.runs.reference.ranks[0].records(divergence.metric)}
    if any(found.actual is None or of_rank_0.get(found.key) != found.actual.leaf for found in divergence.here):
        return None
    paths = listed([found.key.path for found in divergence.here])
    sentence = f"on rank {first.rank}, {paths} equals what rank 0 has at {divergence.where}"
    return Diagnosis(Cause.COPY_OF_RANK_0, sentence, independent=True)


def structure_changed(divergence: Divergence) -> Diagnosis | None:
    """Entries are missing or unexpected, or of another type, dtype, shape or device."""
    kinds: dict[Difference, list[Mismatch]] = defaultdict(list)
    for mismatch in divergence.here:
        kinds[mismatch.difference].append(mismatch)
    missing = [mismatch.key.path for mismatch in kinds.pop(Difference.MISSING, [])]
    unexpected = [
        found.key.path for found in kinds.pop(Difference.UNEXPECTED, []) if not _stands_for_nothing(found, missing)
    ]
    kinds.pop(Difference.VALUE, None)
    if any(path.startswith("['.aliases']") for path in missing):
        sentence = f"tied weights came apart: {listed([p for p in missing if p.startswith('[')])} is gone"
        return Diagnosis(Cause.STRUCTURE_CHANGED, f"{sentence}, and {listed(unexpected)} is a tensor of its own")
    if missing and not unexpected and divergence.is_state:
        return Diagnosis(Cause.STATE_MISSING, f"the interrupted run has no {listed(missing)} at {divergence.where}")
    if missing or unexpected:
        sentence = (
            f"the interrupted run has {listed(unexpected) or 'nothing'} instead of {listed(missing) or 'nothing'}"
        )
        return Diagnosis(Cause.STRUCTURE_CHANGED, sentence) if divergence.is_state else None
    for mismatch in (mismatch for found in kinds.values() for mismatch in found):
        if mismatch.actual and mismatch.expected:
            sentence = f"{mismatch.key.path or 'the value'} is {form(mismatch.actual)} instead of "
            return Diagnosis(Cause.STRUCTURE_CHANGED, sentence + form(mismatch.expected))
    return None


def _stands_for_nothing(mismatch: Mismatch, missing: list[str]) -> bool:
    """Whether it is ``None``, or empty, where the continuous run has what is missing."""
    nothing = mismatch.actual is not None and mismatch.actual.leaf.kind in ("None", EMPTY)
    return nothing and any(path.startswith(mismatch.key.path) for path in missing)


def what_it_equals(divergence: Divergence) -> Diagnosis | None:
    """The commonest of: lost counter, initial value, zeros, rounded, copy of another tensor, state of another step."""
    found: dict[Cause, list[tuple[str, str]]] = defaultdict(list)
    for mismatch in (each for each in divergence.here if each.difference is Difference.VALUE):
        for recognise in _RECOGNISED:
            if sentence := recognise(divergence, mismatch):
                found[_RECOGNISED[recognise]].append((mismatch.key.path, sentence))
                break
    if not found:
        return None
    cause = max(found, key=lambda name: len(found[name]))
    paths, sentences = zip(*found[cause], strict=True)
    others = len(divergence.here) - len(paths)
    rest = f"; {others} more differ otherwise" if others else ""
    return Diagnosis(cause, f"{listed(paths)}: {sentences[0]}{rest}")


_Recogniser = Callable[["Divergence", "Mismatch"], "str | None"]


def _initial_value(divergence: Divergence, mismatch: Mismatch) -> str | None:
    start = divergence.start.get(mismatch.key.path) if divergence.is_restored else None
    if start is None or mismatch.actual is None or start.leaf != mismatch.actual.leaf:
        return None
    return "the value of state 0, as if it were not loaded from the checkpoint"


def _zeros(divergence: Divergence, mismatch: Mismatch) -> str | None:
    actual = mismatch.actual
    if actual is None or actual.leaf.kind != "tensor" or mismatch.expected is None:
        return None
    return "all zeros" if actual.leaf.digest == digest_bytes(bytes(_size(actual))) else None


def _size(record: Record) -> int:
    dtype: torch.dtype = getattr(torch, record.leaf.dtype)
    return dtype.itemsize * math.prod(record.leaf.shape)


def _rounded(divergence: Divergence, mismatch: Mismatch) -> str | None:
    actual, expected = (values_of(found) if found else None for found in (mismatch.actual, mismatch.expected))
    if actual is None or expected is None or not actual.is_floating_point():
        return None
    for low in LOWER_PRECISIONS:
        if bool(equal_elements(actual, expected.to(low).to(expected.dtype)).all()):
            return f"equal to the continuous run's values after rounding them to {str(low).removeprefix('torch.')}"
    return None


def _copy_of_another(divergence: Divergence, mismatch: Mismatch) -> str | None:
    actual = mismatch.actual
    if actual is None or actual.leaf.kind != "tensor" or math.prod(actual.leaf.shape) <= 1 or not divergence.is_state:
        return None
    if actual.leaf not in divergence.tensors:
        return None
    metric, path = divergence.tensors[actual.leaf]
    own = "" if metric == divergence.metric else f" of {metric}"
    return f"equal to {path}{own} in the continuous run"


def _state_of_another_step(divergence: Divergence, mismatch: Mismatch) -> str | None:
    if mismatch.actual is None or not divergence.is_state:
        return None
    reached = max((leg.reached for leg in divergence.runs.before(divergence.leg)), default=0)
    for record in divergence.expected[mismatch.key.path]:
        has_been = record.key.moment.is_state and record.key.step <= max(reached, mismatch.key.step)
        if has_been and record.leaf == mismatch.actual.leaf:
            return f"equal to state {record.key.step} of the continuous run"
    return None


_RECOGNISED: dict[_Recogniser, Cause] = {
    lost_counter: Cause.COUNTER_LOST,
    _initial_value: Cause.INITIAL_VALUE,
    _zeros: Cause.ZEROS,
    _rounded: Cause.ROUNDED,
    _copy_of_another: Cause.COPY_OF_ANOTHER,
    _state_of_another_step: Cause.STATE_OF_ANOTHER_STEP,
    slices_elsewhere: Cause.SHARDS_MISPLACED,
}
"""In order: the first that fits names the cause of a path."""
