"""What the death of a process at a file event leaves of a directory."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stopgo_mixins.isolation.directory_tree import EMPTY, ContentStore, Entry, Tree
from stopgo_mixins.isolation.file_events import END, FileEvent

_ENDS_A_FILE = ("write", "truncate", "remove", "rename")
"""The operations after which nothing is left of what lay at their path."""


class Way(enum.Enum):
    """In which way the process dies."""

    BEFORE = "right before"
    TORN = "torn in half"
    UNSYNCED = "unsynced lost"


@dataclass(frozen=True)
class Death:
    """One death of the stop phase.

    Attributes:
        number: of the event among all of its run, counted from 1.
        event: at which it died.
        way: in which way.
        tree: what it leaves of the directory.
        damaged: the files of which it leaves less than was written.
    """

    number: int
    event: FileEvent
    way: Way
    tree: Tree
    damaged: tuple[str, ...] = ()


def deaths(events: Sequence[FileEvent], contents: ContentStore) -> Iterator[Death]:
    """All deaths at the events inside of the directory, in the order of the events; then one after the last of them."""
    for number, event in enumerate(events, start=1):
        if not event.is_inside:
            continue
        yield Death(number, event, Way.BEFORE, event.tree)
        if torn := _torn(events, number, contents):
            yield Death(number, event, Way.TORN, torn, (event.path,))
        lost = _without_unsynced(events, number)
        damaged = tuple(path for path, entry in lost.items() if entry.content != event.tree[path].content)
        yield Death(number, event, Way.UNSYNCED, lost, damaged)


def _torn(events: Sequence[FileEvent], number: int, contents: ContentStore) -> Tree | None:
    """Half of what is written to the file that is opened; ``None`` where nothing is."""
    event = events[number - 1]
    if event.operation not in ("write", "append"):
        return None
    touching = (later for later in events[number:] if later.operation == END or _touches(later, event.path))
    written = next(touching).tree.get(event.path)
    if written is None or written.kind != "file" or written.content == EMPTY:
        return None
    after = events[number].tree.get(event.path, written)
    old = event.tree.get(event.path)
    before = contents.content(old.content) if old is not None and event.operation == "append" else b""
    whole = contents.content(written.content)
    begin = len(before) if whole.startswith(before) else 0
    half = contents.add(whole[: begin + (len(whole) - begin) // 2])
    parents = {path: entry for path, entry in events[number].tree.items() if _is_parent(path, event.path)}
    return {**event.tree, **parents, event.path: replace(after, content=half)}


def _touches(event: FileEvent, path: str) -> bool:
    """Whether the file is, or may be, another one after an event."""
    touched = (event.path, event.source) if event.operation in (*_ENDS_A_FILE, "append") else ()
    return any(path == each or _is_parent(each, path) for each in touched if each)


def _is_parent(directory: str, path: str) -> bool:
    return directory == "." or path.startswith(f"{directory}/")


def _without_unsynced(events: Sequence[FileEvent], number: int) -> dict[str, Entry]:
    """Names as a journal keeps them, contents only as far as they were written through to the disk."""
    synced: dict[int, str] = {entry.inode: entry.content for entry in events[0].tree.values()}
    for event in events[: number - 1]:
        if event.operation == "fsync":
            synced[event.inode] = event.content
        elif event.operation in _ENDS_A_FILE and event.path in event.tree:
            synced.pop(event.tree[event.path].inode, None)
    tree = events[number - 1].tree
    return {
        path: replace(entry, content=synced.get(entry.inode, EMPTY)) if entry.kind == "file" else entry
        for path, entry in tree.items()
    }
