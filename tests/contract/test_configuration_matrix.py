"""``parameterized_class`` over precision, optimizer and accumulation: real classes, run as a user's are."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from lightning.pytorch import Trainer
from parameterized import parameterized_class

from stopgo_mixins import AtStep, Mode
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class ConfiguredModule(TinyModule):
    def __init__(self, lr: float, optimizer_class: type[torch.optim.Optimizer]) -> None:
        super().__init__(lr)
        self.optimizer_class = optimizer_class

    def configure_optimizers(self) -> Any:
        return self.optimizer_class(self.parameters(), lr=self.lr)


class ConfiguredMixin(TinyMixin, abstract=True):
    num_steps = 4
    val_check_interval = 3
    interruption = AtStep(2)
    optimizer_class: ClassVar[type[torch.optim.Optimizer]]
    accumulate: ClassVar[int] = 1
    # Without a schedule these never change, and a metric that never changes is skipped as not verified.
    metrics: ClassVar[Mapping[str, Any]] = {"learning_rate": None, "param_groups": None}

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return ConfiguredModule(cls.lr, cls.optimizer_class), tiny_loaders()

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        return Trainer(**cls.trainer_arguments(mode), accumulate_grad_batches=cls.accumulate)

    def recorded(self, metric: str) -> list[Any]:
        return list(self.trace(Mode.CONTINUOUS).ranks[0].records(metric))


@parameterized_class(
    [
        {"precision": "32", "optimizer_class": torch.optim.Adam},
        {"precision": "bf16-mixed", "optimizer_class": torch.optim.SGD, "accumulate": 2},
    ],
    class_name_func=lambda base, number, parameters: f"{base.__name__}{number}",
)
class TestConfiguration(ConfiguredMixin, unittest.TestCase, abstract=True):
    """Lacks ``optimizer_class``, so that it must be abstract; what is generated is concrete."""

    def test_runs_with_its_own_parameters(self) -> None:
        dtypes = {record.leaf.dtype for record in self.recorded("train_output") if "module['head']" in record.key.path}
        self.assertEqual(dtypes, {"bfloat16" if self.precision == "bf16-mixed" else "float32"})
        classes = {record.leaf.scalar for record in self.recorded("optimizer_state") if "class" in record.key.path}
        self.assertEqual(classes, {self.optimizer_class.__name__})
        self.assertEqual(len(self.recorded("train_loss")), self.num_steps * self.accumulate)


@parameterized_class([{"num_steps": 4}, {"num_steps": 5}])
class TestConcrete(ConfiguredMixin, unittest.TestCase):
    """Has everything that it needs, and could be run as it stands."""

    optimizer_class = torch.optim.SGD

    def test_runs_with_its_own_parameters(self) -> None:
        self.assertEqual(len(self.trace(Mode.CONTINUOUS).events("step_end")), self.num_steps)


class TestGeneratedClasses(unittest.TestCase):
    def test_each_has_all_tests_and_the_base_none(self) -> None:
        loaded = unittest.defaultTestLoader.getTestCaseNames
        for base, generated in (
            (TestConfiguration, ["TestConfiguration0", "TestConfiguration1"]),
            (TestConcrete, ["TestConcrete_0", "TestConcrete_1"]),
        ):
            self.assertEqual(loaded(base), [])
            for name in generated:
                self.assertLessEqual(
                    {"test_train_loss", "test_rng_state", "test_runs_with_its_own_parameters"},
                    set(loaded(globals()[name])),
                )

    def test_no_two_share_a_function(self) -> None:
        cases = [value for name, value in globals().items() if name.startswith(("TestConfiguration", "TestConcrete"))]
        functions = [vars(case).get("test_train_loss") for case in cases]
        found = [function for function in functions if function is not None]
        self.assertEqual(len(set(map(id, found))), 4)


if __name__ == "__main__":
    unittest.main()
