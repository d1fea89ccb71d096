"""Averaged weights: a second copy of the weights that follows the trained ones (EMA, SWA, Polyak)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from stopgo_mixins.recorders.attributes import attributes
from stopgo_mixins.recorders.recorder import StateRecorder

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class AveragedWeightsRecorder(StateRecorder):
    """Every copy of the model's weights that is not the model itself.

    Found are: each ``torch.optim.swa_utils.AveragedModel`` that is a sub-module of the model; and each attribute of
    the model, of one of its modules or of a callback that is an ``AveragedModel`` or a module of the same class as
    the model or one of its sub-modules.
    Lightning's ``WeightAveraging``, ``EMAWeightAveraging`` and ``StochasticWeightAveraging`` keep theirs so.
    A hand-written average that is a registered sub-module of another class is part of ``parameters``, under its path;
    one that a callback saves as tensors is part of ``callback_state``, and one that is kept in any other way part of
    ``unsaved_state``.
    """

    metric = "averaged_weights"
    depends_on = ("parameters", "buffers")
    at_once = ("parameters", "buffers")

    def read(self, state: TrainingState) -> object:
        """``[name of the copy][name]`` tensors: weights, buffers and the number of averaged updates."""
        return {name: _tensors(copy) for name, copy in averaged_copies(state)}

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable where no module is an average."""
        if any(True for _ in averaged_copies(state)):
            return None
        nothing = "no averaged weights were found among the modules that hang on the model or on a callback"
        tensors = ", ".join(_dictionaries(state))
        others = f"; {tensors} may hold some, but as tensors, which are part of callback_state or unsaved_state"
        return nothing + (others if tensors else "")


def trained_tensors(model: nn.Module, named: Iterator[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Leaves out what belongs to an averaged copy among the model's sub-modules."""
    copies = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, AveragedModel))
    return ((name, tensor) for name, tensor in named if not name.startswith(copies))


def averaged_copies(state: TrainingState) -> Iterator[tuple[str, nn.Module]]:
    """Yields ``(name, copy)`` for each module that is a copy of the model or of one of its modules."""
    modules = dict(state.model.named_modules(prefix="model"))
    yield from ((name, module) for name, module in modules.items() if isinstance(module, AveragedModel))
    own = {id(module) for module in modules.values()}
    classes = {AveragedModel, *map(type, modules.values())}
    for name, value in attributes(state):
        if isinstance(value, nn.Module) and type(value) in classes and id(value) not in own:
            yield name, value


def _dictionaries(state: TrainingState) -> Iterator[str]:
    """The names of what holds a tensor for each of some parameters, as averages that are written by hand do."""
    named = state.model.named_parameters()
    shapes = {name: parameter.shape for name, parameter in named if not is_lazy(parameter)}
    for name, value in attributes(state):
        if isinstance(value, Mapping) and value and all(_is_like(shapes, *item) for item in value.items()):
            yield name


def _is_like(shapes: Mapping[str, torch.Size], name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor) and shapes.get(name) == value.shape


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
