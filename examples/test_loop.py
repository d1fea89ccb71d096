"""A training loop of one's own that resumes exactly, and its test: ``python -m unittest -v examples.test_loop``."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from stopgo_mixins import AtStep, LoopRun, LoopStopAndGoMixin

BATCH_SIZE, STEPS_PER_EPOCH = 32, 6


def rest_of_epoch(data: TensorDataset, step: int) -> DataLoader[tuple[Tensor, ...]]:
    """What an epoch still has from a step on; without a generator of its own, a loader draws from the global one."""
    epoch, done = divmod(step, STEPS_PER_EPOCH)
    order = torch.randperm(BATCH_SIZE * STEPS_PER_EPOCH, generator=torch.Generator().manual_seed(epoch))
    return DataLoader(Subset(data, order[done * BATCH_SIZE :].tolist()), BATCH_SIZE, generator=torch.Generator())


class TestLoop(LoopStopAndGoMixin, unittest.TestCase):
    num_steps = 18
    val_check_interval = 6
    interruption = AtStep(8)  # amid the second of three epochs

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        digits = load_digits()
        data = TensorDataset(torch.tensor(digits.images).float().flatten(1) / 16, torch.tensor(digits.target))
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=12)
        run.watch(model, optimizer, schedulers=[schedule])
        parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": schedule}
        step = 0
        if run.resume_from:
            saved = torch.load(run.resume_from)
            for name, part in parts.items():
                part.load_state_dict(saved[name])
            step = saved["step"]
            torch.set_rng_state(saved["rng"])
            run.loaded(run.resume_from)
        while step < run.num_steps:
            run.progress(epoch=step // STEPS_PER_EPOCH)
            for images, labels in run.batches(rest_of_epoch(data, step)):
                loss = nn.functional.cross_entropy(model(images), labels)
                run.loss(loss)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                run.log(step, {"loss": loss.item()})
                if step % cls.val_check_interval == 0:
                    validate(model, data, run)
                if step % 4 == 0:
                    path = run.directory / f"step-{step}.pt"
                    saved = {name: part.state_dict() for name, part in parts.items()}
                    torch.save({**saved, "step": step, "rng": torch.get_rng_state()}, path)
                    run.saved(path)


def validate(model: nn.Module, data: TensorDataset, run: LoopRun) -> None:
    """The loss of each batch of the last 64 digits."""
    held_out = DataLoader(Subset(data, range(len(data) - 64, len(data))), BATCH_SIZE, generator=torch.Generator())
    model.eval()
    with torch.no_grad(), run.validation():
        for images, labels in run.batches(held_out):
            run.loss(nn.functional.cross_entropy(model(images), labels))
    model.train()
