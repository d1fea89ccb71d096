"""Parameters, buffers, extra state and gradients."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING

from torch import nn

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.averaging import trained_tensors
from stopgo_mixins.recorders.recorder import Recorder, StateRecorder
from stopgo_mixins.recorders.shards import Shards
from stopgo_mixins.recorders.stages import FORWARD_PASS, UPDATE
from stopgo_mixins.recorders.wholes import Same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

    from stopgo_mixins.events import TrainingState


ALIASES, FROZEN = ".aliases", ".frozen"
"""What stands beside the tensors: torch lets no tensor have a name that starts with a dot."""


def _by_first_name(named_tensors: Iterable[tuple[str, Tensor]]) -> dict[str, object]:
    """``{first name: tensor}``, with the other names of tied tensors under :data:`ALIASES`."""
    first_name: dict[int, str] = {}
    tensors: dict[str, object] = {}
    aliases: dict[str, list[str]] = defaultdict(list)
    for name, tensor in named_tensors:
        if id(tensor) in first_name:
            aliases[first_name[id(tensor)]].append(name)
        else:
            first_name[id(tensor)] = name
            tensors[name] = tensor
    return {**tensors, ALIASES: dict(aliases)} if aliases else tensors


class ParametersRecorder(StateRecorder):
    """The weights, tied ones under their first name, with which modules share them and which are not trained.

    Averaged weights among the model's sub-modules are a metric of their own.
    """

    metric = "parameters"
    depends_on = UPDATE
    indispensable = True
    whole = Shards()

    def read(self, state: TrainingState) -> object:
        """``[name]`` tensors, and ``['.frozen'][name]`` for those that require no gradient."""
        named = trained_tensors(state.model, state.model.named_parameters(remove_duplicate=False))
        tensors = _by_first_name(named)
        frozen = {name: True for name, parameter in state.model.named_parameters() if not parameter.requires_grad}
        return {**tensors, FROZEN: frozen} if frozen else tensors

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a model without parameters."""
        return None if any(True for _ in state.model.parameters()) else "the model has no parameters"


class BuffersRecorder(StateRecorder):
    """The buffers, whether they are saved with the model or not; those of averaged weights are not among them."""

    metric = "buffers"
    depends_on = ("train_output", "train_input", *FORWARD_PASS)
    indispensable = True
    whole = Same(is_rounded=True)

    def read(self, state: TrainingState) -> object:
        """``[name]`` tensors."""
        return _by_first_name(trained_tensors(state.model, state.model.named_buffers(remove_duplicate=False)))

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a model without buffers."""
        return None if self.read(state) else "the model has no buffers"


class ExtraStateRecorder(StateRecorder):
    """What modules keep beside parameters and buffers, as fp8 scales are kept: each ``get_extra_state()``."""

    metric = "extra_state"
    depends_on = ("train_output", "train_input", *FORWARD_PASS)

    def read(self, state: TrainingState) -> object:
        """``[module]`` values."""
        return extra_states(state.model)

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a model of which no module defines ``get_extra_state``."""
        return None if any(True for _ in _with_extra_state(state.model)) else "no module has an extra state"


def extra_states(model: nn.Module) -> dict[str, object]:
    """What each ``get_extra_state()`` returns, by the name of the module."""
    return {name: _extra_state(module) for name, module in _with_extra_state(model)}


def _with_extra_state(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return (
        (name, module)
        for name, module in model.named_modules()
        if type(module).get_extra_state is not nn.Module.get_extra_state
    )


def _extra_state(module: nn.Module) -> object:
    value = module.get_extra_state()
    return value.getvalue() if isinstance(value, io.BytesIO) else value


class GradientsRecorder(Recorder):
    """The gradients of each update, accumulated over its micro-batches and reduced over ranks, before clipping."""

    metric = "gradients"
    depends_on = ("train_loss", "train_output", "train_input", "precision_state", *FORWARD_PASS)
    kinds = (MetricKind.GRADIENTS,)
    whole = Shards()

    def gradients_ready(self, state: TrainingState, gradients: Mapping[str, Tensor | None]) -> None:
        """Records ``[name]`` tensors; ``None`` for a parameter that took no part."""
        self.record(gradients)
