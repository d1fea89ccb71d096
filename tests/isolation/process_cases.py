"""Classes whose legs run in processes of their own; a test module imports the module, so that no runner finds them."""

from __future__ import annotations

import ctypes
import functools
import os
import random
import signal
import sys
import threading
import time
import unittest
from typing import Any, ClassVar

import torch
from torch import nn

from stopgo_mixins import AtStep, Mode
from tests.bridge.loop import Loop, LoopStopAndGoMixin


def batches(count: int = 4) -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(2, 3, generator=generator), torch.randn(2, 1, generator=generator)) for _ in range(count)]


class ProcessMixin(LoopStopAndGoMixin, abstract=True):
    num_steps = 7
    val_check_interval = 2
    lr = 1e-2
    interruption = AtStep(3)
    isolation = "process"

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        return cls.make_loop(nn.Sequential(body, nn.Linear(4, 1))), batches(1)[0]

    @classmethod
    def make_loop(cls, model: nn.Module) -> Loop:
        return Loop(model, batches(), cls.lr)


class Clean(ProcessMixin, unittest.TestCase):
    pass


class Outer:
    class Nested(ProcessMixin, unittest.TestCase):
        pass


# How a process may end


class EndingMixin(ProcessMixin, abstract=True):
    """Ends the resume phase before it is over."""

    phase_timeout = 300.0

    @classmethod
    def train(cls, mode: Mode) -> None:
        print(f"here is the {mode.value} phase", flush=True)  # noqa: T201 - so that its last lines can be shown
        if mode is Mode.RESUME:
            cls.end()
        super().train(mode)

    @classmethod
    def end(cls) -> None:
        raise NotImplementedError


