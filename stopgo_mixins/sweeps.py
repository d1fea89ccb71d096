"""One test class for each of many interruptions, all compared with one continuous run."""

from __future__ import annotations

import re
import sys
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from stopgo_mixins.bridge.waypoint import Waypoint
from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.interruption import AfterValidation, AmidAccumulation, AtEpochEnd, AtStep, Interruption
from stopgo_mixins.isolation.run_directory import RunDirectory, make_run_directory
from stopgo_mixins.mixins.generated_tests import remove_generated_tests
from stopgo_mixins.mode import Mode
from stopgo_mixins.stop_and_go import StopAndGoMixin
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

_TestClass = TypeVar("_TestClass", bound=type[StopAndGoMixin])


def sweep(*points: Interruption) -> Callable[[_TestClass], _TestClass]:
    """Class decorator: puts a class for each of several interruptions beside a test class.

    ::

        @sweep(AtStep(2), AtStep(5), AtEpochEnd(1))
        class TestDigits(LightningStopAndGoMixin, unittest.TestCase): ...

    The classes are called ``TestDigits_AtStep_step_2`` and so on; the decorated one is a base for them, and has no
    tests. The continuous phase runs once, writes a checkpoint at each point and goes on; each class costs only its
    resume phase.

    ``@sweep()`` takes the usual points: after the first step, right before and right after a validation, amid an
    accumulation window, at the end of the first epoch, and of the second. Classes whose point the run never comes past
    are skipped, saying so; where points are given, that is an error.

    Raises:
        TypeError: when two points are the same, or one is something else than an interruption; when it is written
            without parentheses; for a class with ``noise_floor``.
    """
    for point in points:
        if isinstance(point, type):
            raise TypeError(f"@sweep of {point.__name__}: write @sweep(), or @sweep(AtStep(2), AtStep(5), ...).")

    def decorate(test_class: _TestClass) -> _TestClass:
        chosen = points or _usual_points(test_class)
        _check(test_class, chosen)
        shared = _SharedReference(test_class.__name__, chosen)
        module = vars(sys.modules[test_class.__module__])
        for number, point in enumerate(chosen):
            name = f"{test_class.__name__}_{_identifier(point)}"
            body = {"__module__": test_class.__module__, "interruption": point, "interruptions": ()}
            body["_may_be_missed"] = not points
            made: Any = type(name, (_Swept, test_class), {**body, "_shared": shared, "_number": number})
            module[name] = made
        test_class._abstract = True
        remove_generated_tests(test_class)
        return test_class

    return decorate


def _usual_points(test_class: type[StopAndGoMixin]) -> tuple[Interruption, ...]:
    """Where runs are known to go wrong, each once."""
    interval = test_class.val_check_interval
    around_validation = (AtStep(max(interval - 1, 1)), AfterValidation(1)) if interval else ()
    points = (AtStep(1), *around_validation, AmidAccumulation(2), AtEpochEnd(1), AtEpochEnd(2))
    return tuple(dict.fromkeys(points))


def _check(test_class: type[StopAndGoMixin], points: Sequence[object]) -> None:
    where = f"@sweep of {test_class.__name__}"
    if test_class.noise_floor:
        raise TypeError(
            f"{where}: noise_floor = True would make a second continuous run for each point: write it in a class of "
            "its own, without @sweep."
        )
    if ranks := test_class._several_ranks():
        raise TypeError(
            f"{where}: {ranks}, and the classes of a sweep share a run in the process of the "
            "tests: write devices = 1, or a class for each point."
        )
    for point in points:
        if not isinstance(point, Interruption):
            raise TypeError(f"{where}: {point!r} is not an Interruption: write AtStep(2), AfterValidation(1), ...")
        if points.count(point) > 1:
            raise TypeError(f"{where}: {point} is given more than once.")
        if point.past or point.by != "exception":
            raise TypeError(f"{where}: {point}: the run goes on at each point, so by= and past= have no meaning here.")


