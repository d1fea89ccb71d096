"""The outputs of a model's direct children, without leaving anything on the model."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook


class ChildOutputs:
    """Listens to every call of a direct child of one model.

    It does so by torch's hook for all modules: a hook of the children themselves would travel with every copy and
    pickle of them.
    What a child's own forward hooks make of its output is therefore not seen, except by whoever reads it next.
    Nor is what happens within compiled code, which stays what it is without a listener.

    Args:
        model: whose children.
        heard: is called with ``(name, call, output)``, the calls of a child being numbered from 0.
        wanted: whether anybody wants to hear them; else the run is spared a hook on every module.
    """

    def __init__(self, model: nn.Module, heard: Callable[[str, int, object], None], *, wanted: bool = True) -> None:
        self._names = {id(child): name for name, child in model.named_children()} if wanted else {}
        self._heard = heard
        self._calls: Counter[str] = Counter()
        self._heard_of: set[str] = set()
        self._listening = False
        self._handle = register_module_forward_hook(self._hook) if wanted else None

    def listen(self) -> None:
        """Listens from now on; calls are numbered from 0 again."""
        self._calls.clear()
        self._listening = True

    def pause(self) -> None:
        """Hears nothing until :meth:`listen` is called again."""
        self._listening = False

    def remove(self) -> None:
        """Lets go of the model."""
        if self._handle is not None:
            self._handle.remove()
        self._names = {}

    @property
    def unheard(self) -> list[str]:
        """The names of the children of which nothing was heard."""
        return [name for name in self._names.values() if name not in self._heard_of]

    def _hook(self, module: nn.Module, _args: Any, output: Any) -> None:
        if torch.compiler.is_compiling():  # else this, and what hears of it, would become a part of the compiled code
            return
        if not self._listening or (name := self._names.get(id(module))) is None:
            return
        self._heard_of.add(name)
        self._heard(name, self._calls[name], output)
        self._calls[name] += 1


@contextmanager
def unwarned_of_compiled_modules() -> Iterator[None]:
    """Where warnings are errors, torch's of a hook for all modules would end the phase of a compiled one.

    It says that such a hook is called once more for the wrapper, which has a name of its own here.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Using `torch\.compile\(module\)` when there are global hooks")
        yield
