"""What the tensors that are there before a step are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch.utils._pytree import tree_leaves

from stopgo_mixins.recorders.optimized import optimized_names

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class TensorNames:
    """Names tensors by their memory, so that their views have a name, too."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._held: list[torch.UntypedStorage] = []  # or its address could be given to another one

    def add(self, names: Iterator[tuple[str, torch.Tensor]]) -> None:
        """Adds names; the first one of a tensor stays."""
        for name, tensor in names:
            if tensor.layout is torch.strided:
                self._held.append(tensor.untyped_storage())
                self._names.setdefault(self._held[-1].data_ptr(), name)

    def of(self, tensor: torch.Tensor) -> str:
        """The name of a tensor, or what can be said of one that has none."""
        unnamed = f"a tensor of shape {tuple(tensor.shape)} from before the step"
        return self._names.get(tensor.untyped_storage().data_ptr(), unnamed)


def names_of_state(state: TrainingState) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters, buffers, other tensors among the attributes of modules, gradients and the optimizers' state."""
    model = state.model
    yield from (*model.named_parameters(), *model.named_buffers())
    for module_name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                yield f"{module_name}.{attribute}".lstrip("."), value
    yield from ((f"the gradient of {name}", p.grad) for name, p in model.named_parameters() if p.grad is not None)
    for optimizer, name in zip(state.optimizers, optimized_names(state), strict=True):
        for parameter, entries in optimizer.state.items():
            for entry, value in entries.items():
                if isinstance(value, torch.Tensor):
                    yield f"{entry} of {name(parameter)}", value


def names_of_batch(batch: object) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a batch."""
    return (("the batch", leaf) for leaf in tree_leaves(batch) if isinstance(leaf, torch.Tensor))
