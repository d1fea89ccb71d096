"""Where the checkpoints and traces of a class lie."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

KEEP_VARIABLE = "STOPGO_KEEP"
"""Names a directory in which traces and checkpoints are kept instead of a temporary one."""


MAX_NAME = 80
"""Characters of a class's name that a directory's name may have; file systems allow 255 bytes for all of it."""


class KeptDirectory:
    """Stands in for a ``TemporaryDirectory`` whose contents stay.

    Attributes:
        name: the path.
    """

    def __init__(self, parent: Path, name: str) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.name = tempfile.mkdtemp(prefix=f"{name}-", dir=parent)

    def cleanup(self) -> None:
        """Keeps everything."""


class BorrowedDirectory:
    """Stands in for the directory of another process, which will clean it up.

    Attributes:
        name: the path.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def cleanup(self) -> None:
        """Leaves it to whom it belongs."""


RunDirectory = tempfile.TemporaryDirectory[str] | KeptDirectory | BorrowedDirectory


def make_run_directory(name: str) -> RunDirectory:
    """A new directory for one class: temporary, or inside the directory that ``STOPGO_KEEP`` names."""
    safe = directory_name(name)
    keep = os.environ.get(KEEP_VARIABLE)
    if keep:
        return KeptDirectory(Path(keep).resolve(), safe)
    return tempfile.TemporaryDirectory(prefix=f"stopgo-{safe}-", ignore_cleanup_errors=True)


def directory_name(name: str) -> str:
    """The name of a class as that of a directory: its beginning, and nothing but ASCII letters, digits and ``_``."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII)[:MAX_NAME]


@contextlib.contextmanager
def stood_in_for(directory: Path, stand_in: Path) -> Iterator[None]:
    """Puts another directory into the place of one for a while; it is gone then, with all that was written to it."""
    aside = stand_in.with_name(f"{stand_in.name}-aside")
    directory.rename(aside)
    stand_in.rename(directory)
    try:
        yield
    finally:
        shutil.rmtree(directory)
        aside.rename(directory)
