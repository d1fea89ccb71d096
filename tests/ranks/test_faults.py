"""Faults in runs on two ranks: on one rank alone, and in the files that each rank has written."""

from __future__ import annotations

import unittest

from stopgo_mixins import faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.trials.outcome import THE_PHASE, Outcome, Status
from stopgo_mixins.trials.survey import survey
from tests.ranks import cases


def roots(outcome: Outcome) -> list[tuple[str, str, Cause | None]]:
    return [(found.metric, found.place, found.cause) for found in outcome.root_causes]


class TestOnOneRank(unittest.TestCase):
    def test_it_is_named_with_the_rank_and_nothing_else_is_blamed(self) -> None:
        tried = (faults.TORCH_RNG_NOT_RESTORED, faults.VALIDATION_READS_OTHERS, faults.SECOND_MOMENT_ZERO)
        found = survey(cases.Digits, tried, rank=1)
        self.assertEqual(found.failing_without_fault, ())
        generator, validation, moment = found.outcomes
        self.assertEqual(roots(generator), [("rng_state", "state 5, rank 1", Cause.RNG_NOT_RESTORED)])
        self.assertEqual(roots(validation), [("valid_input", "step 6, rank 1", Cause.DATA_SHIFTED)])
        self.assertEqual((generator.missing, validation.missing), ((), ()))
        self.assertIs(moment.status, Status.NOT_APPLICABLE)
        self.assertIn("it changes what all ranks load, and cannot be had on rank 1 alone", moment.reason)

    def test_there_must_be_such_a_rank(self) -> None:
        with self.assertRaisesRegex(PhaseError, "Digits has no rank 2: its devices is 2, and ranks are counted from 0"):
            survey(cases.Digits, [], rank=2)


class TestSharded(unittest.TestCase):
    """A distributed checkpoint of FSDP2, to which both ranks have written."""

    ending = (faults.METADATA_MISSING, faults.SHARD_MISSING, faults.SHARD_CUT)

    def test_files_and_shares(self) -> None:
        found = survey(cases.FullySharded, [*self.ending, faults.SECOND_MOMENT_ZERO, faults.SHARE_ZERO])
        self.assertEqual(found.failing_without_fault, ())
        outcomes = {outcome.fault: outcome for outcome in found.outcomes}
        for outcome in found.outcomes:
            self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()), outcome.reason)
        for fault in self.ending:
            self.assertEqual(outcomes[fault].tests, (THE_PHASE,))
        shares = [("optimizer_state", "state 5, rank 0", Cause.ZEROS)]
        self.assertEqual(roots(outcomes[faults.SECOND_MOMENT_ZERO]), shares)
        share_of_rank_1 = [("optimizer_state", "state 5, rank 1", Cause.ZEROS)]
        self.assertEqual(roots(outcomes[faults.SHARE_ZERO]), share_of_rank_1)


if __name__ == "__main__":
    unittest.main()
