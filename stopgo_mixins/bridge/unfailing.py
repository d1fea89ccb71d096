"""Lets a real run go on when recording it fails."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgo_mixins.bridge.run import PhaseRun

_CALLS = (
    *("checkpoint_loaded", "training_started", "micro_batch_started", "micro_batch_ended", "gradients_ready"),
    *("step_ended", "epoch_ended", "logged", "training_ended", "validation_started", "validation_batch_started"),
    *("validation_batch_ended", "validation_ended", "checkpoint_saved", "interrupt_if_due", "interrupted"),
)


class Unfailing:
    """Stands before the calls of one phase: the first that fails is the last that is made.

    The trace then breaks off, which a comparison says; the run itself is told by a warning and goes on.

    Args:
        run: the phase.
    """

    def __init__(self, run: PhaseRun) -> None:
        self.failed = False
        for name in _CALLS:
            vars(run)[name] = functools.partial(self._call, getattr(run, name), False)
        vars(run)["state_dict"] = functools.partial(self._call, run.state_dict, {})

    def _call(self, call: Callable[..., Any], otherwise: object, *args: Any, **kwargs: Any) -> Any:
        """Makes it, unless one has failed; ``otherwise`` is what the trainer gets then."""
        if self.failed:
            return otherwise
        try:
            return call(*args, **kwargs)
        except Exception as error:
            self.give_up(error)
            return otherwise

    def give_up(self, error: Exception) -> None:
        """Records nothing more."""
        self.failed = True
        warnings.warn(
            f"the trace of this run breaks off here, and the run goes on: {type(error).__name__}: {error}",
            stacklevel=2,
        )
