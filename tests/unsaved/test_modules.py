"""State that a module keeps beside its parameters: found by its path where it is lost, and equal where it is saved."""

from __future__ import annotations

import inspect
import re
import unittest
from typing import Any

from parameterized import parameterized

from tests.outcome import Outcome, concrete, run
from tests.unsaved import nets
from tests.unsaved.keeping import KeepingMixin, Net

NETS = [
    (name, net)
    for name, net in vars(nets).items()
    if inspect.isclass(net) and issubclass(net, Net) and "path" in vars(net)
]
USED_AT_ONCE = (nets.RecurrentState, nets.ReplayBuffer, nets.Curriculum, nets.Noise, nets.Frozen, nets.Annealed)
"""Outputs depend on these."""


def outcome_of(net: type[Net], **attributes: object) -> tuple[Any, Outcome]:
    case: Any = concrete(KeepingMixin, net=net, **attributes)
    return case, run(case)


class TestKinds(unittest.TestCase):
    @parameterized.expand(NETS)
    def test_lost(self, _: str, net: type[Net]) -> None:
        case, outcome = outcome_of(net)
        self.assertEqual(outcome.error, "")
        message = re.sub(r"\s+", " ", outcome.failed.get("unsaved_state", ""))
        self.assertIn("root cause of this run: unsaved_state at state 3 (restored), rank 0: ", message)
        self.assertIn('explain "unsaved state"', message)
        restored = {found.key.path for found in case.comparison("unsaved_state").at_first}
        self.assertIn(net.path, restored)
        self.assertTrue(all(path in message for path in list(restored)[:1]) or len(restored) > 3)
        if net in USED_AT_ONCE:
            self.assertIn("train_loss", outcome.failed)
            self.assertIn("consequences: ", message)
        else:
            self.assertEqual(set(outcome.failed), {"unsaved_state"})
            self.assertIn("nothing else differs within these 4 steps, but what reads it later will", message)

    @parameterized.expand(NETS)
    def test_saved(self, _: str, net: type[Net]) -> None:
        _, outcome = outcome_of(net, saves=True)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertIn("unsaved_state", outcome.passed)


if __name__ == "__main__":
    unittest.main()
