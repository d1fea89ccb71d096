"""Runs of Lightning that keep state in all the places that Lightning knows, saved by a callback or by nobody."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
import torchmetrics
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.loggers.logger import Logger
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Sampler
from torchdata.stateful_dataloader import StatefulDataLoader

from stopgo_mixins import Mode
from tests.recorders.breaking import ExtraCallbacksMixin
from tests.tiny import TinyModule, tiny_loaders, tiny_samples

Get, Put = Callable[[], Any], Callable[[Any], object]


@dataclass
class Made:
    """What one phase is run with, and how what it keeps is read and written."""

    get: Get
    put: Put
    module: Any = field(default_factory=TinyModule)
    data: Any = field(default_factory=tiny_loaders)
    callbacks: tuple[Callback, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


class Saving(Callback):
    """Saves it."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self._loaded: list[Any] = []

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self._made.get()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._loaded = [state_dict["kept"]]

    def on_train_start(self, *_: Any) -> None:
        for kept in self._loaded:  # now, after all objects have begun
            self._made.put(kept)


class MadeMixin(ExtraCallbacksMixin, abstract=True):
    """The tiny run with what is made for a phase."""

    make: ClassVar[Callable[[], Made]]
    saves = False
    made: ClassVar[Made]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.made = cls.make()
        return cls.made.module, cls.made.data

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [*cls.made.callbacks, *([Saving(cls.made)] if cls.saves else [])]

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        return {**super().trainer_arguments(mode), **cls.made.arguments}


def of_attribute(owner: Any, name: str) -> dict[str, Any]:
    """Reads and writes one."""
    return {"get": lambda: getattr(owner, name), "put": lambda kept: setattr(owner, name, kept)}


def of_generator(generator: np.random.Generator) -> dict[str, Any]:
    return {
        "get": lambda: generator.bit_generator.state,
        "put": lambda kept: setattr(generator.bit_generator, "state", kept),
    }


# Callbacks


class Averages:
    """A hand-written average, which a callback keeps."""

    def __init__(self) -> None:
        self.shadow: dict[str, Tensor] = {}

    def update(self, named: Iterator[tuple[str, Tensor]]) -> None:
        for name, tensor in named:
            value = tensor.detach().clone()
            self.shadow[name] = torch.lerp(self.shadow.get(name, value), value, 0.1)


class AveragingCallback(Callback):
    def __init__(self) -> None:
        self.average = Averages()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.average.update(pl_module.named_parameters())


def average_in_a_callback() -> Made:
    callback = AveragingCallback()
    return Made(**of_attribute(callback.average, "shadow"), callbacks=(callback,))