def _identifier(point: Interruption) -> str:
    return re.sub(r"\W+", "_", str(point)).strip("_")


class _SharedReference:
    """The continuous run of a sweep.

    Args:
        name: of the sweep.
        points: where the run leaves something behind.

    Attributes:
        steps: updates made so far by all classes of the sweep.
        failure: why there is none, if it has failed.
    """

    def __init__(self, name: str, points: Sequence[Interruption]) -> None:
        self.name, self.points = name, points
        self._begin()

    def _begin(self) -> None:
        self.steps = 0
        self.failure: PhaseError | None = None
        self._finished: set[int] = set()
        self._made: RunDirectory | None = None

    @property
    def directory(self) -> Path:
        """Where it works; made when first asked for."""
        if self._made is None:
            self._made = make_run_directory(self.name)
        return Path(self._made.name)

    @property
    def has_run(self) -> bool:
        """Whether a class has run it, with or without success."""
        return bool(self.steps) or self.failure is not None

    def trace_directory(self, number: int) -> Path:
        """Where the trace up to a point lies."""
        return self.directory / f"stop-{number}"

    def finish(self, number: int, trace: Trace) -> bool:
        """Adds what the class of a point has cost, and tells all of it once there is nothing to come.

        Returns:
            Whether there is nothing to come.
        """
        self.steps += len(trace.events("step_end"))
        self._finished.add(number)
        if len(self._finished) < len(self.points):
            return False
        sys.stderr.write(f"{self.name}: {len(self.points)} interruptions cost {self.steps} steps.\n")
        return True

    def clean_up(self) -> None:
        """Removes what the run has left; if a class of the sweep is run again, so is the reference."""
        if self._made is not None:
            self._made.cleanup()
        self._begin()


class _Swept(StopAndGoMixin, abstract=True):
    """Before a test class: resumes the continuous run of its sweep from one of the points that it came past."""

    stop_phase = False

    _shared: ClassVar[_SharedReference]
    _number: ClassVar[int]
    _may_be_missed: ClassVar[bool] = False

    @override
    @classmethod
    def run_stop_and_go(cls) -> None:
        try:
            super().run_stop_and_go()
        finally:
            if cls._shared.finish(cls._number, cls.trace(Mode.RESUME)):
                cls.addClassCleanup(cls._shared.clean_up)

    @override
    @classmethod
    def continuous(cls) -> None:
        """Runs it if no class of the sweep has; it then serves all of them."""
        shared = cls._shared
        reference = shared.directory / Mode.CONTINUOUS.value
        reference.mkdir(exist_ok=True)
        (cls.metadata_dir / Mode.CONTINUOUS.value).symlink_to(reference)
        (cls.metadata_dir / Mode.STOP.value).symlink_to(shared.trace_directory(cls._number))
        if not shared.has_run:
            try:
                super().continuous()
                shared.steps += cls.num_steps
            except PhaseError as error:
                shared.failure = error
        if shared.failure is not None:
            raise shared.failure

    @override
    @classmethod
    def _demand_interruption(cls, interruption: Interruption) -> None:
        try:
            super()._demand_interruption(interruption)
        except PhaseError as missed:
            if not cls._may_be_missed:
                raise
            raise unittest.SkipTest(f"the run never reaches {interruption}: {missed}") from None

    @override
    @classmethod
    def run_directory(cls, mode: Mode) -> Path:
        if mode is not Mode.CONTINUOUS:
            return super().run_directory(mode)
        path = cls._shared.directory / "run"
        path.mkdir(exist_ok=True)
        return path

    @override
    @classmethod
    def _waypoints(cls) -> tuple[Waypoint, ...]:
        shared = cls._shared
        return tuple(
            Waypoint(point, f"waypoint-{number}", shared.trace_directory(number))
            for number, point in enumerate(shared.points)
        )
