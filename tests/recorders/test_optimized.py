"""What an optimizer holds has one name each, also where no module owns it."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins import Mode
from stopgo_mixins.events import TrainingState
from stopgo_mixins.recorders.model import BuffersRecorder, ParametersRecorder
from stopgo_mixins.recorders.optimizer import OptimizerStateRecorder
from stopgo_mixins.recorders.schedule import ParamGroupsRecorder
from tests.recorders.breaking import RESTORED, EditedCheckpointMixin, MetricCase
from tests.tiny import TinyModule, tiny_loaders


class State(TrainingState):
    """A model and optimizers without a trainer."""

    def __init__(self, model: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
        self._model, self._optimizers = model, optimizers

    @property
    def model(self) -> nn.Module:
        return self._model

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        return self._optimizers


def tensor() -> Tensor:
    return torch.ones(2, requires_grad=True)


def entries(optimizer: torch.optim.Optimizer, *held: object) -> None:
    for number, key in enumerate(held):
        optimizer.state[key] = {"number": number}


class TestNames(unittest.TestCase):
    def setUp(self) -> None:
        self.model = nn.Linear(2, 2)

    def names(self, *optimizers: torch.optim.Optimizer) -> list[list[str]]:
        read: Any = OptimizerStateRecorder().read(State(self.model, *optimizers))
        return [[name for name in each if name != ".class"] for each in read]

    def test_a_tensor_that_no_module_owns_is_known_by_its_place(self) -> None:
        first, second, third = tensor(), tensor(), tensor()
        others = torch.optim.SGD([tensor()], lr=0.1)
        mixed = torch.optim.SGD([{"params": [self.model.weight, first]}, {"params": [second, third]}], lr=0.1)
        entries(mixed, self.model.weight, first, second, third)
        place = "not in the model: optimizer 1, group {}, parameter {}".format
        self.assertEqual(self.names(others, mixed), [[], ["weight", place(0, 1), place(1, 0), place(1, 1)]])
        groups: Any = ParamGroupsRecorder().read(State(self.model, others, mixed))
        self.assertEqual(groups[0][0]["params"], ["not in the model: optimizer 0, group 0, parameter 0"])
        self.assertEqual(groups[1][0]["params"], ["weight", place(0, 1)])
        self.assertEqual(groups[1][1]["params"], [place(1, 0), place(1, 1)])

    def test_one_in_several_optimizers_keeps_a_state_in_each(self) -> None:
        shared = tensor()
        optimizers = [torch.optim.SGD([shared], lr=0.1) for _ in range(2)]
        for number, optimizer in enumerate(optimizers):
            optimizer.state[shared] = {"momentum": number}
        read: Any = OptimizerStateRecorder().read(State(self.model, *optimizers))
        name = "not in the model: optimizer {}, group 0, parameter 0".format
        self.assertEqual([read[0][name(0)], read[1][name(1)]], [{"momentum": 0}, {"momentum": 1}])

    def test_a_state_whose_tensor_is_in_no_group_any_more(self) -> None:
        optimizer = torch.optim.SGD([self.model.weight], lr=0.1)
        entries(optimizer, self.model.weight, tensor(), tensor())
        name = "not in the model: optimizer 0, state {}".format
        self.assertEqual(self.names(optimizer), [["weight", name(1), name(2)]])

    def test_an_entry_for_the_whole(self) -> None:
        optimizer = torch.optim.SGD([self.model.weight], lr=0.1)
        entries(optimizer, "class")
        self.assertEqual(self.names(optimizer), [[".state 'class'"]])

    def test_no_parameter_is_taken_for_what_stands_beside_them(self) -> None:
        for name in ("class", "frozen", "aliases"):
            self.model.register_parameter(name, nn.Parameter(torch.ones(1)))
            self.model.register_buffer(f"{name}_", torch.ones(1))
        self.model.frozen.requires_grad_(False)
        self.model.again = self.model.weight
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        entries(optimizer, self.model.get_parameter("class"))
        state = State(self.model, optimizer)
        parameters: Any = ParametersRecorder().read(state)
        self.assertIs(parameters["frozen"], self.model.frozen)
        self.assertIs(parameters["aliases"], self.model.aliases)
        self.assertEqual((parameters[".frozen"], parameters[".aliases"]), ({"frozen": True}, {"weight": ["again"]}))
        self.assertEqual(OptimizerStateRecorder().read(state), [{".class": "SGD", "class": {"number": 0}}])

    def test_a_tied_buffer_named_aliases(self) -> None:
        self.model.register_buffer("aliases", torch.ones(1))
        self.model.register_buffer("other", self.model.aliases)
        buffers: Any = BuffersRecorder().read(State(self.model))
        self.assertIs(buffers["aliases"], self.model.aliases)
        self.assertEqual(buffers[".aliases"], {"aliases": ["other"]})


class _Outside(TinyModule):
    """Also trains two tensors that it does not own, and saves them by itself."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.offsets = [tensor(), tensor()]  # a list is no module

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) + sum(offset.square().sum() for offset in self.offsets)

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW([*self.parameters(), *self.offsets], lr=self.lr)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["offsets"] = [offset.detach().clone() for offset in self.offsets]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for offset, saved in zip(self.offsets, checkpoint["offsets"], strict=True):
            offset.data.copy_(saved)


class _OutsideMixin(EditedCheckpointMixin, abstract=True):
    loses = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _Outside(cls.lr), tiny_loaders()

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        if cls.loses:
            states = checkpoint["optimizer_states"][0]["state"]
            states[len(states) - 2]["exp_avg_sq"].zero_()  # of the first of the two


class TestTensorsOutsideOfTheModel(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_OutsideMixin), "optimizer_state")

    def test_the_state_of_the_first_of_two_is_lost(self) -> None:
        outcome = self.outcome_of(_OutsideMixin, loses=True)
        path = "[0]['not in the model: optimizer 0, group 0, parameter 6']['exp_avg_sq']"
        self.assertEqual(self.first_divergence("optimizer_state"), (RESTORED, {path}))
        self.assertIn(path, outcome.failed["optimizer_state"])


if __name__ == "__main__":
    unittest.main()
