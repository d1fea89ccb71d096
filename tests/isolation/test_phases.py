"""What each phase starts from, and what it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import os
import pty
import random
import re
import signal
import unittest
import weakref
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from stopgo_mixins import Mode
from tests.outcome import concrete, run
from tests.tiny import TinyMixin


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def globals_of_the_process() -> dict[str, object]:
    return {
        "python": random.getstate(),
        "numpy": list(np.random.get_state()[1]),
        "torch": list(torch.get_rng_state().numpy()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)],
        "frozen objects": gc.get_freeze_count(),
        "open files": len(list(Path("/proc/self/fd").iterdir())),
    }


class ObservedMixin(TinyMixin, abstract=True):
    """Notes what each phase finds, and leaves globals of the process changed."""

    modes: ClassVar[list[Mode]]
    drawn: ClassVar[list[tuple[float, float, float]]]
    deterministic_algorithms: ClassVar[list[bool]]
    models: ClassVar[list[weakref.ref[Any]]]
    models_alive: ClassVar[list[int]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.modes, cls.drawn, cls.deterministic_algorithms, cls.models, cls.models_alive = [], [], [], [], []
        super().setUpClass()

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.modes.append(mode)
        cls.drawn.append(draws())
        cls.deterministic_algorithms.append(torch.are_deterministic_algorithms_enabled())
        cls.models_alive.append(sum(model() is not None for model in cls.models))
        model, data = super().setup_model(mode)
        cls.models.append(weakref.ref(model))
        os.environ["LEFT_BEHIND"] = mode.value
        os.chdir("/")
        torch.set_num_threads(torch.get_num_threads() + 1)
        return model, data


class TestPhases(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.case = concrete(ObservedMixin)
        terminal, side = pty.openpty()
        with os.fdopen(side, "w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
            run(cls.case, ["learning_rate"])  # the first run of a process starts threads and opens files that stay
            os.read(terminal, 10_000)
            cls.before = globals_of_the_process()
            cls.outcome = run(cls.case)
            cls.after = globals_of_the_process()
        cls.shown = os.read(terminal, 10_000).decode()
        os.close(terminal)

    def test_the_run_is_clean(self) -> None:
        self.assertEqual((self.outcome.failed, self.outcome.error), ({}, ""))

    def test_stop_resume_and_continuous_run_once_each_and_resume_is_started_once_more(self) -> None:
        self.assertEqual(self.case.modes, [Mode.STOP, Mode.RESUME, Mode.CONTINUOUS, Mode.RESUME])

    def test_every_phase_starts_from_the_same_seed(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(42)
            self.assertEqual(self.case.drawn[0][2], float(torch.rand(1)))
        *phases, reseeded = self.case.drawn
        self.assertEqual(len(set(phases)), 1)
        self.assertNotIn(reseeded, phases)

    def test_every_phase_is_deterministic(self) -> None:
        self.assertEqual(self.case.deterministic_algorithms, [True] * 4)

    def test_every_phase_has_callbacks_of_its_own(self) -> None:
        stop, resume, continuous = (self.case.callbacks[mode] for mode in Mode)
        self.assertEqual(stop.keys(), resume.keys())
        for kind in stop:
            self.assertEqual(len({id(stop[kind]), id(resume[kind]), id(continuous[kind])}), 3, kind)

    def test_the_model_of_a_phase_is_gone_when_the_next_one_begins(self) -> None:
        self.assertEqual(self.case.models_alive, [0] * 4)
        self.assertEqual([model() for model in self.case.models], [None] * 4)

    def test_every_global_is_put_back(self) -> None:
        self.maxDiff = None
        self.assertEqual(self.after, self.before)

    def test_a_terminal_shows_which_phase_runs_and_is_clean_afterwards(self) -> None:
        phases = re.findall(r"Observed: (\w+) phase \.\.\.", self.shown)
        self.assertEqual(phases, ["stop", "resume", "continuous", "resume"])
        self.assertTrue(self.shown.endswith("\x1b8\x1b[K"), repr(self.shown))


class TestResumeSeed(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.case = concrete(ObservedMixin, resume_seed=7, deterministic=False)
        cls.outcome = run(cls.case)

    def test_the_resume_phase_alone_starts_from_it(self) -> None:
        stop, resume, continuous = self.case.drawn
        self.assertEqual(stop, continuous)
        self.assertNotEqual(stop, resume)

    def test_a_run_that_restores_everything_random_still_passes(self) -> None:
        self.assertEqual((self.outcome.failed, self.outcome.error), ({}, ""))
        self.assertIn("rng_state", self.outcome.passed)

    def test_deterministic_algorithms_are_only_used_when_asked_for(self) -> None:
        self.assertEqual(self.case.deterministic_algorithms, [False, False, False])


if __name__ == "__main__":
    unittest.main()
