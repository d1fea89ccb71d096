"""Where in somebody's code an operator is called."""

from __future__ import annotations

import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from torch.optim import Optimizer

from stopgo_mixins.bridge import dispatcher

_INSTALLED = tuple({*site.getsitepackages(), sysconfig.get_path("stdlib")})
_OWN = str(Path(dispatcher.__file__).parents[1])
_PLUMBING = ("torch.nn", "torch._", "torch.utils", "torch.autograd", "torch.functional")


@dataclass(frozen=True)
class CallSite:
    """The place of a call.

    Attributes:
        place: file, line and function.
        by_optimizer: whether an optimizer makes it, and not a closure that the optimizer calls.
        by_recorder: whether it serves to record what happens, and is no part of training.
    """

    place: str
    by_optimizer: bool
    by_recorder: bool

    @classmethod
    def of_caller(cls) -> CallSite:
        """That of the operator in which this is called."""
        frames = list(_frames_outwards(sys._getframe(2)))
        callers = [frame for frame in frames if not _is_plumbing(frame)]
        own = [frame for frame in callers if not frame.f_code.co_filename.startswith(_INSTALLED)]
        by_optimizer = bool(callers) and _is_of_optimizer(callers[0])
        place = callers[0] if by_optimizer else (own or callers or frames)[0]
        return cls(
            f"{place.f_code.co_filename}:{place.f_lineno} ({place.f_code.co_name})",
            by_optimizer,
            by_recorder=any(frame.f_globals is vars(dispatcher) for frame in frames),
        )


def _frames_outwards(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _is_plumbing(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name.startswith(_PLUMBING) or name == "torch" or frame.f_code.co_filename.startswith(_OWN)


def _is_of_optimizer(frame: FrameType) -> bool:
    """Of torch's own, or a method of anybody's."""
    return frame.f_globals.get("__name__", "").startswith("torch.optim") or isinstance(
        frame.f_locals.get("self"), Optimizer
    )
