"""What is optimized stands under the names of the model's parameters, whichever of mcore's optimizers optimizes it."""

from __future__ import annotations

import unittest
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from stopgo_mixins import Mode, require_nemo
from stopgo_mixins.backends.megatron.modules import trained_module
from stopgo_mixins.backends.megatron.optimizers import OptimizerView, main_parameters, mcore_optimizers, require_savable
from tests.megatron.cases import GPTMixin
from tests.outcome import run


def mixed_precision(model: Tensor, main: Tensor) -> SimpleNamespace:
    """The attributes that tell mcore's optimizer for low-precision weights."""
    inner = torch.optim.AdamW([main])
    return SimpleNamespace(optimizer=inner, float16_groups=[[model]], fp32_from_float16_groups=[[main]])


class TestOptimizerView(unittest.TestCase):
    def setUp(self) -> None:
        self.model = nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
        self.main = torch.full((2,), 1.001)
        self.mcore = mixed_precision(self.model, self.main)

    def test_main_copies_are_part_of_the_state_before_the_first_step(self) -> None:
        state = OptimizerView(self.mcore).state
        self.assertEqual(list(state), [self.main])
        self.assertIs(state[self.main]["main_parameter"], self.main)

    def test_main_copies_join_the_moments(self) -> None:
        self.main.grad = torch.ones(2)
        self.mcore.optimizer.step()
        entry = OptimizerView(self.mcore).state[self.main]
        self.assertEqual(set(entry), {"step", "exp_avg", "exp_avg_sq", "main_parameter"})

    def test_the_optimizers_own_state_is_not_touched(self) -> None:
        OptimizerView(self.mcore)
        self.assertEqual(dict(self.mcore.optimizer.state), {})

    def test_fp32_weights_are_no_copies(self) -> None:
        weight = nn.Parameter(torch.ones(2))
        shards = SimpleNamespace(
            optimizer=torch.optim.AdamW([weight]), model_fp32_groups=[[weight]], shard_fp32_groups=[[weight.view(-1)]]
        )
        self.assertEqual(OptimizerView(shards).state, {})
        self.assertEqual(len(list(main_parameters(shards))), 1)

    def test_members_of_a_chain_without_those_that_train_nothing(self) -> None:
        stub = SimpleNamespace(is_stub_optimizer=True)
        chain = SimpleNamespace(mcore_optimizer=SimpleNamespace(chained_optimizers=[self.mcore, stub]))
        self.assertEqual(mcore_optimizers(chain), [self.mcore])

    def test_a_torch_optimizer_stands_for_itself(self) -> None:
        optimizer = torch.optim.SGD([self.main], lr=0.1)
        self.assertEqual(mcore_optimizers(optimizer), [optimizer])
        self.assertIs(OptimizerView(optimizer).param_groups, optimizer.param_groups)


class TestTrainedModule(unittest.TestCase):
    def test_takes_off_every_wrapper(self) -> None:
        model = nn.Linear(1, 1)
        self.assertIs(trained_module([_wrapped(_wrapped(model))]), model)

    def test_keeps_the_chunks_of_a_virtual_pipeline_apart(self) -> None:
        chunks = [nn.Linear(1, 1), nn.Linear(1, 1)]
        names = [name for name, _ in trained_module(map(_wrapped, chunks)).named_parameters()]
        self.assertEqual(names, ["0.weight", "0.bias", "1.weight", "1.bias"])


def _wrapped(module: nn.Module) -> nn.Module:
    wrapper = nn.Module()
    wrapper.module = module
    return wrapper


@require_nemo
class TestDistributedOptimizer(unittest.TestCase):
    """Its shards are views into a buffer: no parameter of the model, and yet named."""

    def test_every_shard_has_the_name_of_its_parameter(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            precision = "bf16-mixed"

            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                model, data, optimizer = super().setup_model(mode)
                optimizer.config.use_distributed_optimizer = True
                return model, data, optimizer

            @classmethod
            def stop(cls) -> None:
                """Not run: with torch's Adam the distributed optimizer cannot be saved."""

            @classmethod
            def resume(cls) -> None:
                """Not run either."""

            @classmethod
            def continuous(cls) -> None:
                super().continuous()
                records = cls.trace(Mode.CONTINUOUS).ranks[0].records("optimizer_state")
                cls.paths = {record.key.path for record in records}

        outcome = run(Case)
        self.assertEqual(outcome.error, "")
        self.assertIn("[0]['decoder.final_layernorm.weight']['main_parameter']", Case.paths)
        self.assertEqual([path for path in Case.paths if "not in the model" in path], [])

    def test_says_so_where_it_cannot_be_saved(self) -> None:
        class Distributed(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                model, data, optimizer = super().setup_model(mode)
                optimizer.config.use_distributed_optimizer = True
                return model, data, optimizer

        class ByDefault(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                return super().setup_model(mode)[:2]

        for case, returned in ((Distributed, "an optimizer whose"), (ByDefault, "no optimizer, so that NeMo takes")):
            error = run(case).error
            self.assertIn(f"TypeError: {case.__name__}.setup_model returned {returned}", error)
            self.assertIn("use_distributed_optimizer=False", error)

    def test_may_be_saved_where_adam_is_a_fused_one(self) -> None:
        optimizer = SimpleNamespace(config=SimpleNamespace(use_distributed_optimizer=True))
        with mock.patch("megatron.core.optimizer.USING_PYTORCH_OPTIMIZER", False):
            require_savable("Case", object(), optimizer)


@require_nemo
class TestSeveralProcesses(unittest.TestCase):
    def test_are_not_started(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "devices": 2}

        self.assertIn("Case.devices is 1, and setup_trainer returned a trainer for 2 ranks", run(Case).error)
