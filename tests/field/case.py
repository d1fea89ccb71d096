"""Runs a module both ways: as a test class, and with Lightning alone."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import lightning.pytorch
import torch
from packaging.version import Version
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, RngStateCallback
from tests.field.plain import PlainRun
from tests.outcome import Outcome, concrete, run

LIGHTNING = Version(lightning.pytorch.__version__)

AMID_AN_EPOCH, AT_ITS_END = 3, 4

EPOCHS, BATCHES = 2, 4
"""Of every run."""


def samples(*features: int) -> Tensor:
    """Eight samples of such a shape."""
    return torch.randn(2 * BATCHES, *features, generator=torch.Generator().manual_seed(1))


def loader(*columns: Tensor, **arguments: Any) -> StatefulDataLoader[Any]:
    """Four shuffled batches of two, which know where they are."""
    return StatefulDataLoader(TensorDataset(*columns), batch_size=2, shuffle=True, **arguments)


def restarting_loader(*columns: Tensor) -> DataLoader[Any]:
    """The same, as it is usually written."""
    return DataLoader(TensorDataset(*columns), batch_size=2, shuffle=True)


class FieldMixin(LightningStopAndGoMixin, abstract=True):
    """Two epochs of four batches, with the remedy for random numbers."""

    num_steps = EPOCHS * BATCHES
    make: ClassVar[Callable[[], tuple[Any, ...]]]
    own_callbacks: ClassVar[Callable[[], list[Any]]]
    own_arguments: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.make()

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        callbacks = [*cls.own_callbacks(), *arguments["callbacks"]]
        return {**arguments, **cls.own_arguments, "callbacks": callbacks}


class FieldCase(unittest.TestCase):
    """Asserts what a class says of a module, and that it says the truth about its weights."""

    lightning: ClassVar[Any] = lightning.pytorch

    def verdicts(
        self,
        make: Callable[[], tuple[Any, ...]],
        *,
        stop_at: int = AMID_AN_EPOCH,
        callbacks: Callable[[], list[Any]] = lambda: [RngStateCallback()],
        optimizers: int = 1,
        **attributes: Any,
    ) -> Outcome:
        """Runs the module's test class, whose verdict on the parameters must be that of an independent comparison.

        Args:
            make: builds a module and its data, or a pair of loaders, anew.
            stop_at: the step at which the run is interrupted.
            callbacks: builds the callbacks of the trainer anew.
            optimizers: how many of them step in each batch, by which Lightning counts its steps.
            attributes: of the test class.
        """
        methods = {"make": staticmethod(make), "own_callbacks": staticmethod(callbacks)}
        self.case: Any = concrete(FieldMixin, interruption=AtStep(stop_at), **methods, **attributes)
        outcome = run(self.case)
        self.assertEqual(outcome.error, "")
        arguments = {
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "max_steps": optimizers * EPOCHS * BATCHES,
            "num_sanity_val_steps": 0,
            "limit_val_batches": 0,
            **attributes.get("own_arguments", {}),
        }
        plain = PlainRun(self.lightning, make, callbacks, stop_at, arguments, fit=attributes.get("fit_arguments", {}))
        # Of the end: what happens before it leaves no trace where weights are averaged.
        ends_equal = FieldMixin.num_steps not in self.case.comparison("parameters").differing_steps
        self.assertEqual(ends_equal, plain.resumes_exactly())
        self.assertIn("parameters", {*outcome.passed, *outcome.failed} if ends_equal else outcome.failed)
        return outcome

    def clean(self, make: Callable[[], tuple[Any, ...]], **arguments: Any) -> Outcome:
        """Nothing fails."""
        outcome = self.verdicts(make, **arguments)
        self.assertEqual(outcome.failed, {})
        return outcome

    def root_cause(self, outcome: Outcome, metric: str, where: str) -> None:
        """The metric is told to be a root cause, beginning there."""
        self.assertIn(f"root cause of this run: {metric} at {where}", outcome.failed[metric])

    def recorded(self, metric: str) -> set[str]:
        """The paths that the continuous run recorded of a metric."""
        return set(self.case.comparison(metric).series)
