"""Lets a real run go on when recording it fails."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from stopgo_mixins.bridge.run import PhaseRun

_CALLS = [name for name, found in vars(PhaseRun).items() if inspect.isfunction(found) and not name.startswith("_")]
"""What a bridge calls."""


class Unfailing:
    """Stands before the calls of one phase: the first that fails is the last that is made.

    The trace then breaks off, which a comparison says; the run itself is told by a warning and goes on.

    Args:
        run: the phase.

    Attributes:
        failure: why nothing is recorded any more.
    """

    def __init__(self, run: PhaseRun) -> None:
        self.failure: Exception | None = None
        for name in (*_CALLS, "_child_called"):  # which the model calls
            otherwise: object = {} if name == "state_dict" else False
            vars(run)[name] = functools.partial(self._call, getattr(run, name), otherwise)

    def _call(self, call: Callable[..., Any], otherwise: object, *args: Any, **kwargs: Any) -> Any:
        """Makes it, unless one has failed; ``otherwise`` is what the trainer gets then."""
        if self.failure is not None:
            return otherwise
        try:
            return call(*args, **kwargs)
        except Exception as error:
            self.failure = error
            _warn_of(error)
            return otherwise


class RecordedLeg:
    """One leg of a real run, from when somebody begins to listen until the trainer ends, in whichever way."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._guard: Unfailing | None = None

    def begin(self, listening: AbstractContextManager[None]) -> None:
        """Listens from now on; what goes wrong here does so before anything is trained, and is raised."""
        self._open.enter_context(listening)

    def guard(self, run: PhaseRun) -> None:
        """Keeps what fails from now on away from the trainer."""
        self._guard = Unfailing(run)

    def afterwards(self, call: Callable[..., object], *args: object) -> None:
        """Makes a call when the leg ends, before anything else is taken away."""
        self._open.callback(call, *args)

    def end(self, error: BaseException | None) -> None:
        """Ends the trace, with an end mark where neither the run nor its recording has failed."""
        leg, self._open = self._open, ExitStack()
        broken = error or (self._guard.failure if self._guard else None)
        try:
            leg.__exit__(type(broken) if broken else None, broken, broken.__traceback__ if broken else None)
        except Exception as problem:
            if problem is not broken:
                _warn_of(problem)
        self._guard = None


def _warn_of(problem: Exception) -> None:
    """Tells whoever looks after the run."""
    text = f"the trace of this run breaks off here, and the run goes on: {type(problem).__name__}: {problem}"
    warnings.warn(text, stacklevel=2)
