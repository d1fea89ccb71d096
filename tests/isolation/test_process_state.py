from __future__ import annotations

import os
import random
import signal
import unittest
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stopgo_mixins.isolation.process_state import preserved_process_state
from stopgo_mixins.isolation.seeding import seed_everything, use_deterministic_algorithms

CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "Python's generator": (random.getstate, random.random),
    "NumPy's generator": (lambda: list(np.random.get_state()[1]), lambda: np.random.seed(99)),
    "torch's generator": (lambda: list(torch.get_rng_state().numpy()), lambda: torch.rand(1)),
    "deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(True),
    ),
    "cuDNN's choice": (
        lambda: (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        use_deterministic_algorithms,
    ),
    "warning instead of raising": (
        torch.is_deterministic_algorithms_warn_only_enabled,
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    ),
    "default dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "default device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "precision of matrix products": (
        torch.get_float32_matmul_precision,
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "anomaly detection": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "new environment variable": (lambda: os.environ.get("STOPGO_NEW"), lambda: os.environ.update(STOPGO_NEW="1")),
    "changed environment variable": (lambda: os.environ["HOME"], lambda: os.environ.update(HOME="elsewhere")),
    "removed environment variable": (lambda: os.environ.get("HOME"), lambda: os.environ.pop("HOME")),
    "warning filters": (lambda: list(warnings.filters), lambda: warnings.simplefilter("error")),
    "signal handlers": (
        lambda: signal.getsignal(signal.SIGINT),
        lambda: signal.signal(signal.SIGINT, lambda *_: None),
    ),
    "working directory": (Path.cwd, lambda: os.chdir("/")),
}
"""What a phase may change: how to read it, and how to change it."""


class TestPreservedProcessState(unittest.TestCase):
    def test_every_global_is_put_back(self) -> None:
        for name, (read, change) in CHANGES.items():
            with self.subTest(name), preserved_process_state():  # the outer one keeps a failure from spreading
                before = read()
                with preserved_process_state():
                    change()
                    self.assertNotEqual(read(), before)
                self.assertEqual(read(), before)

    def test_also_after_an_error(self) -> None:
        before = random.getstate()
        with self.assertRaises(KeyboardInterrupt), preserved_process_state():
            random.random()
            raise KeyboardInterrupt
        self.assertEqual(random.getstate(), before)

    def test_another_thread_leaves_the_signal_handlers_of_the_main_one_alone(self) -> None:
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))
        phase = preserved_process_state()
        with ThreadPoolExecutor() as other_thread:
            other_thread.submit(phase.__enter__).result()
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            other_thread.submit(phase.__exit__, None, None, None).result()
        self.assertIs(signal.getsignal(signal.SIGUSR1), signal.SIG_IGN)


class TestSeeding(unittest.TestCase):
    def draws(self) -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        with preserved_process_state():
            found = []
            for seed in (1, 1, 2):
                seed_everything(seed)
                found.append(self.draws())
        self.assertEqual(found[0], found[1])
        for one, other in zip(found[0], found[2], strict=True):
            self.assertNotEqual(one, other)

    def test_any_seed_of_torch_is_one(self) -> None:
        with preserved_process_state():
            seed_everything(2**63)


if __name__ == "__main__":
    unittest.main()
