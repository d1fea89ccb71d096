"""The smallest loop with Fabric in which everything varies, and that resumes exactly unless it forgets something."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stopgo_mixins import AtStep, FabricRun, FabricStopAndGoMixin

STEPS_PER_EPOCH = 4


class TinyFabricMixin(FabricStopAndGoMixin, abstract=True):
    """Eleven updates in epochs of four, interrupted after the sixth.

    Attributes:
        forgets: what is left out of the state that is saved and loaded, or the call that the loop does not make.
        max_norm: to which the gradients are clipped, if they are.
    """

    num_steps = 11
    val_check_interval = 4
    lr = 1e-2
    interruption = AtStep(6)
    forgets: ClassVar[str] = ""
    max_norm: ClassVar[float | None] = None

    @classmethod
    def train_loop(cls, run: FabricRun) -> None:
        loop = Loop(cls, run)
        if run.resume_from:
            loop.load(run.resume_from)
        while loop.state["step"] < run.num_steps:
            loop.epoch()


class Loop:
    """What one writes: the state that is saved, and how it is trained."""

    def __init__(self, settings: type[TinyFabricMixin], run: FabricRun) -> None:
        self.settings, self.run = settings, run
        self.fabric = Fabric(accelerator="cpu")
        if settings.forgets != "listen_to":
            run.listen_to(self.fabric)
        body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        model = nn.Sequential(body, nn.Linear(4, 1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr)
        self.schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=20)
        self.model, self.optimizer = self.fabric.setup(model, optimizer)
        run.watch(self.model, self.optimizer, schedulers=[self.schedule])
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        self.state: dict[str, Any] = {**parts, "step": 0, "rng": torch.get_rng_state()}
        self.lost: Any = self.state.pop(settings.forgets, None)

    def load(self, path: Path) -> None:
        self.fabric.load(path, self.state)
        if self.settings.forgets != "rng":
            torch.set_rng_state(self.state["rng"])

    def save(self) -> None:
        if self.settings.forgets != "rng":
            self.state["rng"] = torch.get_rng_state()
        self.fabric.save(self.run.directory / f"step-{self.state['step']}.ckpt", self.state)

    def epoch(self) -> None:
        epoch, done = divmod(self.state["step"], STEPS_PER_EPOCH)
        self.run.progress(epoch=epoch)
        order = torch.randperm(8, generator=torch.Generator().manual_seed(epoch))
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))[order]
        rest = inputs if self.settings.forgets == "position" else inputs[2 * done :]
        loader = self.fabric.setup_dataloaders(DataLoader(rest, batch_size=2, generator=torch.Generator()))
        for batch in self.run.batches(loader):
            self.update(batch)
            if self.state["step"] == self.run.num_steps:
                break

    def update(self, batch: Tensor) -> None:
        loss = nn.functional.mse_loss(self.model(batch), batch.sum(1, keepdim=True))
        self.fabric.backward(loss)
        if self.settings.max_norm is not None:
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.settings.max_norm)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        self.state["step"] += 1
        self.fabric.log("loss", loss)
        self.fabric.log_dict({"lr": self.schedule.get_last_lr()[0]}, step=self.state["step"])
        if self.state["step"] % int(self.settings.val_check_interval or self.run.num_steps) == 0:
            self.validate()
        self.save()

    def validate(self) -> None:
        with torch.no_grad(), self.run.validation():
            for batch in self.run.batches([torch.ones(2, 3)]):
                self.run.loss(self.model(batch).mean())
