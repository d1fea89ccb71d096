"""When a closer look is taken, and what it does not judge."""

from __future__ import annotations

import contextlib
import io
import unittest
import unittest.mock
from typing import Any

import torch

from stopgo_mixins import Mode
from stopgo_mixins.__main__ import main
from stopgo_mixins.comparison.closer_look import CloserLook
from stopgo_mixins.zoom import closer_look
from tests.outcome import run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders
from tests.zoom.cases import FaultyMixin


class TestCloserLook(unittest.TestCase):
    def test_stands_in_the_message_of_a_root_cause_alone(self) -> None:
        class Case(FaultyMixin, unittest.TestCase):
            zoom = True

        failed = run(Case).failed
        self.assertIn("exp_avg_sq of body.0.weight", failed["optimizer_state"])
        self.assertNotIn("zoom:", failed["parameters"])

    def test_is_not_taken_unasked(self) -> None:
        class Case(FaultyMixin, unittest.TestCase):
            pass

        with unittest.mock.patch.object(closer_look, "closer_look", side_effect=AssertionError("taken")):
            self.assertNotIn("zoom:", run(Case).failed["optimizer_state"])

    def test_is_taken_anew_when_the_class_is_run_again(self) -> None:
        class Case(FaultyMixin, unittest.TestCase):
            zoom = True

        for seen in ("the first look", "the second look"):
            look = CloserLook(seen)
            with unittest.mock.patch("stopgo_mixins.zoom.mixin.closer_look", return_value=look):
                self.assertIn(seen, run(Case).failed["optimizer_state"])

    def test_of_a_step_that_is_another_one_the_second_time_judges_nothing(self) -> None:
        class Changing(TinyModule):
            runs = 0

            def on_train_start(self) -> None:
                Changing.runs += 1
                with torch.no_grad():
                    self.head.bias.add_(Changing.runs)

        class Case(TinyMixin, unittest.TestCase):
            zoom = True

            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                return Changing(cls.lr), tiny_loaders()

        said = run(Case).failed["parameters"]
        self.assertIn("zoom: step 1 of the interrupted run is not the same when it is made once more and watched", said)
        self.assertNotIn("operator that differs", said)


class TestCommand(unittest.TestCase):
    def command(self, name: str) -> tuple[int, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            status = main(["zoom", f"tests.zoom.cases.{name}"])
        return status, printed.getvalue()

    def test_names_root_causes_and_the_operator(self) -> None:
        status, printed = self.command("Faulty")
        self.assertEqual(status, 1)
        self.assertIn("root cause of this run: optimizer_state at state 3", printed)
        self.assertIn("exp_avg_sq of body.0.weight", printed)

    def test_of_a_class_that_resumes(self) -> None:
        self.assertEqual(self.command("Sound"), (0, "zoom: no training step differs.\n"))


if __name__ == "__main__":
    unittest.main()
