"""The process around one phase: clean when NeMo enters it, and clean again afterwards."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

from stopgo_mixins.backends.megatron.cpu import redirected_to_cpu
from stopgo_mixins.isolation.process_state import preserved_process_state

_LOGGERS = ("nemo_logger", "megatron.core", "lightning.pytorch")


@contextmanager
def megatron_environment() -> Iterator[None]:
    """Surrounds one phase with ``MegatronStrategy``, and leaves nothing of it in the process.

    The strategy itself sets up torch.distributed and Megatron's parallel state, and skips half of it where it finds
    a process group; so there must be none on entry.
    On exit the microbatch calculator, the parallel state, the process group, the RNG tracker, CUDA's cache and
    Transformer Engine's FP8 state are as if no phase had run, and so are NeMo's application state, log handlers and
    the data fetchers that it puts into Lightning's loops, and what any phase may change in the process (environment
    variables, signal handlers, random number generators and numeric settings).
    No thread stays, no span of NeMo's telemetry is open, and no result of a checkpoint waits to be taken for that of a
    later one.
    Without CUDA the calls that have no switch are redirected (``redirected_to_cpu``).

    Raises:
        RuntimeError: when torch.distributed is initialized already.
    """
    if torch.distributed.is_initialized():
        raise RuntimeError(
            "torch.distributed is initialized already, so that MegatronStrategy would set up neither Megatron's "
            "parallel state nor the data sampler: call torch.distributed.destroy_process_group() before the phase."
        )
    with ExitStack() as stack:
        stack.enter_context(preserved_process_state())
        stack.enter_context(_no_observer_of_nothing())
        for restore in (_application_state(), _data_fetchers(), _log_handlers(), _process_groups(), _telemetry_spans()):
            stack.callback(restore)
        stack.callback(_destroy_parallel_state)
        stack.callback(_drop_results_of_checkpoints)
        if not torch.cuda.is_available():
            stack.enter_context(redirected_to_cpu())
        yield


def _destroy_parallel_state() -> None:
    from megatron.core import parallel_state
    from megatron.core.num_microbatches_calculator import destroy_num_microbatches_calculator
    from megatron.core.rerun_state_machine import destroy_rerun_state_machine
    from megatron.core.tensor_parallel.random import initialize_rng_tracker

    destroy_num_microbatches_calculator()
    parallel_state.destroy_model_parallel()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    initialize_rng_tracker(force_reset=True)
    destroy_rerun_state_machine()
    if importlib.util.find_spec("transformer_engine"):
        from transformer_engine.pytorch.fp8 import FP8GlobalStateManager

        FP8GlobalStateManager.reset()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _drop_results_of_checkpoints() -> None:
    """All writers of mcore return what they wrote through one queue of the process: the next checkpoint takes it."""
    from megatron.core.dist_checkpointing.strategies import filesystem_async

    results = filesystem_async._results_queue
    while results is not None and not results.empty():
        results.get_nowait()


@contextmanager
def _no_observer_of_nothing() -> Iterator[None]:
    """Lightning starts a thread that looks every five seconds after the processes that it has started, if only none."""
    from lightning.pytorch.strategies.launchers import subprocess_script

    observe = subprocess_script._launch_process_observer  # type: ignore[attr-defined]  # where it is called from

    def observe_any(processes: list[Any]) -> None:
        if processes:
            observe(processes)

    with mock.patch.object(subprocess_script, "_launch_process_observer", observe_any):
        yield


def _process_groups() -> Callable[[], None]:
    """Those that mcore forgets when it destroys the others; each keeps three threads alive."""
    from megatron.core import parallel_state

    attributes = vars(parallel_state)
    original = {name: value for name, value in attributes.items() if not callable(value)}

    def restore() -> None:
        attributes.update(original)

    return restore


def _telemetry_spans() -> Callable[[], None]:
    """NeMo opens a span where training starts and closes it where training ends, but not where it is interrupted."""
    if not importlib.util.find_spec("nv_one_logger"):
        return lambda: None
    from nv_one_logger.api.one_logger_provider import OneLoggerProvider

    recorder: Any = OneLoggerProvider.instance().recorder
    original = set(recorder._spans)

    def restore() -> None:
        for identity, span in reversed(list(recorder._spans.items())):
            if identity not in original:
                recorder.stop(span)

    return restore


def _application_state() -> Callable[[], None]:
    from nemo.utils import AppState

    attributes = vars(AppState())
    original = dict(attributes)

    def restore() -> None:
        attributes.clear()
        attributes.update(original)

    return restore


def _data_fetchers() -> Callable[[], None]:
    """NeMo replaces a function of Lightning's loops by one that serves no other strategy than its own."""
    from lightning.pytorch.loops import evaluation_loop, fit_loop, prediction_loop

    loops: tuple[Any, ...] = (fit_loop, evaluation_loop, prediction_loop)
    originals = {loop: loop._select_data_fetcher for loop in loops}

    def restore() -> None:
        for loop, select_data_fetcher in originals.items():
            loop._select_data_fetcher = select_data_fetcher

    return restore


def _log_handlers() -> Callable[[], None]:
    """NeMo adds log files of the run directory, which will be gone, and hands them on to the next run's loggers."""
    from nemo.utils import logging as nemo_logging

    originals = {name: list(logging.getLogger(name).handlers) for name in _LOGGERS}
    handed_on: dict[str, logging.Handler] = nemo_logging._handlers
    original_handed_on = dict(handed_on)

    def restore() -> None:
        for key in [key for key, handler in handed_on.items() if original_handed_on.get(key) is not handler]:
            del handed_on[key]
        for name, handlers in originals.items():
            logger = logging.getLogger(name)
            for handler in set(logger.handlers) - set(handlers):
                logger.removeHandler(handler)
                if isinstance(handler, logging.FileHandler):
                    handler.close()

    return restore
