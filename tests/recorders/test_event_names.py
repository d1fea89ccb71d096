"""A method that looks like an event and is none is refused when the recorder is defined."""

from __future__ import annotations

import unittest
from typing import Any

from lightning.pytorch import Callback

from stopgo_mixins import Recorder, StateRecorder
from tests.tiny import TinyMixin


def handle(*_: Any) -> None:
    """Stands in for a method."""


class TestEventNames(unittest.TestCase):
    def test_what_is_almost_an_event(self) -> None:
        for name, meant in (
            ("step_strat", "step_start"),
            ("steps_end", "step_end"),
            ("gradient_ready", "gradients_ready"),
            ("micro_batch_ends", "micro_batch_end"),
            ("validation_ended", "validation_end"),
            ("on_step_start", "step_start"),
            ("on_run_end", "run_end"),
            ("on_validation_end", "validation_end"),
        ):
            with (
                self.subTest(name),
                self.assertRaisesRegex(
                    TypeError,
                    rf"^Mine\.{name} is never called\. Did you mean '{meant}'\? If it is a name of your own, use it",
                ),
            ):
                type("Mine", (Recorder,), {"metric": "mine", name: handle})

    def test_what_is_almost_a_method_of_the_base(self) -> None:
        with self.assertRaisesRegex(TypeError, r"^Mine\.mising is never called\. Did you mean 'missing'\?"):
            type("Mine", (StateRecorder,), {"metric": "mine", "mising": handle})

    def test_in_a_base_of_ones_own(self) -> None:
        class Base(Recorder):
            def run_end(self, state: Any) -> None:
                """Right, as everything here."""

        with self.assertRaisesRegex(TypeError, r"^Mine\.step_strt is never called"):
            type("Mine", (Base,), {"metric": "mine", "step_strt": handle})

    def test_a_helper_that_is_used_is_meant(self) -> None:
        class Mine(Recorder):
            metric = "mine"

            def step_start(self, state: Any) -> None:
                self.step_starts(state)

            def step_starts(self, state: Any) -> None:
                self.record(state)

    def test_hooks_of_a_trainer_are_its_own(self) -> None:
        mine = type("Mine", (Recorder, Callback), {"metric": "mine", "on_validation_end": handle, "on_fit_end": handle})
        self.assertIsInstance(TinyMixin.make_recorder(mine), mine)

    def test_the_trainers_callback_brings_no_name_that_is_refused(self) -> None:
        mine = type("Mine", (Recorder,), {"metric": "mine", "step_start": handle})
        self.assertIsInstance(TinyMixin.make_recorder(mine), Callback)


if __name__ == "__main__":
    unittest.main()
