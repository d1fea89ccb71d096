"""A third backend in one file: a plain training loop of torch, told as the calls of a phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins.bridge.run import PhaseRun
from stopgo_mixins.events import TrainingState
from stopgo_mixins.mode import Mode
from stopgo_mixins.stop_and_go import StopAndGoMixin


class Loop(TrainingState):
    """The user's loop: a model, its optimizer and schedule, and batches that it counts."""

    def __init__(self, model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], lr: float) -> None:
        self.trained, self.batches = model, batches
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimizer, total_iters=20)
        self.parts = {"model": model, "optimizer": self.optimizer, "schedule": self.schedule}
        self.steps = 0

    model = property(lambda self: self.trained)
    optimizers = property(lambda self: [self.optimizer])
    schedulers = property(lambda self: [self.schedule])
    global_step = property(lambda self: self.steps)
    consumed_samples = property(lambda self: sum(len(batch[0]) for batch in self._read()))

    def _read(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.batches[step % len(self.batches)] for step in range(self.steps))

    def save(self, path: Path, run: PhaseRun) -> None:
        path.parent.mkdir(exist_ok=True)
        saved = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**saved, "steps": self.steps, "rng": torch.get_rng_state(), "run": run.state_dict()}, path)
        run.checkpoint_saved(str(path))

    def load(self, path: str, run: PhaseRun) -> None:
        saved = torch.load(path)
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.steps = saved["steps"]
        torch.set_rng_state(saved["rng"])
        run.checkpoint_loaded(path, saved["run"])


class LoopStopAndGoMixin(StopAndGoMixin, abstract=True):
    """Runs the phases with the loop that ``setup_model`` returns, and its validation batch."""

    run_class = PhaseRun

    @classmethod
    def train(cls, mode: Mode) -> None:
        loop, validation = cls.make_model(mode)
        plan = cls.plan(mode)
        with cls.run_class(plan, loop, lambda name: loop.save(plan.checkpoint_directory / name, run), list) as run:
            if mode is Mode.RESUME:
                loop.load(str(cls.resume_checkpoint()), run)
            run.training_started()
            for step in range(loop.steps, cls.num_steps):
                cls.update(loop, loop.batches[step % len(loop.batches)], run)
                if loop.steps % (cls.val_check_interval or cls.num_steps) == 0:
                    cls.validate(loop.model, validation, run)
                run.interrupt_if_due()
            run.training_ended()

    @classmethod
    def update(cls, loop: Loop, batch: Any, run: PhaseRun) -> None:
        run.micro_batch_started(batch)
        loss = nn.functional.mse_loss(loop.model(batch[0]), batch[1])
        run.micro_batch_ended(None, loss)
        loop.optimizer.zero_grad()
        loss.backward()
        run.gradients_ready({name: found.grad for name, found in loop.model.named_parameters()})
        loop.optimizer.step()
        loop.schedule.step()
        loop.steps += 1
        run.step_ended()

    @classmethod
    def validate(cls, model: nn.Module, batch: Any, run: PhaseRun) -> None:
        run.validation_started()
        with torch.no_grad():
            run.validation_batch_started(batch)
            run.validation_batch_ended(None, nn.functional.mse_loss(model(batch[0]), batch[1]))
        run.validation_ended({})
