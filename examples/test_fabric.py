"""A loop with Fabric that resumes exactly, and its test: ``python -m unittest -v examples.test_fabric``."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.fabric import Fabric
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from stopgo_mixins import AtStep, FabricRun, FabricStopAndGoMixin

BATCH_SIZE, STEPS_PER_EPOCH = 32, 6


class TestFabric(FabricStopAndGoMixin, unittest.TestCase):
    num_steps = 18
    interruption = AtStep(8)  # amid the second of three epochs

    @classmethod
    def train_loop(cls, run: FabricRun) -> None:
        fabric = Fabric(accelerator="cpu")
        run.listen_to(fabric)
        net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
        adam = torch.optim.AdamW(net.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(adam, total_iters=12)
        model, optimizer = fabric.setup(net, adam)
        run.watch(model, optimizer, schedulers=[schedule])
        images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
        data = TensorDataset(images.float() / 16, labels)
        # Fabric saves what stands here, and nothing else.
        state: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": schedule, "step": 0, "rng": None}
        if run.resume_from:
            fabric.load(run.resume_from, state)
            torch.set_rng_state(state["rng"])
        while state["step"] < run.num_steps:
            epoch, done = divmod(state["step"], STEPS_PER_EPOCH)
            run.progress(epoch=epoch)
            order = torch.randperm(BATCH_SIZE * STEPS_PER_EPOCH, generator=torch.Generator().manual_seed(epoch))
            rest = Subset(data, order[done * BATCH_SIZE :].tolist())
            loader = fabric.setup_dataloaders(DataLoader(rest, BATCH_SIZE, generator=torch.Generator()))
            for inputs, targets in run.batches(loader):
                loss = nn.functional.cross_entropy(model(inputs), targets)
                fabric.backward(loss)
                fabric.clip_gradients(model, optimizer, max_norm=1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                state["step"] += 1
                fabric.log("loss", loss.item(), step=state["step"])
                if state["step"] % 4 == 0:
                    state["rng"] = torch.get_rng_state()
                    fabric.save(run.directory / f"step-{state['step']}.ckpt", state)
