"""The catalogue of faults on a loop with Accelerate, and its checkpoint directory, file by file."""

from __future__ import annotations

import unittest
from typing import ClassVar

from stopgo_mixins import faults
from stopgo_mixins.faults import Fault
from stopgo_mixins.trials.outcome import THE_PHASE, Status
from stopgo_mixins.trials.survey import survey
from tests.accelerate.tiny import TinyAccelerateMixin
from tests.faults.catalogue import OF_EVERY_KIND, CatalogueMixin
from tests.outcome import concrete


class TestCatalogue(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyAccelerateMixin)
    tried = (*OF_EVERY_KIND, "F85")


class TestFiles(unittest.TestCase):
    """Accelerate says which file it does not find; but without the random numbers, or a position, it goes on."""

    ending = (
        faults.WEIGHTS_FILE_MISSING,
        faults.WEIGHTS_FILE_CUT,
        faults.WEIGHTS_FILE_LACKS_A_TENSOR,
        faults.OPTIMIZER_FILE_MISSING,
        faults.OPTIMIZER_FILE_CUT,
        faults.SCHEDULER_FILE_MISSING,
        faults.SCHEDULER_FILE_CUT,
        faults.LOADER_FILE_CUT,
    )
    silent: ClassVar[dict[Fault, str]] = {
        faults.RNG_FILE_MISSING: "rng_state",
        faults.RNG_FILE_CUT: "rng_state",
        faults.WEIGHTS_FILE_ZERO: "parameters",
        faults.LOADER_FILE_MISSING: "train_input",
    }

    def test_each_file(self) -> None:
        subject = concrete(TinyAccelerateMixin, stateful=True)
        found = survey(subject, [*self.ending, *self.silent, faults.TRAINER_STATE_MISSING])
        self.assertEqual(found.failing_without_fault, ())
        outcomes = {outcome.fault: outcome for outcome in found.outcomes}
        self.assertIs(outcomes.pop(faults.TRAINER_STATE_MISSING).status, Status.NOT_APPLICABLE)
        for fault, outcome in outcomes.items():
            with self.subTest(fault.name):
                self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()), outcome.reason)
                first = self.silent.get(fault)
                self.assertEqual(outcome.tests[0].name, f"test_{first}" if first else THE_PHASE.name)


if __name__ == "__main__":
    unittest.main()
