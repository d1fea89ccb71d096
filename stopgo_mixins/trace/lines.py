"""The lines of a trace: whether they can be read, and whether they are still those that were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.trace.digest import digest_bytes, digest_file

PHASE = "phase.jsonl"
"""What happened to the run, one event on a line."""

END_MARK = "phase_end"
"""The event that is the last of a phase which came to its end."""

Event = dict[str, Any]
"""One line of ``phase.jsonl``: ``{"event": name, ...}``."""


def digests(directory: Path) -> dict[str, str]:
    """File -> digest, of the lines of all metrics and of the events so far."""
    return {path.name: digest_file(path) for path in sorted(directory.glob("*.jsonl"))}


def changed(directory: Path, lines: list[str]) -> list[str]:
    """The files that are others than they were when the end mark was written; none where there is no such mark.

    Args:
        directory: of the trace.
        lines: of its events.
    """
    ends = [line for line in lines if read_event(line, directory)["event"] == END_MARK]
    if not ends:
        return []
    written: dict[str, str] = read_event(ends[0], directory)["files"]
    others = "".join(line for line in lines if line is not ends[0])
    found = {**digests(directory), PHASE: digest_bytes(others.encode())}
    return sorted(name for name in written.keys() | found.keys() if written.get(name) != found.get(name))


def read_event(line: str, directory: Path) -> Event:
    """The event that a line holds.

    Raises:
        TraceError: when it holds none.
    """
    event = decoded(line, directory / PHASE)
    if not isinstance(event, dict) or "event" not in event:
        raise damaged(line, directory / PHASE)
    return event


def decoded(line: str, path: Path) -> Any:
    """What a line of a file holds.

    Raises:
        TraceError: when it is damaged.
    """
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        raise damaged(line, path) from None


def damaged(line: str, path: Path) -> TraceError:
    """Says that a line of a file cannot be read."""
    return TraceError(f"{path} is damaged: {line.strip()[:80]!r} cannot be read. Run the test again.")
