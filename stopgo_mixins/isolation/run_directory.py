"""Where the checkpoints and traces of a class lie."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

KEEP_VARIABLE = "STOPGO_KEEP"
"""Names a directory in which traces and checkpoints are kept instead of a temporary one."""


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


RunDirectory = tempfile.TemporaryDirectory[str] | KeptDirectory


def make_run_directory(name: str) -> RunDirectory:
    """A new directory for one class: temporary, or inside the directory that ``STOPGO_KEEP`` names."""
    safe = re.sub(r"\W+", "_", name)
    keep = os.environ.get(KEEP_VARIABLE)
    if keep:
        return KeptDirectory(Path(keep).resolve(), safe)
    return tempfile.TemporaryDirectory(prefix=f"stopgo-{safe}-", ignore_cleanup_errors=True)
