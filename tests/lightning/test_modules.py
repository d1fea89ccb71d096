"""Modules, batches and outputs of many kinds: recorded, or said not to be."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from stopgo_mixins import AtStep, Mode
from stopgo_mixins.events import Moment
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders, tiny_samples


class ModuleMixin(TinyMixin, abstract=True):
    """The tiny run with another module; keeps which paths were recorded, and what was not observed."""

    module_class: ClassVar[type[LightningModule]] = TinyModule
    recorded: ClassVar[dict[str, set[str]]]
    not_observed: ClassVar[list[str]]

    @classmethod
    def make_data(cls) -> Any:
        return tiny_loaders()

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module_class(cls.lr), cls.make_data()

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        trace = cls.trace(Mode.CONTINUOUS)
        cls.recorded = {
            metric: {record.key.path for record in trace.ranks[0].records(metric)} for metric in trace.metrics
        }
        cls.not_observed = [event["what"] for event in trace.events("not_observed")]


class ModuleCase(unittest.TestCase):
    def clean_run(self, module: type[LightningModule], **attributes: object) -> Outcome:
        self.case: Any = concrete(ModuleMixin, module_class=module, **attributes)
        outcome = run(self.case)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        return outcome


class GanModule(LightningModule):
    """Two optimizers in manual optimization, the second of which steps every other batch."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.lr = lr
        self.generator = nn.Linear(3, 3)
        self.discriminator = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        optimizers = self.optimizers()
        noise = torch.randn_like(batch[0])
        real, fake = self.discriminator(batch[0]).mean(), self.discriminator(self.generator(noise)).mean()
        self.step(optimizers[0], fake - real)
        if batch_idx % 2:
            self.step(optimizers[1], -self.discriminator(self.generator(noise)).mean())

    def step(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.Adam(part.parameters(), lr=self.lr) for part in (self.discriminator, self.generator)]


class TestSeveralOptimizers(ModuleCase):
    def test_num_steps_counts_updates_whatever_their_number(self) -> None:
        outcome = self.clean_run(GanModule, val_check_interval=None)
        self.assertLessEqual({"number_of_steps", "optimizer_state", "train_output", "rng_state"}, outcome.passed)
        self.assertIn("[1]['generator.weight']['exp_avg']", self.case.recorded["optimizer_state"])
        self.assertLessEqual({"['generator.weight']", "['discriminator.1.bias']"}, self.case.recorded["gradients"])
        with self.subTest("a child that is called several times has numbered calls"):
            calls = [f"module['discriminator']({call})" for call in range(3)]
            calls += [f"module['generator']({call})" for call in range(2)]
            self.assertEqual(self.case.recorded["train_output"], set(calls))
        with self.subTest("a step that returns nothing has no loss"):
            self.assertIn("not applicable: no training step returned a loss", outcome.skipped_for["train_loss"])


class ManualModule(GanModule):
    """Returns its loss once both optimizers have stepped."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        super().training_step(batch, 1)
        return self.discriminator(batch[0]).mean()


class TestManualOptimization(ModuleCase):
    def test_a_loss_belongs_to_the_micro_batch_although_the_gradients_came_first(self) -> None:
        class Manual(ModuleMixin, abstract=True):
            @classmethod
            def run_stop_and_go(cls) -> None:
                super().run_stop_and_go()
                trace = cls.trace(Mode.CONTINUOUS).ranks[0]
                keys = {metric: [record.key for record in trace.records(metric)] for metric in cls.metrics_of_interest}
                cls.places = {metric: {(key.moment, key.ordinal) for key in found} for metric, found in keys.items()}

        case: Any = concrete(Manual, module_class=ManualModule, metrics_of_interest=("train_loss", "gradients"))
        outcome = run(case)
        self.assertEqual(outcome.error, "")
        self.assertLessEqual({"train_loss", "gradients", "train_output"}, outcome.passed)
        self.assertEqual(case.places["train_loss"], {(Moment.MICRO_BATCH, (0,))})
        self.assertEqual(case.places["gradients"], {(Moment.GRADIENTS, (0,)), (Moment.GRADIENTS, (1,))})


class TestAccumulation(ModuleCase):
    def test_each_micro_batch_is_recorded_and_each_update_counted(self) -> None:
        class Accumulating(ModuleMixin, abstract=True):
            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "accumulate_grad_batches": 2}

            @classmethod
            def run_stop_and_go(cls) -> None:
                super().run_stop_and_go()
                losses = cls.trace(Mode.CONTINUOUS).ranks[0].records("train_loss")
                cls.places = [(record.key.step, record.key.ordinal) for record in losses]

        case: Any = concrete(Accumulating, val_check_interval=3, interruption=AtStep(3))
        outcome = run(case)
        self.assertLessEqual(set(outcome.failed), {"validation_schedule"}, outcome.failed)
        self.assertEqual(case.places, [(step, (micro,)) for step in range(1, 6) for micro in range(2)])


class NoneModule(TinyModule):
    """Skips a batch now and then, as Lightning lets a step do by returning ``None``, and validates silently."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor | None:
        return None if batch_idx == 1 else super().training_step(batch, batch_idx)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        return None


