"""Classes of two ranks; a test module imports the module, so that no runner finds them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, DistributedSampler, Subset
from torchdata.stateful_dataloader import StatefulDataLoader

from examples.digits import BATCH_SIZE, DigitsClassifier, DigitsDataModule
from examples.test_digits import TestDigits
from stopgo_mixins import AtStep, Mode, RngStateCallback


def rank() -> int:
    """Of this process, told by its launcher."""
    return int(os.environ["RANK"])


class ShardedDigits(DigitsDataModule):
    """Each rank reads its own samples, in the order of the epoch in which it resumes."""

    sampler: type[DistributedSampler[Any]] = DistributedSampler

    def train_dataloader(self) -> DataLoader[Any]:
        subset = Subset(self.digits, range(self.samples))
        sampler = self.sampler(subset)
        assert self.trainer is not None
        sampler.set_epoch(self.trainer.current_epoch)  # Lightning sets it after it has begun to read
        return StatefulDataLoader(subset, batch_size=BATCH_SIZE, sampler=sampler)


class DigitsMixin(TestDigits, abstract=True):
    num_steps = 8
    val_check_interval = 2
    interruption = AtStep(5)  # amid the second of three epochs, and between two validations
    devices = 2
    phase_timeout = 300.0

    @classmethod
    def setup_model(cls, mode: Mode) -> Any:
        made = DigitsClassifier(lr=cls.lr), cls.make_data(mode)
        torch.manual_seed(cls.seed + rank())  # each rank draws random numbers of its own
        return made

    @classmethod
    def make_data(cls, mode: Mode) -> DigitsDataModule:
        return ShardedDigits()

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        return {**arguments, "callbacks": [*arguments["callbacks"], *cls.more_callbacks(mode)]}

    @classmethod
    def more_callbacks(cls, mode: Mode) -> list[Callback]:
        return []


class Digits(DigitsMixin):
    pass


class LightningsSampler(DigitsMixin):
    """The sampler that Lightning itself puts into the loader, which is read before it is told the epoch."""

    @classmethod
    def make_data(cls, mode: Mode) -> DigitsDataModule:
        return DigitsDataModule()


class ShardedClassifier(DigitsClassifier):
    """Each rank holds a share of every weight; GroupNorm, since nobody makes the ranks agree on buffers."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.features[1] = nn.GroupNorm(2, 8)
        self.is_sharded = False

    def configure_model(self) -> None:
        if not self.is_sharded:
            self.is_sharded = True
            for part in (self.features, self.head):
                fully_shard(part, mesh=self.device_mesh["data_parallel"])  # type: ignore[index]  # set by the strategy


class FullySharded(DigitsMixin):
    @classmethod
    def setup_model(cls, mode: Mode) -> Any:
        torch.manual_seed(cls.seed)
        model = ShardedClassifier(cls.lr)
        torch.manual_seed(cls.seed + rank())
        return model, cls.make_data(mode)

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        sharded = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1)
        return {**super().trainer_arguments(mode), "strategy": sharded}


# What a resume may get wrong on rank 1 alone


class OneAhead(DistributedSampler[Any]):
    """On rank 1, each epoch begins one batch later."""

    def __iter__(self) -> Iterator[Any]:
        indices = list(super().__iter__())
        return iter(indices[BATCH_SIZE * rank() :] + indices[: BATCH_SIZE * rank()])


class LosesAMoment(Callback):
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if rank() == 1:
            trainer.optimizers[0].state[pl_module.features[0].weight]["exp_avg_sq"].zero_()


class WrongOnRank1(DigitsMixin):
    """Resumed with all three, after a signal that has ended both ranks."""

    interruption = AtStep(5, by=signal.SIGKILL)

    @classmethod
    def make_data(cls, mode: Mode) -> DigitsDataModule:
        data = ShardedDigits()
        if mode is Mode.RESUME:
            data.sampler = OneAhead
        return data

    @classmethod
    def more_callbacks(cls, mode: Mode) -> list[Callback]:
        return [LosesAMoment()] if mode is Mode.RESUME else []

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        remedy: Any = callbacks[Mode.RESUME][RngStateCallback]
        load = remedy.load_state_dict
        remedy.load_state_dict = lambda state: load({"ranks": [state["ranks"][0]] * 2})
        return callbacks


# How a rank may end


class Ends(Callback):
    """Ends rank 1 amid training."""

    at_step = 2

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if rank() == 1 and trainer.global_step == self.at_step:
            self.end()

    def end(self) -> None:
        raise ValueError("the data of rank 1 are gone")


class EndingMixin(DigitsMixin, abstract=True):
    ends: type[Ends]

    @classmethod
    def more_callbacks(cls, mode: Mode) -> list[Callback]:
        return [cls.ends()]


class RaisesOnRank1(EndingMixin):
    ends = Ends


class KilledInTraining(EndingMixin):
    class ends(Ends):  # noqa: N801 - an attribute
        def end(self) -> None:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledInACollective(EndingMixin):
    class ends(Ends):  # noqa: N801 - an attribute
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            work = torch.distributed.all_reduce(torch.ones(10_000_000), async_op=True)
            if rank() == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            work.wait()


class KilledInASave(EndingMixin):
    class ends(Ends):  # noqa: N801 - an attribute
        def end(self) -> None:
            """Not yet."""

        def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
            if rank() == 1:
                os.kill(os.getpid(), signal.SIGKILL)


class ExitsWith0(EndingMixin):
    class ends(Ends):  # noqa: N801 - an attribute
        def end(self) -> None:
            os._exit(0)


class HangsOnRank1(EndingMixin):
    @classmethod
    def resume(cls) -> None:
        cls.phase_timeout = 15.0  # once the processes start quickly
        super().resume()

    @classmethod
    def more_callbacks(cls, mode: Mode) -> list[Callback]:
        return super().more_callbacks(mode) if mode is Mode.RESUME else []

    class ends(Ends):  # noqa: N801 - an attribute
        at_step = 5

        def end(self) -> None:
            self.wait_for_data_that_never_come()

        def wait_for_data_that_never_come(self) -> None:
            threading.Event().wait(600)
