"""What a phase leaves behind: nothing. And what a CPU needs: each redirection, and only while a phase runs."""

from __future__ import annotations

import logging
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from stopgo_mixins import Preemption, megatron_environment, require_nemo
from stopgo_mixins.backends.megatron import cpu, environment
from tests.megatron import cases
from tests.megatron.cases import GPTMixin
from tests.outcome import run


@require_nemo
class TestEnvironment(unittest.TestCase):
    def test_three_phases_leave_nothing_behind(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruption = Preemption(step=5, by=signal.SIGUSR1)  # leaves a signal handler, if nobody minds it

        before = _process()
        self.assertEqual(run(Case).error, "")
        self.assertEqual(_process(), before)

    def test_is_left_as_it_was_by_an_exception_too(self) -> None:
        before = _process()
        with self.assertRaises(ZeroDivisionError), megatron_environment():
            torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
            os.environ["MASTER_ADDR"] = "localhost"
            raise ZeroDivisionError
        self.assertEqual(_process(), before)

    def test_spans_of_telemetry_are_closed_where_training_was_interrupted(self) -> None:
        from nv_one_logger.api.one_logger_provider import OneLoggerProvider
        from nv_one_logger.training_telemetry.api.spans import StandardTrainingJobSpanName

        recorder: Any = OneLoggerProvider.instance().recorder
        nothing = mock.patch.object(environment, "_telemetry_spans", lambda: lambda: None)
        for restoring, left in ((nullcontext(), 0), (nothing, 1)):
            with mock.patch.object(OneLoggerProvider, "one_logger_enabled", True), restoring:
                with megatron_environment():
                    span = recorder.start(StandardTrainingJobSpanName.TRAINING_LOOP)
                self.assertEqual(len(recorder._spans), left)
            recorder._spans.pop(span.id, None)

    def test_trains_with_telemetry(self) -> None:
        """NeMo turns it on for rank 0, which starts no span of a name while one is open."""
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-m", "unittest", "examples.test_megatron.TestGPT"]
        with tempfile.TemporaryDirectory() as directory:  # to which it writes
            ended = subprocess.run(
                command,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": root, "RANK": "0"},
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stderr, "Ran [0-9]+ tests")

    def test_demands_that_there_is_no_process_group(self) -> None:
        torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
        self.addCleanup(torch.distributed.destroy_process_group)
        with self.assertRaisesRegex(RuntimeError, "initialized already"), megatron_environment():
            pass


def _process() -> dict[str, object]:
    """The globals of the process that NeMo and Megatron change."""
    from lightning.pytorch.loops import evaluation_loop, fit_loop, prediction_loop
    from megatron.core import num_microbatches_calculator, parallel_state, rerun_state_machine
    from megatron.core.tensor_parallel.random import get_cuda_rng_tracker
    from nemo.utils import AppState

    loops: tuple[Any, ...] = (fit_loop, evaluation_loop, prediction_loop)
    return {
        "process group": torch.distributed.is_initialized(),
        "parallel state": parallel_state.model_parallel_is_initialized(),
        "microbatch calculator": num_microbatches_calculator._GLOBAL_NUM_MICROBATCHES_CALCULATOR,
        "rerun state machine": rerun_state_machine._GLOBAL_RERUN_STATE_MACHINE,
        "rng tracker": get_cuda_rng_tracker().get_states(),
        "environment": dict(os.environ),
        "application state": dict(vars(AppState())),
        "data fetchers": [loop._select_data_fetcher for loop in loops],
        "log files": [
            handler
            for name in ("nemo_logger", "megatron.core", "lightning.pytorch")
            for handler in logging.getLogger(name).handlers
            if isinstance(handler, logging.FileHandler)
        ],
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "redirections": [pkgutil.resolve_name(redirection.target) for redirection in cpu.REDIRECTIONS],
        "where tensors are": torch.zeros(1).type(),
    }


@require_nemo
@unittest.skipIf(torch.cuda.is_available(), "CUDA is available, where nothing is redirected")
class TestRedirections(unittest.TestCase):
    def test_training_fails_without_any_one_of_them(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            """Trains until something asks for CUDA."""

        for redirection in cpu.REDIRECTIONS:
            others = tuple(other for other in cpu.REDIRECTIONS if other is not redirection)
            with self.subTest(without=redirection.target), mock.patch.object(cpu, "REDIRECTIONS", others):
                self.assertRegex(run(Case).error, "(?i)cuda")

    def test_experts_fail_without_the_kernel_that_is_none(self) -> None:
        with mock.patch.object(cpu, "MISSING_KERNEL", "stopgo_mixins.te_general_gemm"):  # where nobody asks for it
            self.assertIn("NameError: name 'te_general_gemm' is not defined", run(cases.MixtureOfExperts).error)

    def test_training_fails_without_the_literals(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            """Trains until something asks for CUDA."""

        with mock.patch.object(cpu.CudaLiterals, "__torch_function__", _unchanged):
            self.assertRegex(run(Case).error, "(?i)cuda")

    def test_cuda_stays_unknown_outside(self) -> None:
        with cpu.redirected_to_cpu():
            self.assertEqual(torch.zeros(1, device="cuda").to("cuda").cuda().device.type, "cpu")
            self.assertEqual(torch.zeros(1).type(), "torch.cuda.FloatTensor")
            self.assertFalse(torch.zeros(1, pin_memory=True).is_pinned())
        with self.assertRaises((AssertionError, RuntimeError)):
            torch.zeros(1, device="cuda")

    def test_text_that_only_looks_like_a_device_is_left_alone(self) -> None:
        with cpu.redirected_to_cpu():
            self.assertEqual(torch.nn.functional.pad(torch.zeros(1), (1, 0), "constant").tolist(), [0.0, 0.0])

    def test_refuses_where_cuda_is_available(self) -> None:
        with (
            mock.patch("torch.cuda.is_available", lambda: True),
            self.assertRaisesRegex(RuntimeError, "CUDA is available"),
            cpu.redirected_to_cpu(),
        ):
            pass

    def test_settings_are_empty_where_cuda_is_available(self) -> None:
        self.assertTrue(cpu.cpu_settings()["use_cpu_initialization"])
        with mock.patch("torch.cuda.is_available", lambda: True):
            self.assertEqual(cpu.cpu_settings(), {})


def _unchanged(_mode: object, func: Callable[..., Any], _types: object, args: Any = (), kwargs: Any = None) -> Any:
    return func(*args, **(kwargs or {}))
