"""Sees every file event of this process and of those that it forks; for a process that is made for a phase, and dies.

What Python does to files is told by its audit hooks, which cannot be taken away again. What is written without Python
knowing, by torch's and safetensors' own writers, and what is written through to the disk, is told by wrappers.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from stopgo_mixins.isolation.directory_tree import take
from stopgo_mixins.isolation.file_events import END, FileEvent, FileEventLog

_BEGINS_ANEW = os.O_TRUNC | os.O_EXCL
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class FileWatch:
    """Writes down each file event, and how the directory was right before it.

    Args:
        directory: what is watched.
        log: where the events go.
        said: the log that the run keeps of itself, whose size tells how far it is.
        dies_at: the number of the event before which the process is to die, if any.
    """

    def __init__(self, directory: Path, log: FileEventLog, said: Path, dies_at: int | None = None) -> None:
        self._directory = directory.resolve()
        self._log, self._said, self._dies_at = log, said, dies_at
        self._busy = threading.local()
        self._ended = False

    def start(self) -> None:
        """Watches from now on, until the process ends or :meth:`end` is called."""
        sys.addaudithook(self._audit)
        _call_before(torch.serialization._open_zipfile_writer_file, "__init__", self._torch_opens)
        for name in ("fsync", "fdatasync"):
            _call_before(os, name, self._syncs)
        if importlib.util.find_spec("safetensors"):
            import safetensors.torch

            _call_before(safetensors.torch, "serialize_file", self._safetensors_writes)

    def end(self) -> None:
        """Writes down how the directory is in the end, and watches no longer."""
        self._see(END)
        self._ended = True

    # Those who tell

    def _audit(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "open":
            self._opens(*args)
        elif name in _OPERATIONS and not self._ended:
            _OPERATIONS[name](self, *args)

    def _opens(self, path: Any, _mode: str | None, flags: int) -> None:
        if flags & _WRITES and isinstance(path, str | bytes) and not self._ended:
            self._see("write" if flags & _BEGINS_ANEW else "append", _target(path))

    def _torch_opens(self, _writer: object, name: str) -> None:
        if str(name).isascii():  # else Python opens it
            self._see("write", _target(name))

    def _safetensors_writes(self, _tensors: object, filename: Any, *_: object, **__: object) -> None:
        self._see("write", _target(filename))

    def _syncs(self, file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_file():
            self._see("fsync", str(path), synced=path)

    def _renames(self, source: Any, target: Any, source_dir: int, target_dir: int) -> None:
        self._see("rename", _path(target, target_dir), _path(source, source_dir))

    def _links(self, source: Any, target: Any, source_dir: int, target_dir: int = -1) -> None:
        self._see("link", _path(target, target_dir), _path(source, source_dir))

    def _links_symbolically(self, source: Any, target: Any, target_dir: int) -> None:
        self._see("link", _path(target, target_dir), os.fsdecode(source))

    def _removes(self, path: Any, directory: int) -> None:
        self._see("remove", _path(path, directory))

    def _removes_directory(self, path: Any, directory: int) -> None:
        self._see("rmdir", _path(path, directory))

    def _makes_directory(self, path: Any, _mode: int, directory: int) -> None:
        if not Path(_path(path, directory)).is_dir():  # else it will be told that there is one
            self._see("mkdir", _path(path, directory))

    def _truncates(self, path: Any, *_: object) -> None:
        if not isinstance(path, int):
            self._see("truncate", _target(path))

    # What is written down

    def _see(self, operation: str, path: str = "", source: str = "", *, synced: Path | None = None) -> None:
        inside = [self._inside(each) for each in (path, source) if each]
        if getattr(self._busy, "now", False) or not (any(inside) or synced or operation == END):
            return
        self._busy.now = True
        try:
            with self._log.locked():
                number = self._log.write(self._event(operation, path, source, synced))
        finally:
            self._busy.now = False
        if number == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _event(self, operation: str, path: str, source: str, synced: Path | None) -> FileEvent:
        contents = self._log.contents
        return FileEvent(
            operation,
            self._relative(path),
            self._relative(source),
            self._said.stat().st_size if self._said.exists() else 0,
            take(self._directory, contents),
            synced.stat().st_ino if synced else 0,
            contents.add_file(synced) if synced else "",
        )

    def _inside(self, path: str) -> bool:
        return _place(path).is_relative_to(self._directory)

    def _relative(self, path: str) -> str:
        if not path or not self._inside(path):
            return path
        return str(_place(path).relative_to(self._directory))


_OPERATIONS: dict[str, Callable[..., None]] = {
    "os.rename": FileWatch._renames,
    "os.link": FileWatch._links,
    "os.symlink": FileWatch._links_symbolically,
    "os.remove": FileWatch._removes,
    "os.rmdir": FileWatch._removes_directory,
    "os.mkdir": FileWatch._makes_directory,
    "os.truncate": FileWatch._truncates,
}
"""The events of Python's audit hooks."""


def _path(path: Any, directory: int) -> str:
    """An absolute path; one that is relative may be so to an open directory."""
    parent = f"/proc/self/fd/{directory}" if directory >= 0 else os.curdir
    return str(Path(parent).resolve() / os.fsdecode(path))


def _place(path: str) -> Path:
    """Where a name stands, which may be that of a link."""
    return Path(path).parent.resolve() / Path(path).name


def _target(path: Any) -> str:
    """The file that is written to, wherever links lead."""
    return os.path.realpath(os.fsdecode(path))


def _call_before(owner: Any, name: str, see: Callable[..., None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def seen(*args: Any, **kwargs: Any) -> Any:
        see(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, seen)
