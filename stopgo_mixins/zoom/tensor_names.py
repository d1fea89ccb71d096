"""What the tensors are called that the operators of a step read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_leaves

from stopgo_mixins.recorders.optimized import optimized_names
from stopgo_mixins.zoom.operation import Input

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState

_UNFILLED = ""
"""In place of the name of memory that nobody has written to."""


class TensorNames:
    """Names tensors by their memory, so that their views have a name, too; keeps none of them alive."""

    def __init__(self) -> None:
        self._before = _Memory()
        self._made = _Memory()

    def add(self, names: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Adds what is there before it is used; the first name of a tensor stays, whatever is written to it."""
        for name, tensor in names:
            if self._before.get(tensor) is None:
                self._before.set(tensor, name)

    def add_made(self, tensors: Iterable[object], name: str) -> None:
        """Adds what an operator makes."""
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor):
                self._made.set(tensor, name)

    def add_unfilled(self, tensors: Iterable[object]) -> None:
        """Adds memory to which nobody has written."""
        self.add_made(tensors, _UNFILLED)

    def is_unfilled(self, tensor: torch.Tensor) -> bool:
        """Whether nobody has written to its memory."""
        return self._made.get(tensor) == _UNFILLED

    def input(self, tensor: torch.Tensor, digest: str) -> Input:
        """A tensor that an operator reads, with its name or what can be said of one that has none."""
        if before := self._before.get(tensor):
            return Input(before, digest, self._made.get(tensor) is None)
        if made := self._made.get(tensor):
            return Input(made, digest, from_before=False)
        unseen = "that no operator made: it was there before, or is of compiled code, NumPy or C++"
        return Input(f"a tensor of shape {tuple(tensor.shape)} {unseen}", digest, from_before=True)


class _Memory:
    """Words for storages that live."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[StorageWeakRef, str]] = {}

    def set(self, tensor: torch.Tensor, word: str) -> None:
        if (address := _address(tensor)) is not None:
            self._said[address] = StorageWeakRef(tensor.untyped_storage()), word

    def get(self, tensor: torch.Tensor) -> str | None:
        found = self._said.get(_address(tensor) or 0)
        # The address of a storage that is gone may be that of another one by now.
        return None if found is None or found[0].expired() else found[1]


def _address(tensor: torch.Tensor) -> int | None:
    """``None`` for one that has no memory of its own."""
    return tensor.untyped_storage().data_ptr() or None if tensor.layout is torch.strided else None


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
