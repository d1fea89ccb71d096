"""The functions and methods of torch and of other libraries that training works with, which somebody may replace."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

_PACKAGES = ("torch.nn", "torch.optim", "torch.utils.data", "torch.functional")
_MODULES = ("torch", "torch._tensor", "numpy", "random", "math", "time")
_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    classmethod,
    staticmethod,
    type,
)

_TORCH = str(Path(torch.__file__).parent)

LibraryFunctions = Mapping[str, Mapping[str, object]]
"""Module or class -> name -> what it is."""


def library_functions() -> LibraryFunctions:
    """What the names of functions and methods stand for now."""
    found: dict[str, Mapping[str, object]] = {}
    for name, module in list(sys.modules.items()):
        if name in _MODULES or name.startswith(_PACKAGES):
            found[name] = dict(vars(module))
            for part in found[name].values():
                if isinstance(part, type) and part.__module__ == name:
                    found[f"{name}.{part.__qualname__}"] = dict(vars(part))
    return found


def replaced_functions(before: LibraryFunctions, after: LibraryFunctions) -> Iterator[str]:
    """The names that stand for another function than before."""
    for owner, functions in before.items():
        now = after.get(owner, {})
        for name, function in functions.items():
            replacement = now.get(name)
            if isinstance(function, _FUNCTIONS) and replacement is not function and not _is_of_torch(replacement):
                yield f"{owner}.{name}"


def _is_of_torch(replacement: object) -> bool:
    """Whether torch itself has wrapped a function: the first optimizer of a process, or of a class, lets it do so."""
    code = getattr(replacement, "__code__", None)
    return code is not None and hasattr(replacement, "__wrapped__") and code.co_filename.startswith(_TORCH)
