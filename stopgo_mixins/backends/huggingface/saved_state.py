"""Where faults reach into the checkpoint directory of ``transformers.Trainer``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINER_STATE_NAME
from typing_extensions import override

from stopgo_mixins.backends.huggingface.bridge import own_state
from stopgo_mixins.faults.fault import NotApplicable
from stopgo_mixins.faults.saved_files import SavedFiles


class TransformersSavedState(SavedFiles):
    """A checkpoint directory: safetensors, torch files, and the trainer's counters as JSON.

    Args:
        path: of the directory.
    """

    def __init__(self, path: str) -> None:
        self._json = Path(path, TRAINER_STATE_NAME)
        self._counters: dict[str, Any] = json.loads(self._json.read_text(encoding="utf-8"))
        own: Any = own_state(path)  # never None: a bridge listened to the phase that wrote it
        super().__init__(path, own["batches"], float(self._counters["epoch"]).is_integer())

    @override
    def move_global_step(self, steps: int) -> None:
        self._counters["global_step"] += steps

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        raise NotApplicable("the trainer counts its samples by its steps")

    @override
    def restart_logged_steps(self) -> None:
        raise NotApplicable("the trainer logs under its count of updates")

    @override
    def require_shuffling(self) -> None:
        raise NotApplicable("the trainer draws the order of an epoch from its seed and the number of the epoch")

    @override
    def write(self) -> None:
        super().write()
        self._json.write_text(json.dumps(self._counters), encoding="utf-8")
