"""How much of a run in fp16 lies behind updates that NeMo makes vanish."""

from __future__ import annotations

import re
import unittest
from collections import defaultdict
from typing import Any

from stopgo_mixins import Mode, require_nemo
from tests.documentation.pages import PAGES
from tests.megatron.cases import GPTMixin
from tests.outcome import run


class FromNeMosScaleMixin(GPTMixin, abstract=True):
    """The gradients are divided by 2^32, by which the loss was not multiplied."""

    precision = "16-mixed"

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        digests = defaultdict(set)
        for record in cls.trace(Mode.CONTINUOUS).ranks[0].records("parameters"):
            digests[record.key.path].add(record.leaf.digest)
        cls.never_changed = [len(seen) == 1 for seen in digests.values()]


class FromOneMixin(FromNeMosScaleMixin, abstract=True):
    """As the page says."""

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        import nemo.lightning as nl

        plugin = nl.MegatronMixedPrecision(cls.precision, fp16_initial_loss_scale=1.0)
        return {**super().trainer_arguments(mode), "plugins": plugin}


@require_nemo
class TestHalfPrecision(unittest.TestCase):
    def test_weights_stand_still_where_the_scale_begins_as_nemo_has_it(self) -> None:
        class Case(FromNeMosScaleMixin, unittest.TestCase):
            pass

        run(Case)
        (said,) = re.findall(r"and (\w+) of its (\d+) tensors not at all", PAGES["nemo"].read_text(encoding="utf-8"))
        self.assertEqual(said, ("five", "28"))
        self.assertEqual((sum(Case.never_changed), len(Case.never_changed)), (5, 28))

    def test_and_move_where_it_begins_at_one(self) -> None:
        class Case(FromOneMixin, unittest.TestCase):
            pass

        outcome = run(Case)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertFalse(any(Case.never_changed))
