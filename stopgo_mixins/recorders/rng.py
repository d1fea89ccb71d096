"""The states of all random number generators."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.attributes import attributes
from stopgo_mixins.recorders.generators import generator_state, python_generator_state
from stopgo_mixins.recorders.recorder import StateRecorder

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class RngStateRecorder(StateRecorder):
    """Python's, NumPy's and torch's generators, every CUDA device's, and every generator object that is found.

    Found are those that are an attribute of the model, of one of its modules, of a callback, and of what holds the
    data (for Lightning the loaders with their samplers and data sets); those of loader workers are not.
    """

    metric = "rng_state"
    depends_on = ("train_input", "validation_schedule")
    kinds = (MetricKind.RANDOM_STREAMS,)
    changes_in_validation = True

    def read(self, state: TrainingState) -> object:
        """``[stream]``: ``python``, ``numpy``, ``torch``, ``cuda:0``..., and the names of the objects."""
        objects = {name: generator_state(generator) for name, generator in generator_objects(state).items()}
        return {**global_rng_streams(), **objects, **state.extra_rng_streams()}


def global_rng_streams() -> dict[str, Any]:
    """The states of the process's global generators, by stream; nothing is drawn and CUDA is not started."""
    streams: dict[str, Any] = {
        "python": python_generator_state(random.getstate()),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        streams |= {f"cuda:{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    return streams


def generator_objects(state: TrainingState) -> dict[str, object]:
    """The generators that are an attribute of a module, a callback or what holds the data, by name."""
    named = {**dict(attributes(state)), **state.generators()}
    return {name: value for name, value in named.items() if generator_state(value) is not None}
