"""A closer look at a run that differs, for a class that asks for it."""

from __future__ import annotations

from typing_extensions import override

from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.zoom.closer_look import closer_look
from stopgo_mixins.zoom.watched_steps import WatchedStepsMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class ZoomMixin(WatchedStepsMixin, ConsistencyAssertionsMixin):
    """Names the first operator that differs: the cause where no pattern fits, beside it where one does."""

    @override
    @classmethod
    def _look_closer(cls, metric: str) -> list[str]:
        examination = cls.examination()
        if not cls.zoom or not examination.comparison(metric).mismatches:
            return []
        if examination.closer_look is None:
            examination.look_closer(closer_look(cls))
        seen, cause = examination.closer_look, examination.findings.root_cause(metric)
        if seen is None or (cause and cause.diagnosis and cause.diagnosis.sentence == seen.sentence):
            return []
        return [f"  zoom: {seen.sentence}"]
