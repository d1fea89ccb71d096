"""Finds what hangs on the model, its modules and the trainer's callbacks without being registered with torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState

REGISTRIES = frozenset(vars(nn.Module()))
"""Where a module keeps its parameters, buffers, sub-modules and hooks."""


def attributes(state: TrainingState) -> Iterator[tuple[str, object]]:
    """Yields ``(name, value)`` for each plain attribute of every module and of every callback of the user.

    Names look like ``model.encoder.generator`` and ``EmaCallback.average``.
    """
    yield from module_attributes(state.model)
    for name, callback in state.callbacks().items():
        yield from ((f"{name}.{key}", value) for key, value in vars(callback).items())


def module_attributes(model: nn.Module) -> Iterator[tuple[str, object]]:
    """Yields ``(name, value)`` for each plain attribute of a model and of its sub-modules."""
    for name, module in model.named_modules(prefix="model"):
        yield from ((f"{name}.{key}", value) for key, value in vars(module).items() if key not in REGISTRIES)