class BestCallback(Callback):
    """Saves how often it looked, and forgets what it saw."""

    def __init__(self) -> None:
        self.best, self.looks = 1e9, 0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.looks += 1
        self.best = min(self.best, abs(self.looks - 2))

    def state_dict(self) -> dict[str, Any]:
        return {"looks": self.looks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.looks = state_dict["looks"]


def best_of_a_callback() -> Made:
    callback = BestCallback()
    return Made(**of_attribute(callback, "best"), callbacks=(callback,))


# Data


class Places(LightningDataModule):
    """Its state is saved, and ignored when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self.loaders = tiny_loaders()

    def train_dataloader(self) -> Any:
        return self.loaders[0]

    def val_dataloader(self) -> Any:
        return self.loaders[1]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        self.read += self.trainer.training
        return batch

    def state_dict(self) -> dict[str, Any]:
        return {"read": self.read}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


def position_of_the_data_module() -> Made:
    data = Places()
    return Made(**of_attribute(data, "read"), data=data)


class Noisy(Dataset[Any]):
    """Wraps another one, and draws from a generator in a dict for each sample."""

    def __init__(self, wrapped: Dataset[Any]) -> None:
        self.wrapped = wrapped
        self.sources = {"noise": np.random.default_rng(3)}

    def __len__(self) -> int:
        return len(self.wrapped)  # type: ignore[arg-type]  # torch declares none

    def __getitem__(self, index: int) -> Any:
        inputs, targets = self.wrapped[index]
        return inputs + torch.tensor(self.sources["noise"].normal(size=3), dtype=inputs.dtype), targets


def generator_of_a_wrapped_data_set() -> Made:
    noisy = Noisy(tiny_samples(4))
    train = StatefulDataLoader(ConcatDataset([tiny_samples(4), noisy]), batch_size=2, shuffle=True)
    return Made(**of_generator(noisy.sources["noise"]), data=(train, tiny_loaders()[1]))


class Walking(Sampler[int]):
    """Begins each epoch with another sample."""

    def __init__(self, length: int) -> None:
        self.length, self.offset = length, 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        self.offset += 1
        return iter([(number + self.offset) % self.length for number in range(self.length)])


def offset_of_a_sampler() -> Made:
    sampler = Walking(4)
    validation = DataLoader(tiny_samples(4), batch_size=2, sampler=sampler)
    return Made(**of_attribute(sampler, "offset"), data=(tiny_loaders()[0], validation))


class Collating:
    """Scales each batch a little more."""

    def __init__(self) -> None:
        self.batches = 0

    def __call__(self, samples: list[Any]) -> Any:
        self.batches += 1
        inputs, targets = (torch.stack(column) for column in zip(*samples, strict=True))
        return [inputs * (1 + self.batches / 100), targets]


def counter_of_a_collate_function() -> Made:
    collate = Collating()
    train = StatefulDataLoader(tiny_samples(), batch_size=2, shuffle=True, collate_fn=collate)
    return Made(**of_attribute(collate, "batches"), data=(train, tiny_loaders()[1]))


def scaled(scales: dict[str, float], samples: list[Any]) -> Any:
    scales["factor"] += 0.01
    inputs, targets = (torch.stack(column) for column in zip(*samples, strict=True))
    return [inputs * scales["factor"], targets]


def argument_of_a_partial_collate_function() -> Made:
    scales = {"factor": 1.0}
    train = StatefulDataLoader(tiny_samples(), batch_size=2, shuffle=True, collate_fn=functools.partial(scaled, scales))
    return Made(lambda: dict(scales), scales.update, data=(train, tiny_loaders()[1]))


class Jitter:
    """A transform with a generator."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)

    def __call__(self, inputs: Tensor) -> Tensor:
        return inputs + float(self.rng.normal())


class Transformed(Dataset[Any]):
    def __init__(self) -> None:
        self.samples, self.transform = tiny_samples(), Jitter()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        inputs, targets = self.samples[index]
        return self.transform(inputs), targets


def generator_of_a_transform() -> Made:
    data = Transformed()
    train = StatefulDataLoader(data, batch_size=2, shuffle=True)
    return Made(**of_generator(data.transform.rng), data=(train, tiny_loaders()[1]))


# The module


class Measured(TinyModule):
    """Updates a metric, and logs it at some later time."""

    def __init__(self, persistent: bool = False) -> None:
        super().__init__()
        self.error = torchmetrics.MeanSquaredError()
        self.error.persistent(persistent)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.error.update(self.head(self.body(batch[0])), batch[1])
        return super().training_step(batch, batch_idx)


def metric_that_is_not_logged() -> Made:
    module = Measured()

    def get() -> Any:
        return {"total": module.error.total.clone(), "sum": module.error.sum_squared_error.clone()}

    def put(kept: Any) -> None:
        module.error.total, module.error.sum_squared_error = kept["total"], kept["sum"]

    return Made(get, put, module=module)


class Staged(TinyModule):
    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters({"stage": 0})

    def on_train_batch_end(self, *_: Any) -> None:
        self.hparams["stage"] += 1


def stage_among_the_hyper_parameters() -> Made:
    module = Staged()
    return Made(lambda: module.hparams["stage"], lambda kept: module.hparams.update(stage=kept), module=module)


class Scheduled(TinyModule):
    """A schedule that counts by itself, and not by the step that it is given."""

    def __init__(self, rate: Callable[[int], float]) -> None:
        super().__init__()
        self._rate = [rate]

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate.pop())
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def closure_of_a_schedule() -> Made:
    calls = [0]

    def rate(step: int) -> float:
        calls[0] += 1
        return 1 / calls[0]

    return Made(lambda: calls[0], lambda kept: calls.__setitem__(0, kept), module=Scheduled(rate))


def decayed(memory: dict[str, float], step: int) -> float:
    memory["rate"] *= 0.9
    return memory["rate"]


def argument_of_a_partial_schedule() -> Made:
    memory = {"rate": 1.0}
    module = Scheduled(functools.partial(decayed, memory))
    return Made(lambda: dict(memory), memory.update, module=module)


class Patient(torch.optim.AdamW):
    """Counts its steps beside the state that it saves."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.taken = 0

    def step(self, *arguments: Any, **named: Any) -> Any:
        self.taken += 1
        return super().step(*arguments, **named)


def counter_of_an_optimizer() -> Made:
    module = TinyModule()
    optimizer = Patient(module.parameters(), lr=module.lr)
    module.configure_optimizers = lambda: optimizer
    return Made(**of_attribute(optimizer, "taken"), module=module)


# The logger


class Counting(Logger):
    """Counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0

    name, version = "counting", 0

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass

    def log_metrics(self, metrics: Any, step: Any = None) -> None:
        self.lines += 1


def counter_of_a_logger() -> Made:
    logger = Counting()
    return Made(**of_attribute(logger, "lines"), arguments={"logger": logger, "log_every_n_steps": 1})


RUNS: dict[Callable[[], Made], tuple[str, bool]] = {
    average_in_a_callback: ("AveragingCallback.average.shadow['head.weight']", False),
    best_of_a_callback: ("BestCallback.best", False),
    position_of_the_data_module: ("datamodule.read", False),
    generator_of_a_wrapped_data_set: (
        "train_dataloader.dataset.datasets[1].sources['noise']['state']['state']",
        True,
    ),
    offset_of_a_sampler: ("val_dataloader.sampler.offset", True),
    counter_of_a_collate_function: ("train_dataloader.collate_fn.batches", True),
    argument_of_a_partial_collate_function: ("train_dataloader.collate_fn.args[0]['factor']", True),
    generator_of_a_transform: ("train_dataloader.dataset.transform.rng['state']['state']", True),
    metric_that_is_not_logged: ("model.error.total", False),
    stage_among_the_hyper_parameters: ("model._hparams['stage']", False),
    closure_of_a_schedule: ("schedulers[0].lr_lambdas[0].closure['calls'][0]", True),
    argument_of_a_partial_schedule: ("schedulers[0].lr_lambdas[0].args[0]['rate']", True),
    counter_of_an_optimizer: ("optimizers[0].taken", False),
    counter_of_a_logger: ("loggers[0].lines", False),
}
"""What is made -> the path under which what it keeps is found, and whether training uses it within the run."""
