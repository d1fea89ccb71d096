"""A test class whose stop phase dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from stopgo_mixins.isolation.launcher import PhaseProcess
from stopgo_mixins.kills.processes import KilledOnceMixin, KillRequest
from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.made import MadeMixin

if TYPE_CHECKING:
    from stopgo_mixins.isolation.ending import ProcessEnd
    from stopgo_mixins.isolation.request import PhaseRequest

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class Killed(MadeMixin, ConsistencyAssertionsMixin, KilledOnceMixin):
    """Before a test class: its continuous phase, its stop phase, which is watched, and as many restarts as are asked.

    Attributes:
        dies_at: the number of the file event before which the stop phase is to die; ``None`` for none.
    """

    isolation = "process"
    stop_phase = True

    dies_at: ClassVar[int | None] = None

    @override
    @classmethod
    def resume(cls) -> None:
        """Does nothing: there is a restart for each death."""

    @override
    @classmethod
    def _make_request_maker(cls) -> Callable[[Mode], PhaseRequest]:
        make = super()._make_request_maker()
        return lambda mode: KillRequest(**vars(make(mode)), dies_at=cls.dies_at)

    @classmethod
    def restart(cls, timeout: float) -> tuple[PhaseRequest, ProcessEnd]:
        """Runs the resume phase with what it finds, in a process that may end as it likes."""
        cls._leg = 1
        request = cls._request(Mode.RESUME)
        return request, PhaseProcess(request, threading.Event()).run(timeout)
