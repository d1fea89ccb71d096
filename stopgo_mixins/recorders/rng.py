"""The states of all random number generators."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stopgo_mixins.recorders.recorder import StateRecorder

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class RngStateRecorder(StateRecorder):
    """Python's, NumPy's and torch's generators, every CUDA device's, and what else the trainer or its data own."""

    metric = "rng_state"

    def read(self, state: TrainingState) -> object:
        """``[stream]``: ``python``, ``numpy``, ``torch``, ``cuda:0``..., and the names that the trainer gives."""
        return {**global_rng_streams(), **state.generators(), **state.extra_rng_streams()}


def global_rng_streams() -> dict[str, Any]:
    """The states of the process's global generators, by stream; nothing is drawn and CUDA is not started."""
    _, words, gauss = random.getstate()
    streams: dict[str, Any] = {
        "python": {"words": np.array(words, dtype=np.uint64), "gauss": gauss},
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        streams |= {f"cuda:{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    return streams
