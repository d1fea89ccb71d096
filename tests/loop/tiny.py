"""The smallest loop of one's own in which everything varies, and that resumes exactly unless it forgets something."""

from __future__ import annotations

import random
import signal
import unittest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from stopgo_mixins import AtStep, LoopRun, LoopStopAndGoMixin

STEPS_PER_EPOCH = 4


def batches(count: int, epoch: int | None = None) -> list[tuple[Tensor, Tensor]]:
    """As many of two samples each, in the order of an epoch or as they lie."""
    generator = torch.Generator().manual_seed(count)
    samples = torch.randn(2 * count, 4, generator=generator)
    if epoch is not None:
        samples = samples[torch.randperm(2 * count, generator=torch.Generator().manual_seed(epoch))]
    return [(batch[:, :3], batch[:, 3:]) for batch in samples.split(2)]


def random_numbers() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def restore_random_numbers(states: tuple[Any, ...]) -> None:
    for restore, state in zip((random.setstate, np.random.set_state, torch.set_rng_state), states, strict=True):
        restore(state)


class TinyLoopMixin(LoopStopAndGoMixin, abstract=True):
    """Eleven updates in epochs of four, interrupted after the sixth.

    Attributes:
        forgets: what the loop does not do: ``"watch"``, ``"loss"``, ``"saved"``, ... not to say that; ``"data"``,
            ``"rng"``, ``"schedule"``, ... not to restore that.
        window: batches of each update.
        save_every: updates between two checkpoints.
        as_directory: whether a checkpoint is a directory.
        answers: the signal upon which the loop saves and ends.
        max_norm: to which the gradients are clipped, if they are.
    """

    num_steps = 11
    val_check_interval = 4
    lr = 1e-2
    interruption = AtStep(6)
    forgets: ClassVar[str] = ""
    window: ClassVar[int] = 1
    save_every: ClassVar[int] = 1
    as_directory: ClassVar[bool] = False
    answers: ClassVar[signal.Signals | None] = None
    max_norm: ClassVar[float | None] = None

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        loop = Loop(cls.make_net(), cls, run)
        if run.resume_from:
            loop.load(run.resume_from)
        while not loop.is_over:
            loop.epoch()

    @classmethod
    def make_net(cls) -> nn.Module:
        body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        return nn.Sequential(body, nn.Linear(4, 1))


class KilledLoop(TinyLoopMixin, unittest.TestCase):
    """Each leg in a fresh process, the first of which is killed."""

    isolation = "process"
    interruption = AtStep(6, by=signal.SIGKILL)


class Loop:
    """What one writes: the parts, and how they are saved, loaded and trained."""

    def __init__(self, model: nn.Module, settings: type[TinyLoopMixin], run: LoopRun) -> None:
        self.model, self.settings, self.run = model, settings, run
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=0.1)
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimizer, total_iters=20)
        self.parts: dict[str, Any] = {"model": model, "optimizer": self.optimizer, "schedule": self.schedule}
        self.step, self.number_of_epoch, self.read_before = 0, 0, 0
        if settings.forgets != "watch":
            run.watch(model, self.optimizer, schedulers=[] if settings.forgets == "schedulers" else [self.schedule])
        self.is_told_to_end = False
        if settings.answers is not None:
            signal.signal(settings.answers, self.end)

    def end(self, *_: object) -> None:
        self.is_told_to_end = True

    @property
    def is_over(self) -> bool:
        return self.step == self.run.num_steps or self.run.should_stop or self.is_told_to_end

    def file(self, path: Path) -> Path:
        return path / "state.pt" if self.settings.as_directory else path

    def load(self, path: Path) -> None:
        saved = torch.load(self.file(path), weights_only=False)
        for name, part in self.parts.items():
            if name != self.settings.forgets:
                part.load_state_dict(saved[name])
        self.step = saved["step"]
        self.number_of_epoch, done = divmod(self.step, STEPS_PER_EPOCH)
        self.read_before = 0 if self.settings.forgets == "data" else done
        if self.settings.forgets != "rng":
            restore_random_numbers(saved["rng"])
        if self.settings.forgets != "loaded":
            self.run.loaded(path)

    def save(self) -> None:
        path = self.run.directory / f"step-{self.step}"
        self.file(path).parent.mkdir(exist_ok=True)
        saved = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**saved, "step": self.step, "rng": random_numbers()}, self.file(path))
        if self.settings.forgets != "saved":
            self.run.saved(path)

    def epoch(self) -> None:
        window = self.settings.window
        data = batches(STEPS_PER_EPOCH * window, self.number_of_epoch)[self.read_before * window :]
        self.run.progress(epoch=self.number_of_epoch)
        read = data if self.settings.forgets == "batches" else self.run.batches(data)
        for number, batch in enumerate(read, start=1):
            self.forward(batch)
            if number % window == 0:
                self.update()
            if self.is_over:
                return
        self.number_of_epoch, self.read_before = self.number_of_epoch + 1, 0

    def forward(self, batch: tuple[Tensor, Tensor]) -> None:
        loss = nn.functional.mse_loss(self.model(batch[0]), batch[1]) / self.settings.window
        if self.settings.forgets != "loss":
            self.run.loss(loss)
        loss.backward()

    def update(self) -> None:
        if self.settings.max_norm is not None:
            if self.settings.forgets != "gradients":
                self.run.gradients()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_norm)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.run.log(self.step, {"lr": self.schedule.get_last_lr()[0]})
        if self.step % int(self.settings.val_check_interval or self.run.num_steps) == 0:
            self.validate()
        if self.step % self.settings.save_every == 0:
            self.save()

    def validate(self) -> None:
        self.model.eval()
        with torch.no_grad(), self.run.validation():
            for loader in (batches(3), batches(2)):
                for batch in self.run.batches(loader):
                    self.run.loss(nn.functional.mse_loss(self.model(batch[0]), batch[1]))
            self.run.log(self.step, {"read": 3.0 * self.step})
        self.model.train()
