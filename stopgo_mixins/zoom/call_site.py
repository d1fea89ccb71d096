"""Where in somebody's code an operator is called."""

from __future__ import annotations

import functools
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from torch.optim import Optimizer

from stopgo_mixins.bridge import dispatcher
from stopgo_mixins.mixins import phases

_INSTALLED = tuple({*site.getsitepackages(), sysconfig.get_path("stdlib")})
_OWN = str(Path(dispatcher.__file__).parents[1])
_PLUMBING = ("torch.nn", "torch._", "torch.utils", "torch.autograd", "torch.functional")


@dataclass(frozen=True)
class CallSite:
    """The place of a call.

    Attributes:
        frame: the innermost one that is of no installed package, or the optimizer's own.
        by_optimizer: whether an optimizer makes it, and not a closure that the optimizer calls.
        by_recorder: whether it serves to record what happens, and is no part of training.
    """

    frame: FrameType
    by_optimizer: bool
    by_recorder: bool

    @classmethod
    def of_caller(cls) -> CallSite:
        """That of the operator in which this is called."""
        innermost = sys._getframe(2)
        caller = own = None
        for frame in _outwards(innermost):
            if frame.f_globals is vars(phases):  # further out is whoever runs the tests
                break
            if frame.f_globals is vars(dispatcher):
                return cls(frame, by_optimizer=False, by_recorder=True)
            if own is None and not _is_plumbing(frame.f_code.co_filename, frame.f_globals.get("__name__", "")):
                caller = caller or frame
                own = None if frame.f_code.co_filename.startswith(_INSTALLED) else frame
        by_optimizer = caller is not None and _is_of_optimizer(caller)
        return cls(caller if by_optimizer and caller else own or caller or innermost, by_optimizer, by_recorder=False)

    def __str__(self) -> str:
        code = self.frame.f_code
        return f"{code.co_filename}:{self.frame.f_lineno} ({code.co_name})"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


@functools.cache
def _is_plumbing(file: str, module: str) -> bool:
    return module == "torch" or module.startswith(_PLUMBING) or file.startswith(_OWN)


def _is_of_optimizer(frame: FrameType) -> bool:
    """Of torch's own, or a method of anybody's."""
    module = frame.f_globals.get("__name__", "")
    return module.startswith("torch.optim") or isinstance(frame.f_locals.get("self"), Optimizer)
