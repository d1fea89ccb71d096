"""Where faults reach into the checkpoint directory of ``transformers.Trainer``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typing_extensions import override

from stopgo_mixins.faults.fault import NotApplicable
from stopgo_mixins.faults.saved_state import SavedState

_WEIGHTS, _STATE = "model.safetensors", "trainer_state.json"


class TransformersSavedState(SavedState):
    """A checkpoint directory.

    Args:
        path: of the directory.
        micro_batches: in each update.
    """

    def __init__(self, path: str, micro_batches: int) -> None:
        self._directory = Path(path)
        self.weights = load_file(self._directory / _WEIGHTS)
        with safe_open(self._directory / _WEIGHTS, framework="pt") as file:
            self._metadata: dict[str, str] = file.metadata()
        self._state: dict[str, Any] = json.loads((self._directory / _STATE).read_text(encoding="utf-8"))
        self.optimizers, self.schedulers = self._read("optimizer.pt"), self._read("scheduler.pt")
        self.scalers = self._read("scaler.pt")
        self.loaders = []  # it saves none: what was read follows from the number of updates
        self.batches_read = self._state["global_step"] * micro_batches
        self.at_epoch_end = float(self._state["epoch"]).is_integer()

    def _read(self, name: str) -> list[Any]:
        path = self._directory / name
        return [torch.load(path, map_location="cpu", weights_only=False)] if path.exists() else []

    @override
    def move_global_step(self, steps: int) -> None:
        self._state["global_step"] += steps

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        raise NotApplicable("the trainer keeps no count of samples: what it has read follows from its updates")

    @override
    def restart_logged_steps(self) -> None:
        raise NotApplicable("the trainer logs under its count of updates")

    @override
    def write(self) -> None:
        save_file(dict(self.weights), self._directory / _WEIGHTS, self._metadata)
        (self._directory / _STATE).write_text(json.dumps(self._state), encoding="utf-8")
        for name, held in (("optimizer", self.optimizers), ("scheduler", self.schedulers), ("scaler", self.scalers)):
            for content in held:
                torch.save(content, self._directory / f"{name}.pt")
