"""What every class has that is made from a test class, to ask it something that it does not ask itself."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from stopgo_mixins.isolation.class_location import ClassLocation
from stopgo_mixins.mixins.phases import TrainingPhasesMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class MadeMixin(TrainingPhasesMixin):
    """Before a test class: other processes find that, and make this one of it.

    Attributes:
        original: the class itself.
    """

    original: ClassVar[type]

    _is_started_reseeded: ClassVar[bool] = False  # which tells nothing of what is asked
    _leaves_report: ClassVar[bool] = False  # the class itself has one

    @override
    @classmethod
    def _location(cls) -> ClassLocation:
        return ClassLocation.of(cls.original)
