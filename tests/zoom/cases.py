"""Classes for the tests of the closer look; most of them are meant to fail."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import nn

from stopgo_mixins import Mode
from stopgo_mixins.comparison.closer_look import CloserLook
from stopgo_mixins.zoom.closer_look import closer_look
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class OnResume(Callback):
    """Does something to the module once the checkpoint is loaded."""

    def __init__(self, change: Callable[[Any], None]) -> None:
        self._change = change

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._change(pl_module)


def no_second_moment(module: Any) -> None:
    for entries in module.optimizers(use_pl_optimizer=False).state.values():
        entries["exp_avg_sq"].zero_()


def set_scale(module: Any) -> None:
    module.scale = 0.5


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


class ChangedMixin(TinyMixin, abstract=True):
    """A resume changes something in a module."""

    zoom = True
    module: type[TinyModule] = WithoutRandomness
    loaders = staticmethod(tiny_loaders)
    change: Callable[[Any], None] = staticmethod(lambda module: None)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(cls.lr), cls.loaders()

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for mode, registered in callbacks.items():
            registered[OnResume] = OnResume(cls.change if mode is Mode.RESUME else lambda module: None)
        return callbacks


def look_at(test_class: Any) -> CloserLook:
    """Runs the phases of a class, and looks closer."""
    try:
        test_class.setUpClass()
        return closer_look(test_class)
    finally:
        test_class.doClassCleanups()


def looked_at(change: Callable[[Any], None], module: type[TinyModule] = WithoutRandomness, **attributes: object) -> str:
    """What a closer look says about a resume that changes something."""
    body = {"__module__": __name__, "module": module, "change": staticmethod(change), **attributes}
    return look_at(type("Case", (ChangedMixin, unittest.TestCase), body)).sentence


class Faulty(ChangedMixin, unittest.TestCase):
    """Its resume loses a second moment."""

    zoom = False
    module = TinyModule
    change = staticmethod(no_second_moment)


class Zoomed(Faulty):
    """The same, for a class that asks for a closer look."""

    zoom = True


class Scaled(ChangedMixin, unittest.TestCase):
    """Its resume computes another loss, for which no pattern is known."""

    change = staticmethod(set_scale)


class Apart(ChangedMixin, unittest.TestCase):
    """It does so in a process of its own, and in a later step."""

    isolation = "process"
    change = staticmethod(lambda module: setattr(module, "later", True))

    class module(WithoutRandomness):  # noqa: N801 - an attribute
        later = False

        def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
            return super().loss(batch) * (0.5 if self.later and self.training and self.global_step == 4 else 1.0)


class Sound(TinyMixin, unittest.TestCase):
    """For the command."""
