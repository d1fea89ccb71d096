"""The outputs of a model's direct children, without leaving anything on the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook


class ChildOutputs:
    """Listens to every call of a direct child of one model.

    It does so by torch's hook for all modules: a hook of the children themselves would travel with every copy and
    pickle of them.
    What a child's own forward hooks make of its output is therefore not seen, except by whoever reads it next.

    Args:
        model: whose children.
        heard: is called with ``(name, call, output)``, the calls of a child being numbered from 0.
        wanted: whether anybody wants to hear them; else the run is spared a hook on every module.
    """

    def __init__(self, model: nn.Module, heard: Callable[[str, int, object], None], *, wanted: bool = True) -> None:
        self._names = {id(child): name for name, child in model.named_children()} if wanted else {}
        self._heard = heard
        self._calls: Counter[str] = Counter()
        self._called: set[str] = set()
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
    def never_called(self) -> list[str]:
        """The names of the children of which nothing was heard."""
        return [name for name in self._names.values() if name not in self._called]

    def _hook(self, module: nn.Module, _args: Any, output: Any) -> None:
        if not self._listening or (name := self._names.get(id(module))) is None:
            return
        self._called.add(name)
        self._heard(name, self._calls[name], output)
        self._calls[name] += 1
