"""Keeps what a phase prints out of the test output, and one line of progress on a terminal."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def captured_output(path: Path) -> Iterator[None]:
    """Sends standard output and error, of Python and of native code, to the end of a file."""
    with path.open("a", encoding="utf-8", buffering=1) as file, contextlib.ExitStack() as stack:
        for descriptor in (1, 2):
            stack.enter_context(redirected_descriptor(descriptor, file.fileno()))
        stack.enter_context(contextlib.redirect_stdout(file))
        stack.enter_context(contextlib.redirect_stderr(file))
        yield


@contextlib.contextmanager
def redirected_descriptor(descriptor: int, target: int) -> Iterator[None]:
    """Lets a file descriptor point to another's file; does nothing where the process has it closed."""
    _flush()
    try:
        original = os.dup(descriptor)
    except OSError:
        yield
        return
    try:
        os.dup2(target, descriptor)
        yield
    finally:
        _flush()
        os.dup2(original, descriptor)
        os.close(original)


def _flush() -> None:
    ctypes.CDLL(None).fflush(None)  # what native code printed waits in buffers of the C library
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            # A stream that is closed has nothing left to flush.
            with contextlib.suppress(ValueError, OSError):
                stream.flush()


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows a line on the terminal while the body runs; shows nothing where standard error is no terminal."""
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    stream.write(f"\r{text}\x1b[K")
    stream.flush()
    try:
        yield
    finally:
        stream.write("\r\x1b[K")
        stream.flush()


def last_lines(path: Path, count: int = 15) -> list[str]:
    """The end of a text file; nothing where there is none."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
