"""Keeps what a phase prints out of the test output, and one line of progress on a terminal."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    StreamHandler = logging.StreamHandler[TextIO]


@contextlib.contextmanager
def captured_output(path: Path) -> Iterator[None]:
    """Sends standard output and error, of Python and of native code, and log messages to the end of a file."""
    with path.open("a", encoding="utf-8", buffering=1) as file, contextlib.ExitStack() as stack:
        for descriptor in (1, 2):
            stack.enter_context(redirected_descriptor(descriptor, file.fileno()))
        stack.enter_context(redirected_logging(file))
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


@contextlib.contextmanager
def redirected_logging(stream: TextIO) -> Iterator[None]:
    """Lets logging handlers write to another stream.

    A handler keeps the stream that was the standard error when it was made, so redirecting that does not reach it.
    One that is made in the body goes on with the standard error of now.
    Those that write to files are left alone; those that collect in memory, as pytest's do, collect nothing meanwhile.
    """
    standard_error = sys.stderr
    originals = {
        handler: _set_stream(handler, io.StringIO() if isinstance(handler.stream, io.StringIO) else stream)
        for handler in _stream_handlers()
    }
    try:
        yield
    finally:
        for handler, original in originals.items():
            if original is not None:
                _set_stream(handler, original)
        for handler in _stream_handlers():
            if handler.stream is stream:
                _set_stream(handler, standard_error)


def _set_stream(handler: StreamHandler, stream: TextIO) -> TextIO | None:
    """Returns the stream that it had, if it was another one."""
    original = handler.stream
    if not getattr(original, "closed", False):
        return handler.setStream(stream)
    handler.stream = stream  # which setStream would refuse, because it cannot flush what was closed
    return original


def _stream_handlers() -> set[StreamHandler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = (handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers)
    return {
        handler
        for handler in handlers
        # Some subclasses look their stream up each time: it is none of their own attributes. Others open one when they
        # need it, and would close it as theirs: that of torch.compile.
        if isinstance(handler, logging.StreamHandler) and vars(handler).get("stream") is not None
        if not isinstance(handler, logging.FileHandler)
    }


def _flush() -> None:
    ctypes.CDLL(None).fflush(None)  # what native code printed waits in buffers of the C library
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            # A stream that is closed has nothing left to flush.
            with contextlib.suppress(ValueError, OSError):
                stream.flush()


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows text on the terminal while the body runs; shows nothing where standard error is no terminal.

    It stands behind the dots that unittest has printed, is cut off at the right margin, and leaves no trace.
    Within the body of another one, it stands behind that one's text.
    """
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    outer = list(_in_progress)
    _in_progress.append(text)
    stream.write((_TAKEN_AWAY if outer else _SAVE_CURSOR) + _in_a_line(_in_progress))
    stream.flush()
    try:
        yield
    finally:
        _in_progress[:] = outer
        stream.write(_TAKEN_AWAY + (_in_a_line(outer) if outer else ""))
        stream.flush()


_in_progress: list[str] = []


def _in_a_line(texts: Sequence[str]) -> str:
    return f"{_CUT_OFF}{' '.join(texts)}{_WRAP}"


# What every terminal since the VT100 understands.
_SAVE_CURSOR, _RESTORE_CURSOR, _ERASE_REST = "\x1b7", "\x1b8", "\x1b[K"
_CUT_OFF, _WRAP = "\x1b[?7l", "\x1b[?7h"
_TAKEN_AWAY = f"{_RESTORE_CURSOR}{_ERASE_REST}"


def last_lines(path: Path, count: int = 15) -> list[str]:
    """The end of a text file, or that part of it which begins where the interpreter said that it dies, and of what.

    Nothing where there is no such file.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    deaths = [number for number, line in enumerate(lines) if line.startswith("Fatal Python error")]
    return lines[deaths[-1] :][:count] if deaths else lines[-count:]
