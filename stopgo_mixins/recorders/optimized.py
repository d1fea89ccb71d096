"""Names for whatever an optimizer holds, whether a module owns it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from stopgo_mixins.events import TrainingState


def optimized_names(state: TrainingState) -> Iterator[Callable[[object], str]]:
    """Yields, for each optimizer, the function that names what it holds and what its state is kept under.

    A parameter has its name in the model.
    A tensor that no module owns is known by its place, such as ``not in the model: optimizer 0, group 1, parameter 3``,
    and one that is in no group any more by the place of its state.
    Some optimizers also keep an entry for the whole, under a string: ``.state 'n_averaged'``; the name of no parameter
    starts with a dot.
    """
    in_the_model = state.parameter_names()
    for number, optimizer in enumerate(state.optimizers):
        yield _namer({**_by_place(number, optimizer), **in_the_model})


def _namer(names: dict[int, str]) -> Callable[[object], str]:
    return lambda held: names[id(held)] if isinstance(held, Tensor) else f".state {held!r}"


def _by_place(number: int, optimizer: Optimizer) -> dict[int, str]:
    states = {id(tensor): f"state {place}" for place, tensor in enumerate(optimizer.state)}
    grouped = {
        id(tensor): f"group {group}, parameter {place}"
        for group, held in enumerate(optimizer.param_groups)
        for place, tensor in enumerate(held["params"])
    }
    return {key: f"not in the model: optimizer {number}, {place}" for key, place in {**states, **grouped}.items()}
