"""What lets NeMo and Megatron-core train on a CPU.

Most of it is configuration (:func:`cpu_settings`).
A few calls have no switch: they are redirected while a phase runs, and only then (:func:`redirected_to_cpu`).
Nothing in the installed packages is changed, and where CUDA is available nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode


def cpu_settings() -> dict[str, Any]:
    """Keyword arguments of a ``TransformerConfig`` that a CPU needs; empty where CUDA is available.

    ::

        GPTConfig(num_layers=2, hidden_size=32, ..., **cpu_settings())
    """
    if torch.cuda.is_available():
        return {}
    fused_kernels = (
        "gradient_accumulation_fusion",
        "masked_softmax_fusion",
        "bias_activation_fusion",
        "bias_dropout_fusion",
        "cross_entropy_loss_fusion",
        "apply_rope_fusion",
        "persist_layer_norm",
    )
    return {"use_cpu_initialization": True, **dict.fromkeys(fused_kernels, False)}


class _NoStream:
    """Is ``None`` when created, and still a class for whoever asks ``isinstance``."""

    def __new__(cls, *arguments: object, **settings: object) -> None:  # type: ignore[misc] # None is what is meant
        return None


@dataclass(frozen=True)
class Redirection:
    """One call that is replaced while a phase runs on a CPU.

    Attributes:
        target: the dotted name of what is replaced.
        replacement: what stands there instead.
        reason: who calls it, and why the replacement does there what is meant.
    """

    target: str
    replacement: Callable[..., Any]
    reason: str


REDIRECTIONS = (
    Redirection(
        "torch.cuda.current_device",
        lambda: torch.device("cpu"),
        "mcore's gradient buffers and checkpoint writer and NeMo's MegatronParallel pass it on as a device",
    ),
    Redirection(
        "torch.cuda.Stream",
        _NoStream,
        "NeMo builds Megatron's DDP on a side stream; torch.cuda.stream(None) is already a null context",
    ),
    Redirection(
        "torch.cuda.synchronize",
        lambda device=None: None,
        "mcore waits for copies to the host before it writes a checkpoint; on a CPU there are none",
    ),
    Redirection(
        "nemo.lightning.io.pl._fix_tensors_device",
        lambda checkpoint: checkpoint,
        "NeMo moves loaded tensors from one CUDA device to another, and insists that CUDA is initialized",
    ),
)
"""The calls without a switch that are replaced by name; :class:`CudaLiterals` has those without a name."""


MISSING_KERNEL = "megatron.core.transformer.moe.moe_utils.te_general_gemm"
"""Where the import of Transformer Engine failed, mcore's router of experts asks a name that there is not for None."""


class CudaLiterals(TorchFunctionMode):
    """Reads ``"cuda"``, where mcore and NeMo wrote it into the code, as the CPU.

    ``device="cuda"``, ``.to("cuda")`` and ``.cuda()`` stay on the CPU, ``pin_memory=True`` pins nothing, and
    ``tensor.type()`` answers as for a CUDA tensor, because mcore's optimizers ask for ``"torch.cuda.FloatTensor"``.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls ``func`` with every CUDA device replaced by the CPU."""
        if func is torch.Tensor.cuda:
            return args[0]
        settings = {name: _on_cpu(value) for name, value in (kwargs or {}).items()}
        if settings.get("pin_memory"):
            settings["pin_memory"] = False
        result = func(*map(_on_cpu, args), **settings)
        if func is torch.Tensor.type and isinstance(result, str):
            return result.replace("torch.", "torch.cuda.", 1)
        return result


def _on_cpu(value: Any) -> Any:
    is_device = isinstance(value, str | torch.device) and str(value).partition(":")[0] == "cuda"
    return torch.device("cpu") if is_device else value


@contextmanager
def redirected_to_cpu() -> Iterator[None]:
    """Redirects CUDA calls for as long as it is entered, and undoes it afterwards.

    Megatron's RNG tracker knows CUDA generators only; its own variant for inference, which forks nothing, takes its
    place: dropout draws from torch's CPU generator.

    Raises:
        RuntimeError: where CUDA is available.
    """
    if torch.cuda.is_available():
        raise RuntimeError(
            "redirected_to_cpu() was entered although CUDA is available: train with accelerator='gpu', which needs "
            "no redirection, or hide the GPU with CUDA_VISIBLE_DEVICES= in the environment."
        )
    from megatron.core.tensor_parallel.random import initialize_rng_tracker

    with ExitStack() as stack:
        for redirection in REDIRECTIONS:
            stack.enter_context(mock.patch(redirection.target, redirection.replacement))
        stack.enter_context(mock.patch(MISSING_KERNEL, None, create=True))
        initialize_rng_tracker(inference_rng_tracker=True, force_reset=True)
        stack.callback(initialize_rng_tracker, force_reset=True)
        stack.enter_context(CudaLiterals())
        yield
