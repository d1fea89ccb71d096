from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import random
import resource
import signal
import socket
import sys
import time
import unittest
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.modules.module import _global_forward_hooks, register_module_forward_hook
from torch.optim.optimizer import _global_optimizer_post_hooks, register_optimizer_step_post_hook

from stopgo_mixins.isolation.process_state import preserved_process_state
from stopgo_mixins.isolation.seeding import seed_everything, use_deterministic_algorithms

TF32 = (torch.backends.cuda.matmul, torch.backends.cudnn)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
    "sys.path": (lambda: list(sys.path), lambda: sys.path.append("elsewhere")),
    "blocked signals": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}),
    ),
    "an alarm": (lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0, lambda: signal.alarm(1000)),
    "umask": (_umask, lambda: os.umask(_umask() ^ 0o070)),
    "limit of open files": (
        lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    ),
    "time zone": (lambda: time.tzname, lambda: (os.environ.update(TZ="XXX-3"), time.tzset())),
    "locale": (lambda: locale.setlocale(locale.LC_ALL), lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8")),
    "logging levels": (lambda: logging.root.level, lambda: logging.root.setLevel(7)),
    "logging as a whole": (lambda: logging.root.manager.disable, lambda: logging.disable(40)),
    "decimal context": (lambda: decimal.getcontext().prec, lambda: setattr(decimal.getcontext(), "prec", 7)),
    "collection of garbage": (gc.isenabled, gc.disable),
    "its thresholds": (gc.get_threshold, lambda: gc.set_threshold(12345)),
    "recursion limit": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(5432)),
    "switch interval": (sys.getswitchinterval, lambda: sys.setswitchinterval(0.25)),
    "socket timeout": (socket.getdefaulttimeout, lambda: socket.setdefaulttimeout(77)),
    "hook of uncaught exceptions": (lambda: sys.excepthook, lambda: setattr(sys, "excepthook", print)),
    "floating-point errors of NumPy": (np.geterr, lambda: np.seterr(all="ignore", over="raise")),
    "print options of NumPy": (np.get_printoptions, lambda: np.set_printoptions(precision=2)),
    "print options of torch": (lambda: repr(torch.tensor(1 / 3)), lambda: torch.set_printoptions(precision=2)),
    "denormal numbers": (
        lambda: float(torch.tensor(2.0**-126) * 0.5),
        lambda: torch.set_flush_denormal(True),
    ),
    "autocast": (lambda: torch.is_autocast_enabled("cpu"), lambda: torch.set_autocast_enabled("cpu", True)),
    "autocast dtype": (
        lambda: torch.get_autocast_dtype("cpu"),
        lambda: torch.set_autocast_dtype("cpu", torch.float16),
    ),
    "TF32": (
        lambda: (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        lambda: [setattr(each, "allow_tf32", not each.allow_tf32) for each in TF32],
    ),
    "precision of float32": (
        lambda: torch.backends.mkldnn.matmul.fp32_precision,
        lambda: setattr(torch.backends.mkldnn.matmul, "fp32_precision", "bf16"),
    ),
    "reduced precision": (
        lambda: torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction,
        lambda: setattr(torch.backends.cuda.matmul, "allow_fp16_reduced_precision_reduction", False),
    ),
    "cuDNN": (lambda: torch.backends.cudnn.enabled, lambda: setattr(torch.backends.cudnn, "enabled", False)),
    "oneDNN": (
        lambda: torch.backends.mkldnn.enabled,  # type: ignore[attr-defined]  # set by a property
        lambda: torch.backends.mkldnn.set_flags(_enabled=False),
    ),
    "attention": (torch.backends.cuda.flash_sdp_enabled, lambda: torch.backends.cuda.enable_flash_sdp(False)),
    "fast path of attention": (
        torch.backends.mha.get_fastpath_enabled,
        lambda: torch.backends.mha.set_fastpath_enabled(False),
    ),
    "hooks of all modules": (lambda: len(_global_forward_hooks), lambda: register_module_forward_hook(print)),
    "hooks of all optimizers": (
        lambda: len(_global_optimizer_post_hooks),
        lambda: register_optimizer_step_post_hook(print),
    ),
    "sharing of tensors": (
        torch.multiprocessing.get_sharing_strategy,
        lambda: torch.multiprocessing.set_sharing_strategy("file_system"),
    ),
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
