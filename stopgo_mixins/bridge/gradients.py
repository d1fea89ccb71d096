"""The gradients with which an optimizer is about to step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from stopgo_mixins.events import TrainingState


def gradients_of(state: TrainingState, optimizer: Optimizer) -> dict[str, Tensor | None]:
    """The gradients of what an optimizer holds, by the names that the model has for it."""
    names = state.parameter_names()
    held = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return {names[id(parameter)]: parameter.grad for parameter in held if id(parameter) in names}
