"""Patterns of what several ranks hold together: shards that were put together wrongly, and replicas that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.numbers import values_of
from stopgo_mixins.comparison.wording import listed
from stopgo_mixins.spread import ON_RANK
from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence

MOST_SLICES = 2**14
"""Along a longer dimension, nobody looks."""


def replicas_differ(divergence: Divergence) -> Diagnosis | None:
    """A rank restored something else than rank 0, which has the right thing."""
    unexpected = [found.key.path for found in divergence.here if found.difference is Difference.UNEXPECTED]
    if len(unexpected) < len(divergence.here) or not all(ON_RANK in path for path in unexpected):
        return None
    sentence = f"rank 0 has at {divergence.where} what it should, and others that train replicas of the same have not"
    return Diagnosis(Cause.REPLICAS_DIFFER, f"{sentence}: {listed(unexpected)}")


def slices_elsewhere(divergence: Divergence, mismatch: Mismatch) -> str | None:
    """Each slice of the tensor, along one of its dimensions, is one of the right tensor, but not in its place."""
    actual, expected = (values_of(found) if found else None for found in (mismatch.actual, mismatch.expected))
    if actual is None or expected is None or not (divergence.is_state and actual.is_floating_point()):
        return None
    for dimension in (each for each, size in enumerate(actual.shape) if size <= MOST_SLICES):
        ours, theirs = _slices(actual, dimension), _slices(expected, dimension)
        if len(set(ours)) > 1 and set(ours) <= set(theirs):
            moved = next(index for index, (own, right) in enumerate(zip(ours, theirs, strict=True)) if own != right)
            return (
                f"its slices along dimension {dimension} are those of the continuous run in other places: "
                f"{moved} holds what {theirs.index(ours[moved])} should"
            )
    return None


def _slices(values: Tensor, dimension: int) -> Sequence[str]:
    return [
        digest_bytes(tensor_bytes(each.clone(memory_format=torch.contiguous_format)))
        for each in values.unbind(dimension)
    ]
