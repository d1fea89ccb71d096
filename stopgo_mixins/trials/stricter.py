"""Runs a class more strictly than it is written, and tells what only that shows."""

from __future__ import annotations

import unittest
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from typing_extensions import override

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.isolation.ending import described
from stopgo_mixins.mixins.generated_tests import is_generated
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.outcome import Status

if TYPE_CHECKING:
    from stopgo_mixins.trials.outcome import Outcome
    from stopgo_mixins.trials.runner import TrialRunner
    from stopgo_mixins.trials.tested import Tested

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


@dataclass(frozen=True)
class StricterRun:
    """What a stricter setting shows.

    Attributes:
        setting: as it would be written in the class.
        failing: the tests that fail with it without any fault, and pass as the class is written.
        caught: the ids of the faults that survive as the class is written, and are caught with it.
        problem: why it could not be tried; empty if it was.
    """

    setting: str
    failing: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        """One line."""
        if self.problem:
            return f"{self.setting} could not be tried: {self.problem}"
        shown = [f"without any fault, {_listed(self.failing, 'fails', 'fail')}"] if self.failing else []
        shown += [_listed(self.caught, "is caught", "are caught")] if self.caught else []
        return f"{self.setting}: {'; '.join(shown) or 'nothing more'}"


def _listed(names: Sequence[str], of_one: str, of_several: str) -> str:
    return f"{', '.join(names)} {of_one if len(names) == 1 else of_several}"


def stricter_runs(test_class: Any, trials: TrialRunner, outcomes: Iterable[Outcome]) -> Iterator[StricterRun]:
    """Runs that the class does not ask for itself."""
    if test_class.resume_seed in (None, test_class.seed):
        survived = [outcome for outcome in outcomes if outcome.status is Status.SURVIVED]
        yield _with_another_seed(trials, test_class.seed + 1, survived)
    if not test_class._is_apart(Mode.STOP):
        yield _in_processes(test_class, trials.without_fault)


def _with_another_seed(trials: TrialRunner, seed: int, survived: Sequence[Outcome]) -> StricterRun:
    setting, other = f"resume_seed = {seed}", trials.with_resume_seed(seed)
    try:
        failing = _newly_failing(other.without_fault.failed, trials.without_fault)
    except PhaseError as error:
        return StricterRun(setting, problem=str(error).splitlines()[0])
    caught = [outcome.fault.id for outcome in survived if other.run(outcome.fault).status is Status.CAUGHT]
    return StricterRun(setting, failing, tuple(caught))


def _in_processes(test_class: Any, without_fault: Tested) -> StricterRun:
    """The whole class once more; what its user has written by hand is left out, as it may inject faults itself."""
    setting = 'isolation = "process"'
    names = unittest.defaultTestLoader.getTestCaseNames(test_class)
    tests = [test_class(name) for name in names if is_generated(getattr(test_class, name))]
    result = _Result()
    # No reseeded start: the run that this one is measured by has none, and another seed is tried anyhow.
    with mock.patch.multiple(test_class, isolation="process", _leaves_report=False, _is_started_reseeded=False):
        unittest.TestSuite(tests).run(result)
    if result.raised:
        return StricterRun(setting, problem=described(result.raised[0]).splitlines()[0])
    failed = [test.id().rpartition(".")[2] for test, _ in result.failures]
    return StricterRun(setting, _newly_failing(failed, without_fault))


def _newly_failing(failed: Iterable[str], usual: Tested) -> tuple[str, ...]:
    return tuple(test for test in failed if test in usual.sound)


class _Result(unittest.TestResult):
    """Keeps the errors themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.raised: list[BaseException] = []

    @override
    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.raised.append(err[1])
