"""The mixins, composed once."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from stopgo_mixins.kills.hooks import KillHooksMixin
from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.mixins.control_arms import ControlArmsMixin
from stopgo_mixins.mixins.declaration import (
    check_attributes,
    check_order_of_bases,
    check_was_checked,
    merged_declarations,
    merged_left_out,
    merged_tolerances,
)
from stopgo_mixins.mixins.generated_tests import generate_tests, remove_generated_tests
from stopgo_mixins.mixins.names import check_names
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mixins.registry import CallbackRegistryMixin
from stopgo_mixins.mixins.reseeded import ReseededStartMixin
from stopgo_mixins.mixins.shared_process import SharedProcessMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.assertion import FaultAssertionsMixin
from stopgo_mixins.zoom.mixin import ZoomMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class StopAndGoMixin(
    SharedProcessMixin,
    ZoomMixin,
    ConsistencyAssertionsMixin,
    FaultAssertionsMixin,
    CallbackRegistryMixin,
    KillHooksMixin,
    ControlArmsMixin,
    ReseededStartMixin,
    TrainingPhasesMixin,
):
    """Phases, registry and assertions, of consistency and about faults; a backend adds its trainer.

    A subclass that is also a ``TestCase`` is concrete: it is checked when it is created and gets its tests.
    ``class Base(StopAndGoMixin, abstract=True)`` is a base for others, with neither.
    """

    _abstract: ClassVar[bool]

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        """Checks the class, gives it its own state, and generates its tests."""
        super().__init_subclass__(**kwargs)
        cls._forget_what_was_compared()
        check_order_of_bases(cls, StopAndGoMixin)
        cls._abstract = abstract
        if abstract or not issubclass(cls, unittest.TestCase):
            remove_generated_tests(cls)
            return
        check_names(cls, StopAndGoMixin)
        check_attributes(cls)
        cls._tolerances = merged_tolerances(cls, cls.recorder_types())
        cls._declared = merged_declarations(cls, cls.recorder_types())
        cls._left_out = merged_left_out(cls, cls.recorder_types())
        generate_tests(cls, cls.recorder_types(), shares_process=not cls._is_apart(Mode.STOP))
        cls._defined = frozenset(vars(cls))

    @classmethod
    def setUpClass(cls) -> None:
        """Runs the three phases.

        Raises:
            unittest.SkipTest: when the class is an abstract base, which may have hand-written tests for others.
            TypeError: when the class was never checked.
        """
        check_was_checked(cls, StopAndGoMixin, "_abstract")
        if cls._abstract:
            raise unittest.SkipTest(f"{cls.__name__} is an abstract base for other classes")
        super().setUpClass()
