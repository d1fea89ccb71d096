"""Kills the stop phase of a test class at each file event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.kills.hooks import KillHooksMixin
from stopgo_mixins.kills.killed import Killed
from stopgo_mixins.kills.runner import DeathOutcome, KillRunner
from stopgo_mixins.trials.after_phases import after_phases
from stopgo_mixins.trials.stopped import subclass

_Found = TypeVar("_Found")


def survey_kills(test_class: type[KillHooksMixin]) -> list[DeathOutcome]:
    """Stops a test class and runs it through, then restarts it after each death that its stop phase could have had.

    Raises:
        PhaseError: when the class cannot be run, with what a runner would report.
    """
    return run_killed(test_class, lambda killed: list(KillRunner(killed).run()))


def run_killed(test_class: type[KillHooksMixin], kill: Callable[[type[Killed]], _Found]) -> _Found:
    """Runs the stop phase, watched, and the continuous phase of a test class, and then a function.

    Args:
        test_class: which one.
        kill: what is done with the class, whose phases have run.

    Raises:
        PhaseError: as above.
    """
    if ranks := test_class._several_ranks():
        raise PhaseError(
            f"{test_class.__name__}.{ranks}: the ranks of a run are not killed apart from each "
            "other. Write devices = 1 in a class for kills."
        )
    if test_class.find_checkpoint.__func__ is KillHooksMixin.find_checkpoint.__func__:  # type: ignore[attr-defined]  # of methods
        raise PhaseError(
            f"{test_class.__name__} does not say how a restart finds its checkpoint: define the classmethod "
            "find_checkpoint(cls, trainer), which returns what your script would load, or None for none."
        )
    killed = subclass(Killed, test_class, test_class.__name__)
    killed.original = test_class
    return after_phases(killed, kill, "it could not be killed")
