"""The remedy for random numbers: Lightning's checkpoints hold no state of any generator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.package import Callback
from stopgo_mixins.bridge.ranks import gathered, number_of_ranks, own_rank
from stopgo_mixins.recorders.attributes import module_attributes

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

_GENERATORS = "RngStateCallback.generators"
"""Where a checkpoint holds the states of the module's own generators."""


class RngStateCallback(Callback):
    """Saves every rank's global generators with every checkpoint, and restores them before the first resumed step.

    Python's, NumPy's, torch's and every CUDA device's generator are covered, and each ``torch.Generator`` that is an
    attribute of the module or of one of its sub-modules. What loader workers draw is not, nor is a generator that was
    given to a loader or a sampler: to continue from it is the loader's own task.
    All ranks' states are gathered, because only rank 0 writes them.
    The state consists of tensors, numbers and lists, so that a checkpoint loads with ``weights_only=True``.
    Restored twice: before training starts, since a loader may draw random numbers for the first batch; and after a
    validation that precedes the first batch, since Lightning 2.4 repeats the one in which the checkpoint was written.
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] | None = None
        self._restored_generators: dict[str, torch.Tensor] = {}

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"ranks": gathered(self.captured())}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = _of_this_rank(state_dict["ranks"])

    def captured(self) -> dict[str, Any]:
        """The states of this rank's generators."""
        return capture_rng_state()

    @override
    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        own = {name: generator.get_state() for name, generator in _generators(pl_module)}
        checkpoint[_GENERATORS] = gathered(own)

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if _GENERATORS in checkpoint:
            self._restored_generators = _of_this_rank(checkpoint[_GENERATORS])

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()
        self._restore_generators(pl_module)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._restore()
            self._restore_generators(pl_module)

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._restored = None
        self._restored_generators = {}

    def _restore(self) -> None:
        if self._restored is not None:
            restore_rng_state(self._restored)

    def _restore_generators(self, module: LightningModule) -> None:
        for name, generator in _generators(module):
            if name in self._restored_generators:
                generator.set_state(self._restored_generators[name].cpu())


def _of_this_rank(ranks: list[Any]) -> Any:
    if len(ranks) != number_of_ranks():
        raise RuntimeError(
            f"the checkpoint holds the generators of {len(ranks)} ranks, this run has {number_of_ranks()}: random "
            "numbers cannot continue with another number of ranks."
        )
    return ranks[own_rank()]


def _generators(module: LightningModule) -> Iterator[tuple[str, torch.Generator]]:
    return ((name, value) for name, value in module_attributes(module) if isinstance(value, torch.Generator))


def capture_rng_state() -> dict[str, Any]:
    """The states of the global generators, as tensors, numbers, strings and lists."""
    version, words, gauss = random.getstate()
    numpy = np.random.get_state(legacy=False)
    return {
        "python": [version, list(words), gauss],
        "numpy": [numpy["state"]["key"].tolist(), numpy["state"]["pos"], numpy["has_gauss"], numpy["gauss"]],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_rng_state(state: dict[str, Any]) -> None:
    """Puts the global generators into a captured state."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    keys, position, has_gauss, cached_gaussian = state["numpy"]
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), position, has_gauss, cached_gaussian))
    torch.set_rng_state(state["torch"].cpu())
    for device, cuda_state in enumerate(state["cuda"]):
        torch.cuda.set_rng_state(cuda_state.cpu(), device)
