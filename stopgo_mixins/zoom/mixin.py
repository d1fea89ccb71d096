"""A closer look at a run that differs, for a class that asks for it."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.zoom.closer_look import closer_look

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class ZoomMixin(ConsistencyAssertionsMixin):
    """Names the first operator that differs in the message of each root cause.

    Attributes:
        zoom: whether to run a class whose metrics differ once more, up to the first step that differs.
    """

    zoom: ClassVar[bool] = False

    _zoomed: ClassVar[str | None] = None

    @override
    @classmethod
    def _forget_what_was_compared(cls) -> None:
        super()._forget_what_was_compared()
        cls._zoomed = None

    @override
    @classmethod
    def _closer_look(cls, metric: str) -> list[str]:
        if not cls.zoom or cls.examination().findings.root_cause(metric) is None:
            return []
        if cls._zoomed is None:
            cls._zoomed = closer_look(cls)
        return [f"  {cls._zoomed}"]
