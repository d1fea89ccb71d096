"""Where faults reach into Lightning's checkpoint file."""

from __future__ import annotations

from typing import Any

import torch
from typing_extensions import override

from stopgo_mixins.faults.saved_state import SavedState


class LightningSavedState(SavedState):
    """A checkpoint file of Lightning.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._content = self._read()
        self._fit: dict[str, Any] = self._content["loops"]["fit_loop"]
        self._batches: dict[str, Any] = self._fit["epoch_loop.batch_progress"]
        self.weights = self._content["state_dict"]
        self.optimizers = self._content["optimizer_states"]
        self.schedulers = self._content["lr_schedulers"]
        self.scalers = [self._content[plugin] for plugin in _SCALING_PLUGINS if plugin in self._content]
        self.loaders = self._fit["state_dict"].setdefault("combined_loader", [])
        self.batches_read = self._batches["total"]["processed"]
        self.at_epoch_end = self._batches["is_last_batch"]

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=False)
        return content

    @override
    def move_global_step(self, steps: int) -> None:
        for progress in self._optimizer_steps():
            progress["total"]["completed"] += steps

    def _optimizer_steps(self) -> list[dict[str, Any]]:
        """The counters of automatic and of manual optimization, the one in use being above 0."""
        automatic = self._fit["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
        manual = self._fit["epoch_loop.manual_optimization.optim_step_progress"]
        return [progress for progress in (automatic, manual) if progress["total"]["completed"]]

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        for counter in self._batches["total"]:  # all of them: how they differ tells where the loop was left
            self._batches["total"][counter] += micro_batches

    @override
    def restart_logged_steps(self) -> None:
        self._fit["epoch_loop.state_dict"]["_batches_that_stepped"] = 0

    @override
    def write(self) -> None:
        torch.save(self._content, self._path)


_SCALING_PLUGINS = ("MixedPrecision",)
"""The precision plugins that keep the state of a gradient scaler, as Lightning calls it in its checkpoints."""
