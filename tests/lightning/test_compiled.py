"""Compiled modules: nothing of the harness gets into the compiled code, and nothing of it alarms."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins import Mode
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders

BACKEND = "aot_eager"  # traces as every backend does, and needs no compiler


class Unlogged(TinyModule):
    """Lightning's ``log`` cannot be compiled."""

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.loss(batch)


class Counting(nn.Module):
    """Lets its output depend on a count that no checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return inputs * (1 + 0.1 * self.calls)


def whole() -> Any:
    return torch.compile(Unlogged(), backend=BACKEND)


def child() -> Any:
    module = TinyModule()
    module.body = torch.compile(module.body, backend=BACKEND)  # type: ignore[assignment]
    return module


def child_in_place() -> Any:
    module = TinyModule()
    module.body.compile(backend=BACKEND)
    return module


def with_a_count() -> Any:
    module = TinyModule()
    module.body.insert(0, Counting())
    module.body.compile(backend=BACKEND)
    return module


class TestCompiledModules(unittest.TestCase):
    def run_of(self, make: Any) -> Any:
        def setup_model(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            return make(), tiny_loaders()

        def continuous(cls: Any) -> None:
            super(case, cls).continuous()
            self.unobserved = [event["what"] for event in cls.trace(Mode.CONTINUOUS).events("not_observed")]

        case: Any = concrete(TinyMixin, setup_model=classmethod(setup_model), continuous=classmethod(continuous))
        return run(case)

    def test_exact_runs_pass(self) -> None:
        for make in (whole, child, child_in_place):
            with self.subTest(make.__name__):
                outcome = self.run_of(make)
                self.assertEqual((outcome.failed, outcome.error), ({}, ""))
                self.assertLessEqual({"parameters", "gradients", "train_loss", "rng_state"}, outcome.passed)

    def test_outputs_within_compiled_code_are_told_to_be_unseen(self) -> None:
        self.run_of(child_in_place)
        what = "outputs of the child module 'body', which was never called, or only in compiled code"
        self.assertIn(what, self.unobserved)

    def test_a_count_that_nobody_saves_is_found_all_the_same(self) -> None:
        outcome = self.run_of(with_a_count)
        self.assertIn("root cause of this run: unsaved_state at state", outcome.failed["unsaved_state"])
        self.assertIn("model.body.0.calls", outcome.failed["unsaved_state"])
