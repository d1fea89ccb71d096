"""A loop with Fabric is heard by its Fabric's methods; what it forgets to save is named."""

from __future__ import annotations

import re
import unittest
from typing import Any

from parameterized import parameterized

from stopgo_mixins import AtStep
from tests.fabric.tiny import TinyFabricMixin
from tests.loop.clipping import first_norm
from tests.outcome import Outcome, concrete, run


def outcome_of(**attributes: Any) -> Outcome:
    return run(concrete(TinyFabricMixin, **attributes))


class TestFabric(unittest.TestCase):
    def test_everything_is_heard(self) -> None:
        outcome = outcome_of()
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        state = {"parameters", "buffers", "optimizer_state", "learning_rate", "scheduler_state", "rng_state"}
        behaviour = {"train_input", "train_output", "train_loss", "gradients", "logged_metrics", "valid_loss"}
        self.assertLessEqual(state | behaviour | {"resume_point", "loop_progress"}, outcome.passed)

    def test_twice_and_with_work_that_is_lost(self) -> None:
        outcome = outcome_of(interruptions=(AtStep(3), AtStep(7, past=2)))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_gradients_are_those_before_clipping(self) -> None:
        self.assertGreater(first_norm(TinyFabricMixin, max_norm=1e-3), 1e-2)

    @parameterized.expand(
        [
            ("model", r"parameters at state 6 \(restored\)"),
            ("optimizer", r"optimizer_state at state 6 \(restored\)"),
            ("schedule", r"scheduler_state at state 6 \(restored\)"),
            ("rng", r"rng_state at state 6 \(restored\), rank 0: \['torch'\]"),
            ("position", r"train_input at step 7 [^:]*: .*\n.*the data restarted"),
        ]
    )
    def test_what_is_not_in_the_state(self, forgets: str, named: str) -> None:
        outcome = outcome_of(forgets=forgets)
        self.assertEqual(outcome.error, "")
        sentence = f"root cause of this run: {named}"
        self.assertTrue(any(re.search(sentence, message) for message in outcome.failed.values()), outcome.failed)

    def test_a_fabric_that_nobody_listens_to(self) -> None:
        error = outcome_of(forgets="listen_to").error
        self.assertIn("BridgeError: train_loop reported no loss before an update: call run.loss(loss)", error)


if __name__ == "__main__":
    unittest.main()
