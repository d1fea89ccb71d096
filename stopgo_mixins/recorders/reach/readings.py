"""What is recorded of a single value: of what two equal runs agree in."""

from __future__ import annotations

import contextlib
import datetime
import enum
import io
import os
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from stopgo_mixins.recorders.generators import generator_state
from stopgo_mixins.trace.leaves import PLAIN

MAX_BYTES = 2**28
"""Of a tensor or array that is read at each recorded state; a larger one is left alone."""


class Unread(enum.Enum):
    """Why nothing is recorded of something that was reached."""

    NO_VALUE = "it holds others"
    NOT_COMPARABLE = "two equal runs differ in it, or it has no values"
    TOO_LARGE = "it is larger than what is read, or mapped from a file"


class Clocks:
    """Tells what somebody has read from a clock since this object was made: no two runs agree in it."""

    _CLOCKS: tuple[Callable[[], float], ...] = (time.time, time.monotonic, time.perf_counter)

    def __init__(self) -> None:
        self._began = [clock() for clock in self._CLOCKS]

    def show(self, value: object) -> bool:
        """Whether a number is the seconds or nanoseconds, or a date the time, of a moment since then."""
        with contextlib.suppress(OverflowError, OSError, ValueError):  # dates and numbers beyond any clock
            if isinstance(value, datetime.datetime):
                return self._shows(value.timestamp())
            if isinstance(value, float):
                return self._shows(value)
            return type(value) is int and self._shows(value / 1e9)
        return False

    def _shows(self, seconds: float) -> bool:
        spans = zip(self._began, self._CLOCKS, strict=True)
        return any(began <= seconds <= clock() for began, clock in spans)


def reading(value: object, clocks: Clocks) -> object | Unread:
    """What is recorded of a value, or why nothing is.

    Of a path it is the last part; of a readable file, how far it was read; of a generator, its state.
    """
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return _of_numbers(value)
    if isinstance(value, PLAIN):
        return Unread.NOT_COMPARABLE if clocks.show(value) else _plain(value)
    if isinstance(value, io.IOBase):
        return _read_so_far(value)
    state = generator_state(value)
    return Unread.NO_VALUE if state is None else state


def _plain(value: object) -> object:
    if isinstance(value, PurePath) or (isinstance(value, str) and value.startswith(os.sep)):
        return PurePath(value).name
    return value


def _of_numbers(value: torch.Tensor | np.ndarray[Any, Any] | np.generic) -> object | Unread:
    if isinstance(value, torch.Tensor):
        if is_lazy(value):
            return value
        if value.device.type == "meta":
            return Unread.NOT_COMPARABLE
        size = value.numel() * value.element_size()
    else:
        size = value.nbytes
    return Unread.TOO_LARGE if size > MAX_BYTES or isinstance(value, np.memmap) else value


def _read_so_far(file: io.IOBase) -> object | Unread:
    with contextlib.suppress(OSError):  # while somebody iterates over it
        if not file.closed and file.readable() and not file.writable() and file.seekable():
            return file.tell()
    return Unread.NOT_COMPARABLE
