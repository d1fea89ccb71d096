"""Parameters, buffers and gradients."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from stopgo_mixins.recorders.recorder import Recorder, StateRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from stopgo_mixins.events import TrainingState


def _by_first_name(named_tensors: Iterable[tuple[str, Tensor]]) -> dict[str, object]:
    """``{first name: tensor}``, with the other names of tied tensors under ``"aliases"``."""
    first_name: dict[int, str] = {}
    tensors: dict[str, object] = {}
    aliases: dict[str, list[str]] = defaultdict(list)
    for name, tensor in named_tensors:
        if id(tensor) in first_name:
            aliases[first_name[id(tensor)]].append(name)
        else:
            first_name[id(tensor)] = name
            tensors[name] = tensor
    return {**tensors, "aliases": dict(aliases)} if aliases else tensors


class ParametersRecorder(StateRecorder):
    """The weights, tied ones under their first name, with which modules share them and which are trained."""

    metric = "parameters"

    def read(self, state: TrainingState) -> object:
        """``[name]`` tensors."""
        return _by_first_name(state.model.named_parameters(remove_duplicate=False))

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a model without parameters."""
        return None if any(True for _ in state.model.parameters()) else "the model has no parameters"


class BuffersRecorder(StateRecorder):
    """The buffers, whether they are saved with the model or not."""

    metric = "buffers"

    def read(self, state: TrainingState) -> object:
        """``[name]`` tensors."""
        return _by_first_name(state.model.named_buffers(remove_duplicate=False))

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a model without buffers."""
        return None if any(True for _ in state.model.buffers()) else "the model has no buffers"


class GradientsRecorder(Recorder):
    """The gradients of each update, accumulated over its micro-batches and reduced over ranks, before clipping."""

    metric = "gradients"

    def gradients_ready(self, state: TrainingState, gradients: Mapping[str, Tensor | None]) -> None:
        """Records ``[name]`` tensors; ``None`` for a parameter that took no part."""
        self.record(gradients)
