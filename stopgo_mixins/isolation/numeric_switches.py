"""What of torch and NumPy a training phase may set."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks

from stopgo_mixins.isolation.switch import Switch

_ABSENT = "absent"
"""The value of a setting that a build of torch does not have, or does not tell because a newer one contradicts it."""


def _perhaps(name: str, read: Callable[[], Any], write: Callable[[Any], object]) -> Switch:
    """A switch that may be absent, and is left alone then; some are deprecated, and still set by many."""

    def read_quietly() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _ABSENT if (value := read()) is None else value
            except (AttributeError, RuntimeError):
                return _ABSENT

    def write_quietly(value: Any) -> None:
        if value == _ABSENT:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(value)

    return Switch(name, read_quietly, write_quietly)


def _of_backends(path: str) -> Switch:
    """An attribute of ``torch.backends``."""
    *owners, name = path.split(".")

    def owner() -> Any:
        found: Any = torch.backends
        for part in owners:
            found = getattr(found, part)
        return found

    return _perhaps(path, lambda: getattr(owner(), name), lambda value: setattr(owner(), name, value))


def _attention(kind: str) -> Switch:
    cuda: Any = torch.backends.cuda
    return _perhaps(f"{kind} attention", getattr(cuda, f"{kind}_sdp_enabled"), getattr(cuda, f"enable_{kind}_sdp"))


def _autocast(device: str) -> tuple[Switch, Switch]:
    def enable(value: bool) -> None:
        torch.set_autocast_enabled(device, value)

    def set_dtype(value: torch.dtype) -> None:
        torch.set_autocast_dtype(device, value)

    return (
        Switch(f"autocast on {device}", lambda: torch.is_autocast_enabled(device), enable),
        Switch(f"autocast dtype on {device}", lambda: torch.get_autocast_dtype(device), set_dtype),
    )


def _all_hooks(owner: object) -> Iterator[Switch]:
    """The registries of hooks that are called for every module or optimizer."""
    for name, registry in vars(owner).items():
        if name.startswith("_global") and isinstance(registry, dict):
            yield Switch(name.strip("_"), registry.copy, partial(_refill, registry))


def _refill(registry: dict[Any, Any], hooks: Mapping[Any, Any]) -> None:
    registry.clear()
    registry.update(hooks)


def _set_numpy_generator(state: bytes) -> None:
    np.random.set_state(pickle.loads(state))


def _bytes_of(state: torch.Tensor) -> bytes:
    return state.numpy().tobytes()


def _state_of(content: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _set_torch_generator(content: bytes) -> None:
    torch.set_rng_state(_state_of(content))


def _cuda_generators() -> list[bytes]:
    return [_bytes_of(state) for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_initialized() else []


def _set_cuda_generators(states: list[bytes]) -> None:
    for device, state in enumerate(states):
        torch.cuda.set_rng_state(_state_of(state), device)


def _flushes_denormals() -> bool:
    """Tried out: torch does not tell."""
    return float(torch.tensor(2.0**-126, dtype=torch.float32, device="cpu") * 0.5) == 0


def _flush_denormals(value: bool) -> None:
    torch.set_flush_denormal(value)


def _deterministic_algorithms() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _use_deterministic_algorithms(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def _anomaly_detection() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _detect_anomalies(value: tuple[bool, bool]) -> None:
    torch.autograd.set_detect_anomaly(*value)


def _set_default_device(device: torch.device) -> None:
    # Setting one, even the CPU, slows every later call of torch down.
    torch.set_default_device(None if device.type == "cpu" else device)


def _set_gradients(value: bool) -> None:
    torch.set_grad_enabled(value)


def _set_numpy_errors(value: Mapping[str, Any]) -> None:
    np.seterr(**value)


def _print_options() -> dict[str, Any]:
    return dict(vars(torch._tensor_str.PRINT_OPTS))


_FLOAT32 = (
    *("fp32_precision", "cuda.matmul.fp32_precision"),
    *("cudnn.fp32_precision", "cudnn.conv.fp32_precision", "cudnn.rnn.fp32_precision"),
    *("mkldnn.fp32_precision", "mkldnn.matmul.fp32_precision"),
    *("mkldnn.conv.fp32_precision", "mkldnn.rnn.fp32_precision"),
)
"""How float32 is computed: each behind the more general one that it may follow."""

_GENERATORS = (
    Switch("NumPy's random numbers", lambda: pickle.dumps(np.random.get_state(legacy=False)), _set_numpy_generator),
    Switch("torch's random numbers", lambda: _bytes_of(torch.get_rng_state()), _set_torch_generator),
    Switch("random numbers of CUDA", _cuda_generators, _set_cuda_generators),
)

NUMERIC_SETTINGS = (
    Switch("deterministic algorithms", _deterministic_algorithms, _use_deterministic_algorithms),
    Switch.of_attribute(torch.utils.deterministic, "fill_uninitialized_memory"),
    Switch("default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Switch("default device", torch.get_default_device, _set_default_device),
    Switch("threads of torch", torch.get_num_threads, torch.set_num_threads),
    Switch("gradients", torch.is_grad_enabled, _set_gradients),
    Switch("anomaly detection", _anomaly_detection, _detect_anomalies),
    Switch("flushing of denormal numbers", _flushes_denormals, _flush_denormals),
    *_autocast("cpu"),
    *_autocast("cuda"),
    Switch("autocast cache", torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    _perhaps("float32 matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    *map(_of_backends, ("cuda.matmul.allow_tf32", "cudnn.allow_tf32", "mkldnn.allow_tf32", *_FLOAT32)),
    *(_of_backends(f"cuda.matmul.allow_{dtype}_reduced_precision_reduction") for dtype in ("fp16", "bf16")),
    *map(_of_backends, ("cuda.matmul.allow_fp16_accumulation", "opt_einsum.enabled", "opt_einsum.strategy")),
    *(_of_backends(f"cudnn.{name}") for name in ("enabled", "deterministic", "benchmark", "benchmark_limit")),
    *(_of_backends(f"mkldnn.{name}") for name in ("enabled", "deterministic")),
    *map(_attention, ("flash", "mem_efficient", "math", "cudnn")),
    _perhaps(
        "reduced precision of attention",
        torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed,
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp,
    ),
    Switch("fast path of attention", torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    Switch("warnings of torch", torch.is_warn_always_enabled, torch.set_warn_always),
    Switch(
        "sharing of tensors",
        torch.multiprocessing.get_sharing_strategy,
        torch.multiprocessing.set_sharing_strategy,
    ),
    Switch("floating-point errors of NumPy", np.geterr, _set_numpy_errors),
)
"""How numbers are computed; their values can be pickled, so that a fresh process can take them over."""

NUMERIC_SWITCHES = (
    *_GENERATORS,
    *NUMERIC_SETTINGS,
    *_all_hooks(module_hooks),
    *_all_hooks(optimizer_hooks),
    Switch("print options of torch", _print_options, lambda options: torch.set_printoptions(**options)),
    Switch("print options of NumPy", np.get_printoptions, lambda options: np.set_printoptions(**options)),
)
