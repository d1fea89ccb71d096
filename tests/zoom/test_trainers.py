"""A closer look through other trainers."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from torch import nn

from stopgo_mixins import AtStep, LoopRun, LoopStopAndGoMixin, require_nemo
from stopgo_mixins.zoom.closer_look import closer_look
from tests.megatron.cases import GPTMixin


def looked_at(case: Any) -> str:
    """What a closer look says of a class."""
    try:
        case.setUpClass()
        return closer_look(case).sentence
    finally:
        case.doClassCleanups()


class LoopMixin(LoopStopAndGoMixin, abstract=True):
    """Draws dropout masks, and restores all but the generator."""

    num_steps = 4
    interruption = AtStep(2)

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        run.watch(model, optimizer)
        step = 0
        if run.resume_from:
            saved = torch.load(run.resume_from)
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            step = saved["step"]
            run.loaded(run.resume_from)
        samples = torch.arange(12.0).view(4, 1, 3)
        for batch in run.batches(samples[step:]):
            loss = model(batch).square().mean()
            run.loss(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            path = run.directory / f"{step}.pt"
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)
            run.saved(path)


class TestTrainers(unittest.TestCase):
    def test_a_loop_of_ones_own(self) -> None:
        class Case(LoopMixin, unittest.TestCase):
            pass

        said = looked_at(Case)
        self.assertIn("of step 3, the first operator that differs", said)
        self.assertIn("aten.bernoulli_.float in forward of 1,", said)
        self.assertIn("other random numbers", said)

    @require_nemo
    def test_megatron(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            dropout = 0.1
            rng_remedy = False

        said = looked_at(Case)
        self.assertIn("of step 5, the first operator that differs", said)
        self.assertIn("other random numbers", said)


if __name__ == "__main__":
    unittest.main()
