"""Finds the trained module under the wrappers that NeMo and Megatron put around it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn


def trained_module(chunks: Iterable[nn.Module]) -> nn.Module:
    """The module whose parameters are trained: the only chunk, or a list of the chunks of a virtual pipeline.

    Args:
        chunks: the LightningModules that ``MegatronParallel`` holds.
    """
    modules = [unwrapped(chunk) for chunk in chunks]
    return modules[0] if len(modules) == 1 else nn.ModuleList(modules)


def unwrapped(chunk: nn.Module) -> nn.Module:
    """Takes off the LightningModule, Megatron's DDP and ``Float16Module``: each holds the next one as ``module``."""
    module: Any = chunk
    while isinstance(module._modules.get("module"), nn.Module):
        module = module._modules["module"]
    return module  # type: ignore[no-any-return] # Any, because nn.Module types its attributes as tensors
