"""Optimizers that are given a closure, or that another object steps."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from stopgo_mixins import AtStep, LoopRun, LoopStopAndGoMixin
from tests.loop.tiny import batches
from tests.outcome import Outcome, concrete, run


class SharpnessAware(Optimizer):
    """Climbs before it descends, by two methods of its own or by one that is given a closure."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 1e-2})
        self.inner = SGD(self.param_groups, lr=1e-2)
        self.held = [parameter for group in self.param_groups for parameter in group["params"]]

    def climb(self) -> None:
        with torch.no_grad():
            for parameter in self.held:
                parameter.add_(parameter.grad.sign(), alpha=0.01)

    def descend(self) -> None:
        self.inner.step()

    def step(self, closure: Any = None) -> None:
        self.climb()
        with torch.enable_grad():
            closure()
        self.descend()


class ClosureLoopMixin(LoopStopAndGoMixin, abstract=True):
    """Six updates of batches that are always read in the same order.

    Attributes:
        optimizer: makes the one that is watched.
        update: ``(evaluate, optimizer)``; ``evaluate`` computes the loss, says it and the gradients.
    """

    num_steps = 6
    interruption = AtStep(3)
    optimizer: ClassVar[Callable[[Any], Any]]
    update: ClassVar[Callable[[Callable[[], Tensor], Any], object]]
    evaluations: ClassVar[int] = 0

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        model = nn.Linear(3, 1)
        optimizer = cls.optimizer(model.parameters())
        run.watch(model, optimizer)
        step = 0
        if run.resume_from:
            saved = torch.load(run.resume_from)
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            step = saved["step"]
            run.loaded(run.resume_from)
        for inputs, targets in run.batches(batches(cls.num_steps)[step:]):

            def evaluate(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
                cls.evaluations += 1
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(inputs), targets)
                run.loss(loss)
                loss.backward()
                return loss

            cls.update(evaluate, optimizer)
            step += 1
            path = run.directory / f"step-{step}.pt"
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)
            run.saved(path)


def outcome_of(optimizer: Any, update: Any) -> tuple[Any, Outcome]:
    case = concrete(ClosureLoopMixin, optimizer=staticmethod(optimizer), update=staticmethod(update))
    return case, run(case)


class TestClosures(unittest.TestCase):
    def test_the_first_evaluation_of_several_is_the_one_of_the_step(self) -> None:
        case, outcome = outcome_of(
            lambda parameters: torch.optim.LBFGS(parameters, lr=0.1, max_iter=3),
            lambda evaluate, optimizer: optimizer.step(evaluate),
        )
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertGreater(case.evaluations, 2 * 2 * case.num_steps)
        self.assertEqual(case.comparison("train_loss").series["['loss']"].count, case.num_steps)
        self.assertLessEqual({"gradients", "optimizer_state", "parameters", "train_loss"}, outcome.passed)

    def test_a_closure_by_name_and_a_loss_before_it(self) -> None:
        def update(evaluate: Any, optimizer: Any) -> None:
            evaluate()
            optimizer.step(closure=evaluate)

        _, outcome = outcome_of(SharpnessAware, update)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_a_closure_without_a_loss(self) -> None:
        _, outcome = outcome_of(SGD, lambda _evaluate, optimizer: optimizer.step(lambda: None))
        self.assertIn("train_loop reported no loss before an update: call run.loss(loss)", outcome.error)


class TestOptimizersWithin(unittest.TestCase):
    def test_updates_that_another_optimizer_makes(self) -> None:
        def update(evaluate: Any, optimizer: Any) -> None:
            evaluate()
            optimizer.climb()
            optimizer.descend()

        _, outcome = outcome_of(SharpnessAware, update)
        self.assertIn(
            "6 batches were read, and step() of SharpnessAware was never called. SharpnessAware holds another "
            "optimizer, SGD, as inner: where that makes the updates, it is the one to be watched.",
            outcome.error,
        )
