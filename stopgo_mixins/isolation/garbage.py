"""Frees what a phase leaves behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class _AfterFailure:
    """Whether the last phase has failed: until that was reported, its error holds all that the phase had made."""

    pending = False


@contextmanager
def collected_garbage() -> Iterator[None]:
    """Collects the reference cycles that the body leaves behind; without it the memory of the phases would add up.

    What was there before is frozen meanwhile: walking over a quarter of a million objects of imported packages takes
    longer than a small phase. What a failed body leaves is collected before the next one.
    """
    if _AfterFailure.pending:
        gc.collect()
    _AfterFailure.pending = True
    gc.freeze()
    try:
        yield
        _AfterFailure.pending = False
    finally:
        gc.collect()
        gc.unfreeze()
