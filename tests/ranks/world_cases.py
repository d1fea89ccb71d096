"""Classes that are resumed in another world; a test module imports the module, so that no runner finds them."""

from __future__ import annotations

import unittest
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from lightning.pytorch import Callback
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, Subset

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, Tolerance
from tests.ranks.cases import LosesAMoment, ShardedClassifier

GLOBAL_BATCH_SIZE = 64


class Classifier(DigitsClassifier):
    """Neither BatchNorm, which sees other batches in another world, nor dropout, which draws other masks there."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.features[1] = nn.GroupNorm(2, 8)
        self.head[0] = nn.Identity()


class RestOfEpoch(DistributedSampler[Any]):
    """Goes on amid an epoch."""

    already_read = 0

    def __iter__(self) -> Iterator[Any]:
        begin, self.already_read = self.already_read, 0
        return iter(list(super().__iter__())[begin:])


class SharedDigits(DigitsDataModule):
    """All ranks together read the same samples in each update, however many they are.

    Its place in an epoch is counted in samples of all ranks; a ``StatefulDataLoader`` counts those of one.
    """

    already_read = 0

    def train_dataloader(self) -> DataLoader[Any]:
        subset = Subset(self.digits, range(self.samples))
        sampler = self.sampler(subset, shuffle=True)
        sampler.set_epoch(self._world.current_epoch)
        sampler.already_read = self.already_read // self._world.world_size
        return DataLoader(subset, batch_size=self._batch_size, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        subset = Subset(self.digits, range(len(self.digits) - 256, len(self.digits)))
        return DataLoader(subset, batch_size=self._batch_size, sampler=self.sampler(subset, shuffle=False))

    def sampler(self, data: Any, *, shuffle: bool) -> RestOfEpoch:
        return RestOfEpoch(data, self._world.world_size, self._world.global_rank, shuffle=shuffle)

    def state_dict(self) -> dict[str, int]:
        return {"already_read": self._world.global_step * GLOBAL_BATCH_SIZE % self.samples}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.already_read = state["already_read"]

    @property
    def _world(self) -> Any:
        return self.trainer

    @property
    def _batch_size(self) -> int:
        return GLOBAL_BATCH_SIZE // int(self._world.world_size)


class AnotherWorldMixin(LightningStopAndGoMixin, abstract=True):
    num_steps = 8
    val_check_interval = 2
    lr = 1e-3
    interruption = AtStep(5)  # amid the second of three epochs, and between two validations
    phase_timeout = 300.0
    tolerances: ClassVar[Mapping[str, Tolerance]] = {
        "train_loss": Tolerance(rtol=1e-5, atol=0.0),
        "valid_loss": Tolerance(rtol=1e-5, atol=0.0),
    }

    @classmethod
    def setup_model(cls, mode: Mode) -> Any:
        return Classifier(lr=cls.lr), SharedDigits()


class TwoResumedAsOne(AnotherWorldMixin, unittest.TestCase):
    devices = 2
    resume_devices = 1


class OneResumedAsTwo(AnotherWorldMixin, unittest.TestCase):
    devices = 1
    resume_devices = 2


class OneRankDrifts(OneResumedAsTwo):
    """Rank 1 alone has lost a moment."""

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        return {**arguments, "callbacks": [*arguments["callbacks"], *([LosesAMoment()] if mode is Mode.RESUME else [])]}


class Misplaces(Callback):
    """What a loader does that puts the shards together in another order."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        moment = trainer.optimizers[0].state[pl_module.head[1].weight]["exp_avg_sq"]
        local = moment.to_local()
        local.copy_(torch.cat(local.chunk(2)[::-1]))


class ShardsMisplaced(AnotherWorldMixin, unittest.TestCase):
    """Each rank holds a share of every weight."""

    devices = 2
    resume_devices = 1

    @classmethod
    def setup_model(cls, mode: Mode) -> Any:
        torch.manual_seed(cls.seed)
        model = ShardedClassifier(lr=cls.lr)
        model.head[0] = nn.Identity()
        return model, SharedDigits()

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        sharded = ModelParallelStrategy(data_parallel_size=cls.devices_of(mode), tensor_parallel_size=1)
        arguments = {**super().trainer_arguments(mode), "strategy": sharded}
        return {**arguments, "callbacks": [*arguments["callbacks"], *([Misplaces()] if mode is Mode.RESUME else [])]}
