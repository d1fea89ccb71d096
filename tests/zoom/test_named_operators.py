"""What a resume gets wrong is named as the operator in which it shows first."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins import AtStep
from tests.tiny import TinyModule
from tests.zoom.cases import WithoutRandomness, looked_at, no_second_moment, set_scale


class Foreach(WithoutRandomness):
    foreach = True


class Fused(WithoutRandomness):
    fused = True


def flipped_bit(module: Any) -> None:
    with torch.no_grad():
        module.head.weight.view(torch.int32)[0, 0] ^= 1


class SaysCase(unittest.TestCase):
    def assert_says(self, said: str, *parts: str) -> None:
        for part in parts:
            self.assertIn(part, said)


class TestNamedOperators(SaysCase):
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

    def test_another_kernel(self) -> None:
        class Convolutions(WithoutRandomness):
            def __init__(self, lr: float = 1e-2) -> None:
                super().__init__(lr)
                self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3))

            def loss(self, batch: list[Tensor]) -> Tensor:
                return self.body(batch[0].repeat(1, 64).view(-1, 3, 8, 8)).square().mean()

        def without_library(module: Any) -> None:
            torch.backends.mkldnn.set_flags(False)

        said = looked_at(without_library, Convolutions)
        self.assert_says(said, "aten.convolution.default in forward", "its inputs are equal, its output differs")

    def test_a_state_that_nobody_saved(self) -> None:
        class Recurrent(WithoutRandomness):
            def __init__(self, lr: float = 1e-2) -> None:
                super().__init__(lr)
                self.body, self.hidden = nn.GRU(3, 4), None

            def loss(self, batch: list[Tensor]) -> Tensor:
                outputs, hidden = self.body(batch[0], self.hidden)
                self.hidden = hidden.detach()
                return (self.head(outputs) - batch[1]).square().mean()

        said = looked_at(lambda module: None, Recurrent)
        self.assert_says(said, "aten.zeros.default in forward of body", "only the interrupted run calls it")

    def test_an_addition_to_a_gradient_that_is_thrown_away_is_passed_over(self) -> None:
        class Adversaries(TinyModule):
            def __init__(self, lr: float = 1e-2) -> None:
                super().__init__(lr)
                self.automatic_optimization = False
                self.generator, self.critic = nn.Linear(3, 3), nn.Linear(3, 1)

            def configure_optimizers(self) -> Any:
                return [torch.optim.Adam(part.parameters(), lr=0.1) for part in (self.generator, self.critic)]

            def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
                generator, critic = self.optimizers()
                generator.zero_grad()
                # Leaves gradients in the critic, to which the next step adds where the process is still the same.
                self.manual_backward(self.critic(self.generator(batch[0])).mean())
                generator.step()
                critic.zero_grad()
                made = self.critic(self.generator(batch[0]).detach())
                self.manual_backward((made - self.critic(batch[0])).square().mean())
                critic.step()

            def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
                self.log("val_loss", self.critic(batch[0]).mean())

        def no_moment_of_the_critic(module: Any) -> None:
            for entries in module.optimizers(use_pl_optimizer=False)[1].state.values():
                entries["exp_avg_sq"].zero_()

        said = looked_at(no_moment_of_the_critic, Adversaries)
        self.assert_says(said, "in the optimizer's step", "its inputs differ: exp_avg_sq of critic.weight")

    def test_nothing_where_nothing_differs(self) -> None:
        self.assertEqual(looked_at(lambda module: None), "no training step differs.")


class TestWhereItIsLookedFor(SaysCase):
    """Each in another step or another run than the first one resumed."""

    def test_in_a_run_that_was_not_watched(self) -> None:
        said = looked_at(set_scale, zoom=False)
        self.assert_says(said, "of step 4", "other=0.5, expected other=1.0")

    def test_behind_the_first_of_two_interruptions(self) -> None:
        said = looked_at(set_scale, interruptions=(AtStep(2), AtStep(3)))
        self.assert_says(said, "of step 3", "other=0.5, expected other=1.0")

    def test_with_a_continuous_run_that_left_the_checkpoint(self) -> None:
        self.assert_says(looked_at(set_scale, stop_phase=False), "of step 4", "other=0.5, expected other=1.0")


if __name__ == "__main__":
    unittest.main()
