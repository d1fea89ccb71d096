"""Where faults reach into NeMo: its checkpoint directory, with mcore's sharded tensors, and when it validates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback
from typing_extensions import override

from stopgo_mixins.backends.fit_loop import loops
from stopgo_mixins.faults.fault import NotApplicable
from stopgo_mixins.faults.saved_state import SavedState
from stopgo_mixins.faults.sharded_checkpoint import ShardedCheckpoint

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch import Tensor

_OPTIMIZER_ENTRY = re.compile(r"optimizer\.state\.(?P<entry>\w+)\.module\.(?P<parameter>.+)")
"""How mcore calls an entry of an optimizer's state; weights are called ``module.<name>``."""

_STACKED_LAYERS = re.compile(r"\.layers\.(?!\d)")
"""In the name of a tensor that holds all layers, stacked along its first dimension."""

_MASTER = {"fp32_param": "master_param"}
"""mcore's name -> that of other optimizers, for the fp32 copies of low-precision weights."""

_BESIDE_MOMENTS = ("step", *_MASTER.values())
"""What a fresh optimizer does not hold as zeros."""


class MegatronSavedState(SavedState):
    """A checkpoint directory of NeMo in mcore's ``torch_dist`` format.

    Sharded tensors lie in ``weights/*.distcp``, everything else in ``weights/common.pt``.
    mcore keeps one step counter for all parameters; here each has it, and the first one's is written back.

    Args:
        path: of the directory.
        micro_batches_per_update: that one rank reads; the checkpoint counts updates.
    """

    def __init__(self, path: str, micro_batches_per_update: int) -> None:
        self._weights = Path(path) / "weights"
        self._shards = ShardedCheckpoint(self._weights)
        self._common: dict[str, Any] = torch.load(self._common_path, map_location="cpu", weights_only=False)
        self._fit: dict[str, Any] = self._common["loops"]["fit_loop"]
        self.weights = {name.removeprefix("module."): tensor for name, tensor in self._tensors("module.")}
        self._members = list(_optimizers(self._common.get("optimizer", [])))
        self._counters = [member["state"] for member in self._members if "common_step" in member.get("state", {})]
        state = self._optimizer_state()
        # Which member optimizes what is not in the checkpoint, and no fault asks.
        self.optimizers = [
            {"state": {} if index else state, "param_groups": member["param_groups"]}
            for index, member in enumerate(self._members)
        ]
        self.schedulers = self._common["lr_schedulers"]
        self.scalers = [each["grad_scaler"] for each in self._common.get("optimizer", []) if "grad_scaler" in each]
        self._positions = [name for name, part in self._common.items() if _is_position(part)]
        self.loaders = [self._common[name] for name in self._positions]
        batches = self._fit["epoch_loop.batch_progress"]
        self.batches_read = batches["total"]["processed"] * micro_batches_per_update
        self.at_epoch_end = batches["is_last_batch"]

    @property
    def _common_path(self) -> Path:
        return self._weights / "common.pt"

    def _tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """Every tensor under the name that it has in the model; those of stacked layers are views."""
        for name, tensor in self._shards.tensors.items():
            if not name.startswith(prefix):
                continue
            before, *after = _STACKED_LAYERS.split(name)
            if after:
                yield from ((f"{before}.layers.{index}.{after[0]}", layer) for index, layer in enumerate(tensor))
            else:
                yield name, tensor

    def _optimizer_state(self) -> dict[str, dict[str, Any]]:
        state: dict[str, dict[str, Any]] = {}
        for name, tensor in self._tensors("optimizer."):
            if found := _OPTIMIZER_ENTRY.fullmatch(name):
                entry = _MASTER.get(found["entry"], found["entry"])
                state.setdefault(found["parameter"], {})[entry] = tensor
        for entries in state.values():
            if self._counters:
                entries["step"] = self._counters[0]["common_step"]
        return state

    @override
    def move_global_step(self, steps: int) -> None:
        self._common["global_step"] += steps
        self._fit["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]["total"]["completed"] += (
            steps
        )

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        raise NotApplicable(
            "Megatron's sampler begins at the count of samples that the checkpoint holds: data and count move together"
        )

    @override
    def restart_logged_steps(self) -> None:
        raise NotApplicable("NeMo logs under the global step, and keeps no other count of it that could restart")

    @override
    def require_shuffling(self) -> None:
        raise NotApplicable(
            "Megatron's samplers compute the order of the samples from their count, and no generator has a part in it"
        )

    @override
    def write(self) -> None:
        self._write_back_state()
        if not self.loaders:
            for name in self._positions:
                del self._common[name]
        torch.save(self._common, self._common_path)
        self._shards.write()

    def _write_back_state(self) -> None:
        """Writes an empty state as mcore creates one: it does so before it loads, and wants to load all of it."""
        left = {name: entries for optimizer in self.optimizers for name, entries in optimizer["state"].items()}
        for name, entries in self._optimizer_state().items():
            if name not in left:
                for entry, value in entries.items():
                    if entry not in _BESIDE_MOMENTS:
                        value.zero_()
        for counter in self._counters:
            counter["common_step"] = next(
                (entries["step"] for entries in left.values()), torch.zeros_like(counter["common_step"])
            )


def _is_position(part: object) -> bool:
    """Whether a part of the checkpoint is what a data module keeps of its position."""
    return isinstance(part, dict) and "consumed_samples" in part


def _optimizers(saved: Any) -> Iterator[dict[str, Any]]:
    """What the torch optimizers inside mcore's returned, whatever mcore put around them."""
    for part in saved.values() if isinstance(saved, dict) else saved:
        if isinstance(part, dict) and "param_groups" in part:
            yield part
        elif isinstance(part, dict):
            yield from _optimizers(part)


class _LaterValidations(Callback):
    """Moves the validations once training starts: before that, NeMo's strategy replaces the loop that times them."""

    def __init__(self, updates: int) -> None:
        self._updates = updates

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loops.move_validations(trainer, self._updates)


def move_validations(trainer: Any, updates: int) -> None:
    """Lets every validation of a fit come so many updates later, whose micro-batches are one batch to Lightning."""
    trainer.callbacks.append(_LaterValidations(updates))
