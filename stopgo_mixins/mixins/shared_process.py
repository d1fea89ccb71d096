"""Tells what phases in one process hand on to each other, which a restart would lose."""

from __future__ import annotations

import dataclasses
import unittest
from collections.abc import Iterator, Sequence
from typing import ClassVar

from typing_extensions import final, override

from stopgo_mixins.bridge.plan import PhasePlan
from stopgo_mixins.isolation.process_watch import ProcessWatch
from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.mixins.reseeded import ReseededStartMixin
from stopgo_mixins.mode import Mode

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

_MAX_CHANGES = 10
"""How many are named."""


class SharedProcessMixin(ConsistencyAssertionsMixin, ReseededStartMixin):
    """Watches the process of a class whose phases share it."""

    _watch: ClassVar[ProcessWatch | None] = None
    _changes: ClassVar[Sequence[str]] = ()

    @override
    @classmethod
    def run_stop_and_go(cls) -> None:
        cls._watch, cls._changes = None if cls._is_apart(Mode.STOP) else ProcessWatch(cls), ()
        super().run_stop_and_go()

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        plan = super().plan(mode)
        if cls._watch is None:
            return plan
        return dataclasses.replace(plan, listeners=(*plan.listeners, cls._watch))

    @override
    @classmethod
    def _run_leg(cls, leg: int) -> None:
        if leg == 1 and cls._watch is not None:
            cls._changes = cls._watch.end()
            cls._watch = None
        super()._run_leg(leg)

    @override
    @classmethod
    def _why_not_reseeded(cls) -> str:
        if cls._changes:  # by which it would differ as well
            return 'training has changed what only this process holds; isolation = "process" shows it'
        return super()._why_not_reseeded()

    @classmethod
    @final
    def _assert_process_state(cls) -> None:
        """Skips, or fails where evidence is required, if training has changed what a restart loses."""
        if not cls._changes:
            return
        text = "\n".join(_what_is_shared(cls._changes))
        if cls.require_evidence:
            raise AssertionError(f"test_process_state: {text} (a failure because require_evidence is set)")
        raise unittest.SkipTest(text)


def _what_is_shared(changes: Sequence[str]) -> Iterator[str]:
    yield (
        "NOT VERIFIED: before the resume, training changed what only this process holds. A restart loses it; here, "
        "the resume phase found it as it was left:"
    )
    yield from (f"    {change}" for change in changes[:_MAX_CHANGES])
    if len(changes) > _MAX_CHANGES:
        yield f"    and {len(changes) - _MAX_CHANGES} more"
    yield (
        '  Write isolation = "process" to see what a restart makes of it. If the run depends on it, save it with the '
        "checkpoint, or let every phase set it up before it trains."
    )
