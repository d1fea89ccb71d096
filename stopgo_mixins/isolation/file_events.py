"""What a process did to the files of a directory, one event after the other, and how the directory was before each."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from stopgo_mixins.isolation.directory_tree import EMPTY, ContentStore, Entry, Tree

END = "end"
"""The operation of the last event: nothing is done any more."""


@dataclass(frozen=True)
class FileEvent:
    """Something that is about to be done to a file.

    Attributes:
        operation: ``"write"`` a file from its beginning, ``"append"`` to it or change it in place, ``"rename"``,
            ``"remove"``, ``"mkdir"``, ``"rmdir"``, ``"link"``, ``"truncate"``, ``"fsync"``; or :data:`END`.
        path: relative to the directory, absolute outside of it; of a rename or a link the new one.
        source: of a rename or a link the other path.
        log_size: bytes of the log that the run keeps of itself, which tells how far it was.
        tree: the directory right before.
        inode: of a file that is written through to the disk.
        content: the digest of the same.
    """

    operation: str
    path: str
    source: str
    log_size: int
    tree: Tree
    inode: int = 0
    content: str = EMPTY

    @property
    def is_inside(self) -> bool:
        """Whether it is about a file of the directory, and not one that may be moved there later."""
        return not Path(self.path).is_absolute()


class FileEventLog:
    """The events, in a file to which several processes may write.

    Args:
        directory: where the file lies, beside the contents of all files.
    """

    def __init__(self, directory: Path) -> None:
        self.contents = ContentStore(directory / "contents")
        self._path = directory / "events.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lets no other process or thread write meanwhile."""
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def write(self, event: FileEvent) -> int:
        """Adds an event to the log, which is to be locked, and returns its number, counted from 1."""
        with self._path.open("a+", encoding="utf-8") as file:
            file.seek(0)
            number = 1 + sum(1 for _ in file)
            file.write(json.dumps(asdict(event)) + "\n")
        return number

    def read(self) -> list[FileEvent]:
        """All events."""
        with self._path.open(encoding="utf-8") as file:
            return [_event(line) for line in file]


def _event(line: str) -> FileEvent:
    fields = json.loads(line)
    tree = {path: Entry(**entry) for path, entry in fields.pop("tree").items()}
    return FileEvent(**fields, tree=tree)
