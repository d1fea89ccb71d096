"""Skips test classes where the devices that they need are missing, saying what was found."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import TypeVar

import torch

_TestClass = TypeVar("_TestClass", bound=type)


def missing_gpus(count: int) -> str | None:
    """Why ``count`` GPUs are not to be had, or ``None`` where they are."""
    if not torch.backends.cuda.is_built():
        return f"needs {count} CUDA device(s); torch {torch.__version__} is built without CUDA: install a build with it"
    found = torch.cuda.device_count()
    if found < count:
        return f"needs {count} CUDA device(s), found {found}"
    return None


def require_gpu(count: int = 1) -> Callable[[_TestClass], _TestClass]:
    """Class decorator: skips the class where fewer than ``count`` CUDA devices are visible."""

    def decorate(test_class: _TestClass) -> _TestClass:
        reason = missing_gpus(count)
        return unittest.skip(reason)(test_class) if reason else test_class

    return decorate
