"""The smallest loop with Accelerate in which everything varies, written as the cells of the matrix want it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from stopgo_mixins import AccelerateRun, AccelerateStopAndGoMixin, AtStep

STEPS_PER_EPOCH = 4


class Samples(Dataset[Tensor]):
    """Two for each batch of an epoch; each is changed by random numbers when it is read, if they are noisy."""

    def __init__(self, count: int = 2 * STEPS_PER_EPOCH, noisy: bool = False) -> None:
        self.inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
        self.noisy = noisy

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Tensor:
        return self.inputs[index] + torch.randn(3) if self.noisy else self.inputs[index]


class TinyAccelerateMixin(AccelerateStopAndGoMixin, abstract=True):
    """Eleven updates in epochs of four, interrupted after the sixth, with the remedies in place.

    Attributes:
        seedable: whether the permutation is drawn from the seed and the epoch.
        data_seed: from which it is drawn; ``None`` for that of the process.
        sets_epoch: whether the loader is told which epoch it is.
        own_generator: whether the loader has a generator of its own.
        stateful: whether the loader itself remembers where it was; else the batches that were read are skipped.
        workers: processes that read the samples.
        noisy: whether the training samples are random.
        window: batches of each update.
        max_norm: to which the gradients are clipped, if they are.
        lost: files of the checkpoint that are deleted before it is loaded.
    """

    num_steps = 11
    val_check_interval = 4
    lr = 1e-2
    interruption = AtStep(6)
    seedable: ClassVar[bool] = True
    data_seed: ClassVar[int | None] = 7
    sets_epoch: ClassVar[bool] = True
    own_generator: ClassVar[bool] = True
    stateful: ClassVar[bool] = False
    workers: ClassVar[int] = 0
    noisy: ClassVar[bool] = False
    window: ClassVar[int] = 1
    max_norm: ClassVar[float | None] = None
    lost: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def train_loop(cls, run: AccelerateRun) -> None:
        loop = Loop(cls, run)
        if run.resume_from:
            loop.load(run.resume_from)
        while loop.step < run.num_steps:
            loop.epoch()


class Loop:
    """What one writes: the parts, as they are prepared, and how they are trained."""

    def __init__(self, settings: type[TinyAccelerateMixin], run: AccelerateRun) -> None:
        self.settings, self.run = settings, run
        reading = DataLoaderConfiguration(
            use_seedable_sampler=settings.seedable,
            data_seed=settings.data_seed,
            use_stateful_dataloader=settings.stateful,
        )
        self.accelerator = Accelerator(cpu=True, dataloader_config=reading, gradient_accumulation_steps=settings.window)
        run.listen_to(self.accelerator)
        body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        model = nn.Sequential(body, nn.Linear(4, 1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=20)
        loader: Any = DataLoader(
            Samples(2 * STEPS_PER_EPOCH * settings.window, settings.noisy),
            batch_size=2,
            shuffle=True,
            num_workers=settings.workers,
            generator=torch.Generator().manual_seed(7) if settings.own_generator else None,
        )
        prepared = self.accelerator.prepare(model, optimizer, schedule, loader)
        self.model, self.optimizer, self.schedule, self.loader = prepared
        run.watch(self.model, self.optimizer, schedulers=[self.schedule])
        self.step = 0
        self.resumed = False

    def load(self, path: Path) -> None:
        for name in self.settings.lost:
            (path / name).unlink()
        self.accelerator.load_state(str(path))
        self.step = int(path.resolve().name.rpartition("-")[-1])
        self.resumed = True

    def epoch(self) -> None:
        epoch, done = divmod(self.step, STEPS_PER_EPOCH)
        loader = self.loader
        if self.resumed and done and not self.settings.stateful:
            loader = self.accelerator.skip_first_batches(loader, done * self.settings.window)
        self.resumed = False
        if self.settings.sets_epoch:
            loader.set_epoch(epoch)
        self.run.progress(epoch=epoch)
        for batch in self.run.batches(loader):
            with self.accelerator.accumulate(self.model):
                self.update(batch)
            if self.accelerator.sync_gradients:
                self.after_update()
            if self.step == self.run.num_steps:
                break

    def update(self, batch: Tensor) -> None:
        self.accelerator.backward(nn.functional.mse_loss(self.model(batch), batch.sum(1, keepdim=True)))
        if self.accelerator.sync_gradients and self.settings.max_norm is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.max_norm)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()

    def after_update(self) -> None:
        self.step += 1
        self.accelerator.log({"lr": self.schedule.get_last_lr()[0]}, step=self.step)
        if self.step % int(self.settings.val_check_interval or self.run.num_steps) == 0:
            self.validate()
        self.accelerator.save_state(str(self.run.directory / f"step-{self.step}"))

    def validate(self) -> None:
        self.model.eval()
        with torch.no_grad(), self.run.validation():
            for batch in self.run.batches([Samples(4).inputs]):
                self.run.loss(nn.functional.mse_loss(self.model(batch), batch.sum(1, keepdim=True)))
        self.model.train()
