"""What of the interpreter and of the operating system a training phase may set."""

from __future__ import annotations

import contextlib
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stopgo_mixins.isolation.switch import Switch

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_LIMITS = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]


def _set_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _signal_handlers() -> dict[int, Any]:
    # Python lets only the main thread set signal handlers, so no other one can have changed any.
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _set_signal_handlers(handlers: Mapping[int, Any]) -> None:
    for number, handler in handlers.items():
        # None stands for one that native code installed, which cannot be put back.
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _running_timers() -> set[int]:
    """Those that run; how long they still do is another number at every look."""
    return {timer for timer in _TIMERS if signal.getitimer(timer)[0]}


def _stop_other_timers(running: set[int]) -> None:
    for timer in _running_timers() - running:
        signal.setitimer(timer, 0)


def _file_mode_mask() -> int:
    mask = os.umask(0o077)  # there is no other way to read it
    os.umask(mask)
    return mask


def _set_file_mode_mask(mask: int) -> None:
    os.umask(mask)


def _set_blocked_signals(mask: set[signal.Signals]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _set_locale(value: str) -> None:
    locale.setlocale(locale.LC_ALL, value)


_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _decimal_context() -> tuple[dict[str, Any], dict[Any, bool]]:
    context = decimal.getcontext()
    return {name: getattr(context, name) for name in _DECIMAL}, dict(context.traps)


def _set_decimal_context(value: tuple[dict[str, Any], dict[Any, bool]]) -> None:
    fields, traps = value
    decimal.setcontext(decimal.Context(**fields, traps=[trap for trap, is_set in traps.items() if is_set]))


def _set_limits(limits: Mapping[int, tuple[int, int]]) -> None:
    for number, limit in limits.items():
        if resource.getrlimit(number) != limit:
            with contextlib.suppress(ValueError, OSError):  # a hard limit is lowered for good
                resource.setrlimit(number, limit)


def _logging_levels() -> dict[logging.Logger, int]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return {logger: logger.level for logger in loggers if isinstance(logger, logging.Logger)}


def _set_logging_levels(levels: Mapping[logging.Logger, int]) -> None:
    for logger, level in levels.items():
        if logger.level != level:
            logger.setLevel(level)


def _set_import_path(path: list[str]) -> None:
    sys.path[:] = path


INTERPRETER_SWITCHES = (
    Switch("environment variables", lambda: dict(os.environ), _set_environment),
    Switch("working directory", Path.cwd, os.chdir),
    Switch("sys.path", lambda: list(sys.path), _set_import_path),
    Switch("Python's random numbers", random.getstate, random.setstate),
    Switch("signal handlers", _signal_handlers, _set_signal_handlers),
    Switch("blocked signals", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()), _set_blocked_signals),
    Switch("timers", _running_timers, _stop_other_timers),
    Switch("umask", _file_mode_mask, _set_file_mode_mask),
    Switch("resource limits", lambda: {number: resource.getrlimit(number) for number in _LIMITS}, _set_limits),
    Switch("processors", lambda: os.sched_getaffinity(0), lambda cores: os.sched_setaffinity(0, cores)),
    # After the environment, which says it.
    Switch("time zone", lambda: (time.tzname, time.timezone, time.altzone), lambda _: time.tzset()),
    Switch("locale", lambda: locale.setlocale(locale.LC_ALL), _set_locale),
    Switch("logging levels", _logging_levels, _set_logging_levels),
    Switch.of_attribute(logging.root.manager, "disable"),
    Switch("decimal context", _decimal_context, _set_decimal_context),
    Switch("gc.isenabled", gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
    Switch("gc threshold", gc.get_threshold, lambda threshold: gc.set_threshold(*threshold)),
    Switch("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Switch("switch interval", sys.getswitchinterval, sys.setswitchinterval),
    Switch("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
    Switch(
        "start method of processes",
        lambda: multiprocessing.get_start_method(allow_none=True),
        lambda method: multiprocessing.set_start_method(method, force=True),
    ),
    *(Switch.of_attribute(sys, name) for name in ("excepthook", "displayhook", "unraisablehook")),
    Switch.of_attribute(threading, "excepthook"),
    Switch.of_attribute(tempfile, "tempdir"),
)
