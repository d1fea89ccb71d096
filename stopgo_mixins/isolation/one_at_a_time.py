"""Lets one process of this machine do something at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Waits until no other process of this user is in such a body, such as another worker of pytest-xdist."""
    path = Path(tempfile.gettempdir()) / f"stopgo-{what}-{os.getuid()}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, and when the process dies
        yield
