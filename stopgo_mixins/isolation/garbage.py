"""Frees what a phase leaves behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_garbage() -> Iterator[None]:
    """Collects the reference cycles that the body leaves behind; without it the memory of the phases would add up.

    What was there before is frozen meanwhile: walking over a quarter of a million objects of imported packages takes
    longer than a small phase.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