class TestOutputs(ModuleCase):
    def test_a_step_that_returns_only_a_loss_has_the_outputs_of_its_children(self) -> None:
        self.clean_run(TinyModule)
        outputs = {"module['body'](0)", "module['head'](0)", "returned"}
        self.assertEqual(self.case.recorded["train_output"], outputs)
        self.assertEqual(self.case.recorded["valid_output"], outputs)
        self.assertEqual(self.case.not_observed, [])

    def test_none(self) -> None:
        outcome = self.clean_run(NoneModule)
        self.assertIn("number_of_steps", outcome.passed)
        self.assertIn("train_loss", outcome.passed)
        self.assertIn("no validation step returned anything", outcome.skipped_for["valid_output"])
        self.assertIn("no validation step returned a loss", outcome.skipped_for["valid_loss"])

    def test_a_mapping_with_more_than_the_loss(self) -> None:
        class Mapping(TinyModule):
            def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Any]:
                return {"loss": super().training_step(batch, batch_idx), "size": len(batch[0]), "nothing": None}

        self.clean_run(Mapping)
        self.assertLessEqual({f"returned['{name}']" for name in ("loss", "size", "nothing")}, self.recorded_output)
        self.assertEqual(self.case.recorded["train_loss"], {"['loss']"})

    @property
    def recorded_output(self) -> set[str]:
        found: set[str] = self.case.recorded["train_output"]
        return found

    def test_children_that_are_never_called_are_listed(self) -> None:
        class ByIndex(TinyModule):
            def __init__(self, lr: float) -> None:
                super().__init__(lr)
                self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])

            def loss(self, batch: list[Tensor]) -> Tensor:
                inputs = batch[0]
                for layer in self.layers:
                    inputs = layer(inputs)
                return super().loss([inputs, batch[1]])

        self.clean_run(ByIndex)
        what = "outputs of the child module 'layers', which was never called, or only in compiled code"
        self.assertEqual(self.case.not_observed, [what])

    def test_a_child_that_is_called_once_only_in_some_steps(self) -> None:
        class Sometimes(TinyModule):
            def loss(self, batch: list[Tensor]) -> Tensor:
                extra = self.head(self.body(batch[0])).sum() if self.global_step % 2 else 0.0
                return super().loss(batch) + extra

        self.clean_run(Sometimes)
        self.assertIn("module['body'](1)", self.recorded_output)


class Pair(NamedTuple):
    inputs: Tensor
    extras: dict[str, Any]


class NestedModule(TinyModule):
    def loss(self, batch: Pair) -> Tensor:
        return super().loss([batch.inputs, batch.extras["targets"][0]])


def nested_batch(samples: list[tuple[Tensor, Tensor]]) -> Pair:
    inputs, targets = (torch.stack(column) for column in zip(*samples, strict=True))
    return Pair(inputs, {"targets": [targets], "names": ["a", "b"], "weights": None})


class TestBatches(ModuleCase):
    def test_nested_and_named(self) -> None:
        def loaders(cls: type) -> Any:
            train = StatefulDataLoader(tiny_samples(), batch_size=2, shuffle=True, collate_fn=nested_batch)
            return train, DataLoader(tiny_samples(4), batch_size=2, collate_fn=nested_batch)

        self.clean_run(NestedModule, make_data=classmethod(loaders))
        paths = {".inputs", ".extras['targets'][0]", ".extras['names'][0]", ".extras['names'][1]", ".extras['weights']"}
        for metric in ("train_input", "valid_input"):
            self.assertEqual(self.case.recorded[metric], paths)

    def test_several_validation_loaders(self) -> None:
        class Several(TinyModule):
            def validation_step(self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0) -> Tensor:
                return super().validation_step(batch, batch_idx)

        def loaders(cls: type) -> Any:
            train, valid = tiny_loaders()
            return train, [valid, DataLoader(tiny_samples(2), batch_size=2)]

        self.clean_run(Several, make_data=classmethod(loaders))
        self.assertEqual(
            self.case.recorded["valid_loss"], {"['loss']", *(f"logged['val_loss/dataloader_idx_{n}']" for n in (0, 1))}
        )
        self.assertLessEqual({"['batches'][0]", "['batches'][1]"}, self.case.recorded["validation_schedule"])

    def test_a_training_loader_alone(self) -> None:
        outcome = self.clean_run(
            TinyModule, make_data=classmethod(lambda cls: tiny_loaders()[0]), val_check_interval=None
        )
        self.assertEqual(outcome.skipped_for["valid_input"], "valid_input is not applicable: no validation ran")


class TestOptimizerBesideTheModule(ModuleCase):
    def test_a_third_value_of_setup_model_is_the_optimizer(self) -> None:
        def setup_model(cls: Any, mode: Mode) -> Any:
            module = TinyModule(cls.lr)
            return module, tiny_loaders(), torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)

        self.clean_run(TinyModule, setup_model=classmethod(setup_model))
        self.assertIn("[0]['head.weight']['momentum_buffer']", self.case.recorded["optimizer_state"])


if __name__ == "__main__":
    unittest.main()


class TestWhatSetupModelReturns(unittest.TestCase):
    def test_a_validation_loader_in_the_place_of_the_optimizer(self) -> None:
        def setup_model(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            return TinyModule(), *tiny_loaders()

        self.assertIn(
            "Tiny.setup_model returned a DataLoader in the third place, where an optimizer belongs, or whatever "
            "configure_optimizers may return. If it is a validation loader, return (model, (training_loader, "
            "validation_loader)).",
            run(concrete(TinyMixin, setup_model=classmethod(setup_model))).error,
        )
