"""A loop with Accelerate that resumes exactly, and its test: ``python -m unittest -v examples.test_accelerate``."""

from __future__ import annotations

import unittest

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from stopgo_mixins import AccelerateRun, AccelerateStopAndGoMixin, AtStep

BATCH_SIZE, STEPS_PER_EPOCH = 32, 6


class TestAccelerate(AccelerateStopAndGoMixin, unittest.TestCase):
    num_steps = 18
    interruption = AtStep(8)  # amid the second of three epochs

    @classmethod
    def train_loop(cls, run: AccelerateRun) -> None:
        # Without a data_seed, it is that of the process, which a restart may not have.
        reading = DataLoaderConfiguration(use_seedable_sampler=True, data_seed=cls.seed)
        accelerator = Accelerator(cpu=True, dataloader_config=reading)
        run.listen_to(accelerator)
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=12)
        images, labels = (torch.tensor(part[: BATCH_SIZE * STEPS_PER_EPOCH]) for part in load_digits(return_X_y=True))
        data = TensorDataset(images.float() / 16, labels)
        # Without a generator of its own, a loader draws from the global one, behind what was restored.
        generator = torch.Generator().manual_seed(cls.seed)
        loader = DataLoader(data, BATCH_SIZE, shuffle=True, generator=generator)
        model, optimizer, schedule, loader = accelerator.prepare(model, optimizer, schedule, loader)
        run.watch(model, optimizer, schedulers=[schedule])
        step = 0
        if run.resume_from:
            accelerator.load_state(str(run.resume_from))
            step = int(run.resume_from.name)
        while step < run.num_steps:
            epoch, done = divmod(step, STEPS_PER_EPOCH)
            run.progress(epoch=epoch)
            rest = accelerator.skip_first_batches(loader, done) if done else loader
            rest.set_epoch(epoch)  # the loader that is read, not the one that it was made of
            for inputs, targets in run.batches(rest):
                loss = nn.functional.cross_entropy(model(inputs), targets)
                accelerator.backward(loss)
                accelerator.clip_grad_norm_(model.parameters(), max_norm=1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                step += 1
                accelerator.log({"loss": loss.item()}, step=step)
                if step % 4 == 0:
                    accelerator.save_state(str(run.directory / str(step)))
