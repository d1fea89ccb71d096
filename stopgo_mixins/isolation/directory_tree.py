"""A directory as it was at some moment: taken quickly again and again, and put back exactly."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stopgo_mixins.trace.digest import digest_bytes

EMPTY = ""
"""In place of a digest: a file without content."""

_SETTLED = 100_000_000
"""Nanoseconds after which a file that changes again has another time of change; clocks of file systems are coarse."""


@dataclass(frozen=True)
class Entry:
    """A file, a directory or a symbolic link.

    Attributes:
        kind: ``"file"``, ``"directory"`` or ``"link"``.
        content: the digest of a file, or where a link points to.
        modified: the time of the last change, in nanoseconds.
        inode: which file it is, whatever its name.
    """

    kind: str
    content: str = EMPTY
    modified: int = 0
    inode: int = 0


Tree = Mapping[str, Entry]
"""Path relative to the directory -> what lies there; ``"."`` is the directory itself."""


class ContentStore:
    """The contents of files, each kept once under its digest.

    Args:
        directory: where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._known: dict[tuple[int, int, int], str] = {}

    def add(self, content: bytes) -> str:
        """Keeps a content, and returns its digest."""
        if not content:
            return EMPTY
        digest = digest_bytes(content)
        path = self._directory / digest
        if not path.exists():
            path.write_bytes(content)
        return digest

    def add_file(self, path: Path) -> str:
        """Keeps the content of a file as it is now; one that has not changed since is not read again."""
        status = path.stat()
        version = status.st_ino, status.st_size, status.st_mtime_ns
        if version in self._known:
            return self._known[version]
        digest = self.add(path.read_bytes())
        if time.time_ns() - status.st_mtime_ns > _SETTLED:
            self._known[version] = digest
        return digest

    def content(self, digest: str) -> bytes:
        """What was kept."""
        return (self._directory / digest).read_bytes() if digest else b""


def take(directory: Path, store: ContentStore) -> dict[str, Entry]:
    """What lies in a directory now."""
    found = {".": _entry(directory, store)}
    for path in _walk(directory):
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            found[str(path.relative_to(directory))] = _entry(path, store)
    return found


def _walk(directory: Path) -> Iterator[Path]:
    for parent, directories, files in os.walk(directory):
        yield from (Path(parent, name) for name in (*directories, *files))


def _entry(path: Path, store: ContentStore) -> Entry:
    status = path.lstat()
    modified, inode = status.st_mtime_ns, status.st_ino
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", str(path.readlink()), modified, inode)
    if stat.S_ISDIR(status.st_mode):
        return Entry("directory", EMPTY, modified, inode)
    return Entry("file", store.add_file(path), modified, inode)


def put_back(tree: Tree, directory: Path, store: ContentStore) -> None:
    """Makes a directory what it was: names, contents, and when each was changed; all else in it is removed."""
    shutil.rmtree(directory)
    for name, entry in sorted(tree.items()):
        path = directory / name
        if entry.kind == "directory":
            path.mkdir()
        elif entry.kind == "link":
            path.symlink_to(entry.content)
        else:
            path.write_bytes(store.content(entry.content))
    for name, entry in sorted(tree.items(), reverse=True):  # a directory last: what is made inside changes its time
        os.utime(directory / name, ns=(entry.modified, entry.modified), follow_symlinks=False)
