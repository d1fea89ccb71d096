"""The user's checkpoint callback has done its work before the run is interrupted, wherever it stands in the list."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any, ClassVar

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from stopgo_mixins import Mode
from tests.outcome import run
from tests.tiny import TinyMixin


class TestOrderOfCallbacks(unittest.TestCase):
    def outcome_of(self, user_first: bool) -> str:
        """Runs a class and returns the name of the checkpoint that it resumed from."""

        class TestWithCheckpoints(TinyMixin, unittest.TestCase):
            resumed_from: ClassVar[str]

            @classmethod
            def setup_trainer(cls, mode: Mode) -> Trainer:
                arguments: dict[str, Any] = cls.trainer_arguments(mode)
                every_step = ModelCheckpoint(
                    cls.run_directory(mode) / "users",
                    "{step}",
                    monitor="val_loss",
                    every_n_train_steps=1,
                    save_top_k=-1,
                )
                registered = arguments["callbacks"]
                callbacks = [every_step, *registered] if user_first else [*registered, every_step]
                return Trainer(**{**arguments, "callbacks": callbacks})

            @classmethod
            def run_stop_and_go(cls) -> None:
                super().run_stop_and_go()
                cls.resumed_from = cls.resume_checkpoint()

        # Lightning 2.4 does not resume exactly from a checkpoint of this moment, which is no matter here.
        self.assertEqual(run(TestWithCheckpoints, ["resume_point"]).passed, {"resume_point"})
        return str(Path(TestWithCheckpoints.resumed_from).relative_to(Path(TestWithCheckpoints.tempdir.name).resolve()))

    def test_it_may_stand_before_the_registered_ones(self) -> None:
        self.assertEqual(self.outcome_of(user_first=True), "interrupted/users/step=3.ckpt")

    def test_it_may_stand_behind_them(self) -> None:
        self.assertEqual(self.outcome_of(user_first=False), "interrupted/users/step=3.ckpt")


if __name__ == "__main__":
    unittest.main()
