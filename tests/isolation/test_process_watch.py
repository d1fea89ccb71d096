"""What training leaves in a process, and how it is named."""

from __future__ import annotations

import functools
import multiprocessing
import random
import sys
import tempfile
import threading
import types
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import torch
from torch import nn

from stopgo_mixins.isolation.process_watch import ProcessWatch
from stopgo_mixins.isolation.user_modules import is_users, modules_behind


def _counting() -> Callable[[], int]:
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return calls

    return count


def _endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _with_default(value: int, seen: list[int] = []) -> None:  # noqa: B006 - the classic mistake
    seen.append(value)


class Registry:
    """An object of a class of the user's."""

    entries: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        self.best = 0.0
        self.itself = self


class Kind(type):
    """A class of classes: among its bases is ``type``, whose ``__annotations__`` are no mapping."""


count = _counting()
endless = _endless()
twister = random.Random(0)
numpy_generator = np.random.default_rng(0)
weights = torch.zeros(3)
large = np.zeros(2**22)
module = nn.Linear(2, 1)
registry = Registry()
names = {"a"}


@functools.cache
def cached(key: int) -> int:
    return key


def _set_new_global() -> None:
    sys.modules[__name__].__dict__["made_in_training"] = 1


CHANGES: dict[str, tuple[Callable[[], Any], str]] = {
    "a variable of a closure": (count, "count.calls: "),
    "a mutable default": (lambda: _with_default(7), "_with_default.__defaults__[0][0]: new"),
    "a generator function": (lambda: next(endless), "endless.gi_frame['f_lasti']: "),
    "a generator of Python": (twister.random, "twister.getstate(): changed"),
    "a generator of NumPy": (numpy_generator.random, "numpy_generator.bit_generator.state: changed"),
    "a tensor": (lambda: weights.add_(1), "weights: changed"),
    "a large array": (lambda: large.__setitem__(0, 1), "large: changed"),
    "a module": (lambda: module.weight.data.add_(1), "module['weight']: changed"),
    "an attribute of an object": (lambda: setattr(registry, "best", 0.5), "registry.best: 0.0, then 0.5"),
    "an attribute of a class": (lambda: Registry.entries.update(a=1), "Registry.entries['a']: new"),
    "a set": (lambda: names.add("b"), "names[1]: new"),
    "a cached function": (lambda: cached(1), "cached: 0 cached results of 0 computed, then 1 "),
    "a new global": (_set_new_global, "made_in_training: new"),
}
"""What training may change -> how to change it, and how that is named."""


class TestProcessWatch(unittest.TestCase):
    def changes(self, change: Callable[[], Any]) -> tuple[str, ...]:
        watch = ProcessWatch(type(self))
        watch.phase_start(None)
        change()
        return tuple(watch.end())

    def test_nothing_is_named_where_nothing_changes(self) -> None:
        self.assertEqual(self.changes(lambda: None), ())

    def test_what_the_modules_of_the_user_hold(self) -> None:
        for name, (change, named) in CHANGES.items():
            with self.subTest(name):
                found = self.changes(change)
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(f"{__name__}.{named}"), found)

    def test_a_function_of_a_library_that_is_replaced(self) -> None:
        for owner, name in ((nn.functional, "silu"), (nn.Linear, "forward"), (random, "random")):
            patch = mock.patch.object(owner, name, print)
            self.addCleanup(patch.stop)
            owner_name = owner.__name__ if owner is not nn.Linear else "torch.nn.modules.linear.Linear"
            expected = f"{owner_name}.{name}: replaced by another function"
            self.assertIn(expected, self.changes(patch.start))

    def test_the_first_optimizer_of_a_class_is_no_replacement(self) -> None:
        class Own(torch.optim.SGD):
            step = torch.optim.Optimizer.step

        Own.__module__ = "torch.optim.own"
        module = types.ModuleType("torch.optim.own")
        module.Own = Own  # type: ignore[attr-defined]
        torch.optim.SGD([nn.Parameter(torch.zeros(1))])  # imports what the patch would forget again
        with mock.patch.dict(sys.modules, {"torch.optim.own": module}):
            self.assertEqual(self.changes(lambda: Own([nn.Parameter(torch.zeros(1))])), ())
        self.assertIsNot(Own.step, torch.optim.Optimizer.step)

    def test_a_thread(self) -> None:
        end = threading.Event()
        thread = threading.Thread(target=_wait_for, args=(end,), name="feeder")
        self.addCleanup(thread.join)
        self.addCleanup(end.set)
        self.assertEqual(self.changes(thread.start), ("the thread feeder is still running",))

    def test_a_thread_of_a_library_is_its_own_business(self) -> None:
        end = threading.Event()
        thread = threading.Thread(target=end.wait)
        self.addCleanup(thread.join)
        self.addCleanup(end.set)
        self.assertEqual(self.changes(thread.start), ())

    def test_a_process(self) -> None:
        context = multiprocessing.get_context("fork")
        end = context.Event()
        process = context.Process(target=_wait_for, args=(end,))
        self.addCleanup(process.join)
        self.addCleanup(end.set)
        found = self.changes(process.start)
        self.assertEqual(len(found), 1)
        self.assertRegex(found[0], rf"^the process {process.pid} is still running: ")

    def test_an_open_file(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory).resolve() / "log"
            self.assertEqual(
                self.changes(lambda: self.enterContext(path.open("w"))), (f"the file {path} is still open",)
            )

    def test_what_a_phase_sets_up_before_it_trains_is_none_of_it(self) -> None:
        watch = ProcessWatch(type(self))
        count()
        watch.phase_start(None)
        self.assertEqual(watch.end(), ())


class TestModulesOfTheUser(unittest.TestCase):
    def test_which_they_are(self) -> None:
        for name, expected in ((__name__, True), ("torch", False), ("json", False), ("stopgo_mixins.mode", False)):
            self.assertEqual(is_users(name), expected, name)

    def test_those_behind_a_class(self) -> None:
        ImportsLater().later()
        found = modules_behind(ImportsLater)
        self.assertIn("tests.outcome", found)  # imported inside a function
        self.assertIn(__name__, found)
        self.assertNotIn("torch", found)


class ImportsLater:
    def later(self) -> object:
        from tests.outcome import run

        return run


def _wait_for(end: Any) -> None:
    end.wait(60)


if __name__ == "__main__":
    unittest.main()
