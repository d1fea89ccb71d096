"""Runs that are right only because all phases start from one seed, and runs that are right."""

from __future__ import annotations

import random
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stopgo_mixins import Mode
from tests.tiny import TinyMixin, TinyModule, tiny_loaders, tiny_samples


class Features(TinyModule):
    """Random features: a projection that is drawn when the module is made, and that nobody saves."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.projection = torch.randn(3, 3)

    def loss(self, batch: list[Tensor]) -> Tensor:
        return super().loss([batch[0] @ self.projection, batch[1]])


class Ordered(TinyModule):
    """The order of the columns is drawn when the module is made."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.columns = random.sample(range(100), 60)


class Masked(TinyModule):
    """A mask that is a buffer, and not saved."""

    mask: Tensor

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.register_buffer("mask", torch.rand(3), persistent=False)

    def loss(self, batch: list[Tensor]) -> Tensor:
        return super().loss([batch[0] * self.mask, batch[1]])


class Backbone(TinyModule):
    """A frozen part, of which the checkpoint is to hold nothing, as it can be made anew."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.backbone = nn.Linear(3, 3).requires_grad_(False)
        self.strict_loading = False

    def loss(self, batch: list[Tensor]) -> Tensor:
        return super().loss([self.backbone(batch[0]), batch[1]])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in [name for name in checkpoint["state_dict"] if name.startswith("backbone")]:
            del checkpoint["state_dict"][name]


class Seeded(TinyModule):
    """The same features, from a seed of their own; and whatever the module is made of is saved."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.projection = torch.randn(3, 3, generator=torch.Generator().manual_seed(5))
        self.register_buffer("scale", torch.rand(3))
        self.rng = np.random.default_rng(7)


class SeedMixin(TinyMixin, abstract=True):
    """The tiny run with another module."""

    module: type[TinyModule] = Seeded

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(cls.lr), tiny_loaders()


class Drawn:
    """Batches in an order that is drawn when the loader is made; a resume skips those that were read."""

    def __init__(self) -> None:
        self._order = torch.randperm(8)  # private to the loader, yet drawn by the global generator
        self._done = 0

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Any]:
        samples = tiny_samples(8)
        for number in range(self._done, 4):
            self._done = number + 1
            yield [column[self._order[2 * number : 2 * number + 2]] for column in samples.tensors]
        self._done = 0

    def state_dict(self) -> dict[str, Any]:
        return {"done": self._done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._done = state["done"]


class DrawnOrderMixin(SeedMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(cls.lr), (Drawn(), DataLoader(tiny_samples(4), batch_size=2))


class FeaturesInProcesses(SeedMixin, unittest.TestCase):
    """Found by a fresh process under its own name."""

    isolation = "process"
    module = Features


class SeededInProcesses(FeaturesInProcesses):
    module = Seeded
