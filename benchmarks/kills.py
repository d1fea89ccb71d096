"""A hundred real deaths: SIGKILL at random moments of the stop phase, each followed by a restart; ``make soak``.

None may end in a silent divergence, a hang or an unreadable trace.
"""

from __future__ import annotations

import random
import sys
import unittest
from collections import Counter
from typing import Any

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint

from benchmarks.clean_models import ExactDigits
from examples.digits import DigitsClassifier
from stopgo_mixins import AtStep, Mode
from stopgo_mixins.isolation.output import progress
from stopgo_mixins.kills.real_deaths import RealDeaths
from stopgo_mixins.kills.survey import run_killed
from stopgo_mixins.kills.verdict import Survival

DEATHS = 100


class TestSaves(ExactDigits, unittest.TestCase):
    """Saves at updates 4 and 8, and a restart takes the newest file, as most scripts do."""

    num_steps = 12
    val_check_interval = 3
    interruption = AtStep(10)

    @classmethod
    def model(cls) -> DigitsClassifier:
        """With dropout and BatchNorm."""
        return DigitsClassifier(lr=cls.lr)

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        """Lightning's, with its own checkpoints."""
        arguments = cls.trainer_arguments(mode)
        saving = ModelCheckpoint(cls.run_directory(mode) / "saved", "{step}", every_n_train_steps=4, save_top_k=-1)
        return lightning.Trainer(**{**arguments, "callbacks": [*arguments["callbacks"], saving]})


def kill_at_random(killed: Any) -> tuple[Counter[str], int]:
    """Kills the class at moments that are spread evenly over its stop phase: verdicts, and updates made again."""
    deaths, moments = RealDeaths(killed), random.Random(0)
    limit, verdicts, redone = deaths.seconds(), Counter[str](), 0
    for number in range(DEATHS):
        with progress(f"death {number + 1} of {DEATHS} ..."):
            updates, verdict = deaths.kill_after(moments.uniform(0, limit))
        verdicts[verdict.survival.value] += 1
        redone += verdict.redone
        if verdict.survival.is_failure:
            print(f"after update {updates}: {verdict.survival.value}: {verdict.reason}", file=sys.stderr)
    return verdicts, redone


def main() -> int:
    """Prints how often each verdict was found; the exit status tells whether any death went unnoticed."""
    verdicts, redone = run_killed(TestSaves, kill_at_random)
    print(f"Lightning {lightning.__version__}: SIGKILL at {DEATHS} random moments of the stop phase; ", end="")
    print(f"{redone} updates were made again\n")
    print("| verdict | deaths |\n| --- | --- |")
    for survival in Survival:
        print(f"| {survival.value} | {verdicts[survival.value]} |")
    return int(any(survival.is_failure and verdicts[survival.value] for survival in Survival))


if __name__ == "__main__":
    sys.exit(main())
