"""What is no number: the class of an optimizer, the dtype of a weight, what is trained, which weights are tied."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from stopgo_mixins import Mode
from tests.recorders.breaking import RESTORED, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class _Module(TinyModule):
    """Has weights that nothing uses, so that they can be changed without changing the run."""

    optimizer_class = torch.optim.AdamW

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.spare = nn.Linear(2, 2)
        self.twin = nn.Linear(2, 2)
        self.twin.weight = self.spare.weight

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer_class([*self.body.parameters(), *self.head.parameters()], lr=self.lr)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _StructureMixin(TinyMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        module = _Module(cls.lr)
        if mode is Mode.RESUME:
            cls.change(module)
        return module, tiny_loaders()

    @staticmethod
    def change(module: _Module) -> None:
        """Changes the module of the resume phase."""


class TestStructure(MetricCase):
    def test_unchanged(self) -> None:
        self.assert_clean(self.outcome_of(_StructureMixin), "parameters", "optimizer_state")

    def test_an_optimizer_of_another_class(self) -> None:
        def change(module: _Module) -> None:
            module.optimizer_class = torch.optim.Adam

        outcome = self.outcome_of(_StructureMixin, change=staticmethod(change))
        # AdamW is Adam with a setting that the checkpoint restores, so nothing but the class is another one.
        self.assert_fails_only(outcome, "optimizer_state", RESTORED, "[0]['.class']")

    def test_a_weight_of_another_dtype(self) -> None:
        outcome = self.outcome_of(_StructureMixin, change=staticmethod(lambda module: module.spare.half()))
        self.assert_fails_only(outcome, "parameters", RESTORED, "['spare.weight']", "['spare.bias']")
        self.assertIn("dtype", outcome.failed["parameters"])

    def test_a_weight_that_is_no_longer_trained(self) -> None:
        outcome = self.outcome_of(
            _StructureMixin, change=staticmethod(lambda module: module.spare.bias.requires_grad_(False))
        )
        self.assert_fails_only(outcome, "parameters", RESTORED, "['.frozen']['spare.bias']")

    def test_tied_weights_that_came_apart(self) -> None:
        def change(module: _Module) -> None:
            module.twin.weight = nn.Parameter(module.spare.weight.detach().clone())

        outcome = self.outcome_of(_StructureMixin, change=staticmethod(change))
        self.assert_fails_only(outcome, "parameters", RESTORED, "['.aliases']['spare.weight'][0]", "['twin.weight']")
