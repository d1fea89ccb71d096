"""Puts back every global of the process that a training phase may change."""

from __future__ import annotations

import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch


@contextmanager
def preserved_process_state() -> Iterator[None]:
    """Restores generators, numeric settings, environment, working directory, signal handlers and warning filters."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for restore in (
            _generators(),
            _determinism(),
            _numerics(),
            _default_device(),
            _environment(),
            _directory(),
            _signals(),
        ):
            stack.callback(restore)
        yield


def _generators() -> Callable[[], None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return restore


def _determinism() -> Callable[[], None]:
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    deterministic, benchmark = cudnn.deterministic, cudnn.benchmark

    def restore() -> None:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        cudnn.deterministic, cudnn.benchmark = deterministic, benchmark

    return restore


def _numerics() -> Callable[[], None]:
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    matmul, grad = torch.get_float32_matmul_precision(), torch.is_grad_enabled()
    anomaly, check_nan = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()

    def restore() -> None:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(matmul)
        torch.set_grad_enabled(grad)
        torch.autograd.set_detect_anomaly(anomaly, check_nan)

    return restore


def _default_device() -> Callable[[], None]:
    device = torch.get_default_device()

    def restore() -> None:
        if torch.get_default_device() != device:  # setting one, even the CPU, slows every later call of torch down
            torch.set_default_device(None if device.type == "cpu" else device)

    return restore


def _directory() -> Callable[[], None]:
    directory = Path.cwd()
    return lambda: os.chdir(directory)


def _signals() -> Callable[[], None]:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def restore() -> None:
        # Python lets only the main thread set signal handlers, so no other one can have changed any.
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in handlers.items():
            # None stands for one that native code installed, which cannot be put back.
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    return restore


def _environment() -> Callable[[], None]:
    variables = dict(os.environ)

    def restore() -> None:
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        for name, value in variables.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    return restore
