"""Generators that are objects: of the module, of a callback, of what holds the data."""

from __future__ import annotations

import random
import unittest
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from stopgo_mixins import Mode, RngStateCallback
from stopgo_mixins.recorders.generators import generator_state, generators_of
from stopgo_mixins.trace.snapshot import snapshot
from tests.recorders.breaking import FIRST_RESUMED, RESTORED, ExtraCallbacksMixin, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders, tiny_samples


class _NoisyModule(TinyModule):
    """Adds noise from a generator of its own, of torch or of NumPy."""

    def __init__(self, lr: float, noise: Any) -> None:
        super().__init__(lr)
        self.body.noise = noise

    def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        inputs, targets = batch
        noise = self.body.noise
        if isinstance(noise, torch.Generator):
            added = torch.randn(inputs.shape, generator=noise)
        else:
            added = torch.tensor(noise.normal(size=inputs.shape), dtype=inputs.dtype)
        return super().loss([inputs + added, targets])


class _NoisyMixin(TinyMixin, abstract=True):
    numpy = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        noise = np.random.default_rng(3) if cls.numpy else torch.Generator().manual_seed(3)
        return _NoisyModule(cls.lr, noise), tiny_loaders()


class _LoaderMixin(TinyMixin, abstract=True):
    """A loader with a generator, which a ``StatefulDataLoader`` without workers does not restore."""

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        generator = torch.Generator().manual_seed(3)
        train = StatefulDataLoader(tiny_samples(), batch_size=2, shuffle=True, generator=generator)
        return TinyModule(cls.lr), (train, tiny_loaders()[1])


class _DrawingCallback(Callback):
    def __init__(self) -> None:
        self.draws = random.Random(3)

    def on_train_batch_start(self, *_: Any) -> None:
        self.draws.random()


class _CallbackMixin(ExtraCallbacksMixin, abstract=True):
    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [_DrawingCallback()]


class TestGeneratorObjects(MetricCase):
    def test_the_remedy_restores_those_of_the_module(self) -> None:
        self.assert_clean(self.outcome_of(_NoisyMixin), "rng_state")
        self.assertIn("['model.body.noise']", self.case.comparison("rng_state").series)

    def test_of_the_module_lost(self) -> None:
        outcome = self.outcome_of(_NoisyMixin, numpy=True)
        self.assert_fails_first(outcome, "rng_state", RESTORED, "['model.body.noise']['state']['state']")
        self.assertEqual(self.first_place("train_output"), FIRST_RESUMED)

    def test_of_a_loader_lost(self) -> None:
        outcome = self.outcome_of(_LoaderMixin)
        self.assert_fails_first(outcome, "rng_state", RESTORED, "['train_dataloader.generator']")
        self.assertEqual(self.first_place("train_input"), "step 5")  # the next epoch

    def test_of_a_callback_lost(self) -> None:
        outcome = self.outcome_of(_CallbackMixin)
        self.assert_fails_only(outcome, "rng_state", RESTORED, "['_DrawingCallback.draws']['words']")


def _digests(generator: object) -> list[str]:
    return [leaf.digest for _, leaf, _ in snapshot(generator_state(generator))]


class TestGeneratorState(unittest.TestCase):
    def test_every_kind_changes_with_a_draw_and_is_not_drawn_from(self) -> None:
        kinds = (
            (torch.Generator().manual_seed(1), lambda found: torch.rand(1, generator=found)),
            (np.random.default_rng(1), lambda found: found.random()),
            (np.random.RandomState(1), lambda found: found.rand()),
            (random.Random(1), lambda found: found.random()),
        )
        for generator, draw in kinds:
            with self.subTest(type(generator).__name__):
                before = _digests(generator)
                self.assertEqual(_digests(generator), before)
                draw(generator)
                self.assertNotEqual(_digests(generator), before)

    def test_anything_else_is_none(self) -> None:
        for value in (random.SystemRandom(), 3, None, torch.zeros(2), random):
            self.assertIsNone(generator_state(value))

    def test_names_lead_to_the_generator(self) -> None:
        generator = torch.Generator()
        loader = DataLoader(tiny_samples(), shuffle=True, generator=generator)
        loader.dataset.noise = np.random.default_rng(1)
        names = dict(generators_of("train", loader))
        self.assertLessEqual({"train.generator", "train.sampler.generator", "train.dataset.noise"}, names.keys())
        self.assertIs(names["train.sampler.generator"], generator)


class TestRemedy(unittest.TestCase):
    def test_a_checkpoint_without_generators_leaves_them_alone(self) -> None:
        module = _NoisyModule(0.1, torch.Generator().manual_seed(3))
        before = module.body.noise.get_state()
        remedy = RngStateCallback()
        remedy.on_load_checkpoint(None, module, {})
        remedy.on_train_start(None, module)
        self.assertTrue(torch.equal(module.body.noise.get_state(), before))