class Raises(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        raise ValueError("the data are gone")


class Exits(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        sys.exit(0)


class ExitsAtOnce(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        os._exit(0)


class ExitsAtOnceWith3(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        os._exit(3)


class IsKilled(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Crashes(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        ctypes.string_at(0)


class Hangs(EndingMixin, unittest.TestCase):
    @classmethod
    def resume(cls) -> None:
        cls.phase_timeout = 10.0
        super().resume()

    @classmethod
    def end(cls) -> None:
        cls.wait_for_a_rank_that_never_comes()

    @classmethod
    def wait_for_a_rank_that_never_comes(cls) -> None:
        threading.Event().wait(600)


class SkipsInTraining(EndingMixin, unittest.TestCase):
    @classmethod
    def end(cls) -> None:
        raise unittest.SkipTest("no more data")


class SkipsInSetup(ProcessMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        raise unittest.SkipTest("no data set here")


class SkipsInResume(ProcessMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        if mode is Mode.RESUME:
            raise unittest.SkipTest("no checkpoint")
        return super().setup_model(mode)


class SkipsInReference(ProcessMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        if mode is Mode.CONTINUOUS:
            raise unittest.SkipTest("takes too long")
        return super().setup_model(mode)


class Interrupted(ProcessMixin, unittest.TestCase):
    """By a signal that nobody handles, or that nobody can."""

    interruption = AtStep(3, by=signal.SIGKILL)


class Terminated(ProcessMixin, unittest.TestCase):
    interruption = AtStep(3, past=1, by=signal.SIGTERM)


class ReferenceFails(ProcessMixin, unittest.TestCase):
    """While a leg still runs, which would take much longer."""

    @classmethod
    def train(cls, mode: Mode) -> None:
        if mode is Mode.CONTINUOUS:
            raise ValueError("the reference fails")
        time.sleep(120)


# State of the process, which a real restart loses


class ProcessStateMixin(ProcessMixin, abstract=True):
    """Its loss depends on something that the process keeps, and that no checkpoint carries."""

    @classmethod
    def factor(cls, step: int) -> float:
        """What every batch is multiplied with."""
        raise NotImplementedError

    @classmethod
    def update(cls, loop: Loop, batch: Any, run: Any) -> None:
        if loop.steps == 0:
            cls.reset()
        super().update(loop, (batch[0] * cls.factor(loop.steps), batch[1]), run)

    @classmethod
    def reset(cls) -> None:
        """What training does at its first step, as every phase that begins at the start does."""


class ClassAttribute(ProcessStateMixin, unittest.TestCase):
    seen: ClassVar[int] = 0

    @classmethod
    def reset(cls) -> None:
        ClassAttribute.seen = 0

    @classmethod
    def factor(cls, step: int) -> float:
        ClassAttribute.seen += 1
        return 1.0 + ClassAttribute.seen / 10


SCALE = [1.0]


class ModuleGlobal(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def reset(cls) -> None:
        SCALE[0] = 1.0

    @classmethod
    def factor(cls, step: int) -> float:
        SCALE[0] *= 1.1
        return SCALE[0]


@functools.cache
def _drawn_once(key: int) -> float:
    return random.Random(0).random() + len(CALLS) + key * (CALLS.append(key) is None)


CALLS: list[int] = []


class CachedFunction(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def reset(cls) -> None:
        CALLS.clear()
        _drawn_once.cache_clear()

    @classmethod
    def factor(cls, step: int) -> float:
        return 1.0 + _drawn_once(step % 2)


class SharedObject(ProcessStateMixin, unittest.TestCase):
    """A sampler or callback that is made once for the class."""

    sampler: ClassVar[Any] = iter(())

    @classmethod
    def reset(cls) -> None:
        SharedObject.sampler = iter([1.0 + index / 10 for index in range(100)])

    @classmethod
    def factor(cls, step: int) -> float:
        return next(SharedObject.sampler, 5.0)


class TorchSwitch(ProcessStateMixin, unittest.TestCase):
    """Denormal numbers are flushed from the first step on."""

    @classmethod
    def reset(cls) -> None:
        torch.set_flush_denormal(True)

    @classmethod
    def factor(cls, step: int) -> float:
        tiny = torch.tensor([1e-40]) * 0.5
        return 1.0 if float(tiny) == 0 else 2.0


class SuiteSwitch(ProcessStateMixin, unittest.TestCase):
    """Depends on a switch that the suite has set before the first phase."""

    @classmethod
    def factor(cls, step: int) -> float:
        return TorchSwitch.factor(step)


def _loss_scale() -> float:
    return 1.0


class PatchedFunction(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def reset(cls) -> None:
        globals()["_loss_scale"] = lambda: 3.0

    @classmethod
    def factor(cls, step: int) -> float:
        return _loss_scale()


class SplitByHash(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def factor(cls, step: int) -> float:
        return 1.0 + (hash(f"sample {step}") % 1000) / 1000


class OrderOfASet(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def factor(cls, step: int) -> float:
        names = {f"layer {number}" for number in range(50)}
        return 1.0 + [int(name.split()[1]) for name in names][step] / 100


NOISE = torch.Generator().manual_seed(0)


class SharedGenerator(ProcessStateMixin, unittest.TestCase):
    @classmethod
    def reset(cls) -> None:
        NOISE.manual_seed(0)

    @classmethod
    def factor(cls, step: int) -> float:
        return float(torch.rand(1, generator=NOISE))


HELD_BY_THE_USER = {
    ClassAttribute: r"ClassAttribute\.seen: \d, then 3",
    ModuleGlobal: r"SCALE\[0\]: 1\.\d+, then 1\.331\d+",
    CachedFunction: r"_drawn_once: \d cached results of \d computed, then 2 cached results of 2 computed",
    SharedObject: r"SharedObject\.sampler: \d+ left, then 97 left",
    SharedGenerator: r"NOISE\.get_state\(\): changed",
    PatchedFunction: r"_loss_scale: changed",
}
"""The cases in which that is state of the user's modules -> how it is named."""

PUT_BACK = (TorchSwitch,)
OF_THE_HASH_SEED = (SplitByHash, OrderOfASet)
