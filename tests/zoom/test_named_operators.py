"""What a resume gets wrong is named as the operator in which it shows first."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from stopgo_mixins import Mode
from stopgo_mixins.zoom.closer_look import closer_look
from tests.tiny import TinyMixin, TinyModule, tiny_loaders
from tests.zoom.cases import OnResume, no_second_moment


class WithoutRandomness(TinyModule):
    """Nothing is drawn, so that the operators of the first step are compared in full."""

    foreach = False
    fused = False

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh())
        self.scale = 1.0

    def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        return super().loss(batch) * self.scale

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.lr, foreach=self.foreach, fused=self.fused)


class Foreach(WithoutRandomness):
    foreach = True


class Fused(WithoutRandomness):
    fused = True


def looked_at(change: Callable[[Any], None], module: type[TinyModule] = WithoutRandomness) -> str:
    """What a closer look says about a resume that changes something."""

    class Case(TinyMixin, unittest.TestCase):
        zoom = True

        @classmethod
        def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
            return module(cls.lr), tiny_loaders()

        @classmethod
        def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
            callbacks = super().get_default_callbacks()
            for mode, registered in callbacks.items():
                registered[OnResume] = OnResume(change if mode is Mode.RESUME else lambda module: None)
            return callbacks

    try:
        Case.setUpClass()
        return closer_look(Case).sentence
    finally:
        Case.doClassCleanups()


def flipped_bit(module: Any) -> None:
    with torch.no_grad():
        module.head.weight.view(torch.int32)[0, 0] ^= 1


def set_scale(module: Any) -> None:
    module.scale = 0.5


class TestNamedOperators(unittest.TestCase):
    def assert_says(self, said: str, *parts: str) -> None:
        for part in parts:
            self.assertIn(part, said)

    def test_the_second_moment_of_a_plain_optimizer(self) -> None:
        self.assert_says(looked_at(no_second_moment), "in the optimizer's step", "exp_avg_sq of body.0.weight")

    def test_of_one_that_updates_all_at_once(self) -> None:
        self.assert_says(looked_at(no_second_moment, Foreach), "aten._foreach_mul_", "exp_avg_sq of body.0.weight")

    def test_of_a_fused_one(self) -> None:
        self.assert_says(looked_at(no_second_moment, Fused), "aten._fused_adamw_", "exp_avg_sq of body.0.weight")

    def test_one_bit_of_a_weight(self) -> None:
        said = looked_at(flipped_bit)
        self.assert_says(said, "aten.addmm.default in forward of head", "its inputs differ: head.weight")

    def test_an_attribute_that_the_step_reads(self) -> None:
        said = looked_at(set_scale)
        self.assert_says(said, "aten.mul.Tensor in forward", "other=0.5, expected other=1.0", "(loss)")

    def test_one_draw_too_many(self) -> None:
        said = looked_at(lambda module: torch.rand(1), TinyModule)
        self.assert_says(said, "aten.bernoulli_.float in forward of body.2", "other random numbers")

    def test_a_module_that_evaluates(self) -> None:
        said = looked_at(lambda module: module.body[2].eval(), TinyModule)
        self.assert_says(said, "aten.bernoulli_.float in forward of body.2", "only the continuous run calls it")

    def test_a_hook_that_is_lost(self) -> None:
        class Hooked(WithoutRandomness):
            def __init__(self, lr: float = 1e-2) -> None:
                super().__init__(lr)
                self.head.register_forward_hook(lambda module, args, output: output * 2)

        said = looked_at(lambda module: module.head._forward_hooks.clear(), Hooked)
        self.assert_says(said, "aten.mul.Tensor in forward", "only the continuous run calls it")

    def test_nothing_where_nothing_differs(self) -> None:
        self.assertEqual(looked_at(lambda module: None), "no training step differs.")


if __name__ == "__main__":
    unittest.main()
