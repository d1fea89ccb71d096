"""What is said of trainers that survive a death in different ways, and of those that do not."""

from __future__ import annotations

import unittest

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.kills.death import Way
from stopgo_mixins.kills.runner import DeathOutcome
from stopgo_mixins.kills.survey import survey_kills
from stopgo_mixins.kills.table import described
from stopgo_mixins.kills.verdict import Survival
from tests.isolation.process_cases import ProcessMixin
from tests.kills import cases
from tests.outcome import concrete

WRITE_2, WRITE_4, END = "write stopgo-checkpoints/step-2", "write stopgo-checkpoints/step-4", "after all of them"


class Kills:
    """The outcomes of a class, by event and way."""

    def __init__(self, case: type) -> None:
        self.outcomes = {(described(each.death.event), each.death.way): each for each in survey_kills(case)}

    def of(self, event: str, way: Way) -> DeathOutcome:
        return self.outcomes[event, way]

    def words(self, event: str) -> list[str]:
        """The verdict for each way, with the lost updates."""
        found = [self.outcomes[event, way].verdict for way in Way if (event, way) in self.outcomes]
        return [f"{each.survival.value} {each.redone}" for each in found]

    @property
    def survivals(self) -> set[Survival]:
        return {outcome.verdict.survival for outcome in self.outcomes.values()}


class TestRestarts(unittest.TestCase):
    def test_whoever_loads_the_newest_file_dies_of_a_torn_one(self) -> None:
        kills = Kills(cases.LoadsTheNewest)
        self.assertEqual(kills.words("mkdir stopgo-checkpoints"), ["lost work 2", "lost work 2"])
        self.assertEqual(kills.words(WRITE_2), ["lost work 2", "refused, no file named 0", "lost work 2"])
        self.assertEqual(kills.words(WRITE_4)[:2], ["lost work 2", "refused, no file named 0"])
        self.assertEqual(kills.words(END), ["exact 0", "refused, no file named 0"])
        torn = kills.of(WRITE_4, Way.TORN)
        self.assertEqual(torn.death.damaged, ("stopgo-checkpoints/step-4",))
        self.assertNotIn("step-4", torn.verdict.reason)

    def test_an_older_checkpoint_costs_what_was_done_since(self) -> None:
        kills = Kills(cases.TakesAnOlder)
        self.assertEqual(kills.words(WRITE_4), ["lost work 2", "lost work 2", "silent divergence 4"])
        self.assertEqual(kills.words(END), ["exact 0", "silent divergence 4"])
        torn = kills.of(WRITE_4, Way.TORN).verdict
        self.assertTrue(torn.loaded.endswith("/step-2"), torn.loaded)
        self.assertEqual(torn.reason, "")

    def test_a_newer_one_that_is_passed_over_is_named(self) -> None:
        verdict = Kills(cases.TakesTheOldest).of(END, Way.BEFORE).verdict
        self.assertEqual((verdict.survival, verdict.redone), (Survival.LOST_WORK, 2))
        self.assertEqual(verdict.reason, "it went back to update 2, although stopgo-checkpoints/step-4 is whole")

    def test_to_start_over_without_a_word_is_a_divergence(self) -> None:
        kills = Kills(cases.StartsOver)
        self.assertEqual(kills.words(WRITE_2)[:2], ["lost work 2", "silent divergence 2"])
        self.assertEqual(
            kills.of(WRITE_4, Way.TORN).verdict.reason,
            "it started from scratch, although there is stopgo-checkpoints/step-2, which is whole, "
            "stopgo-checkpoints/step-4, which is torn",
        )

    def test_what_was_trained_otherwise_is_one_and_says_in_what(self) -> None:
        verdict = Kills(cases.Salvages).of(WRITE_4, Way.TORN).verdict
        self.assertEqual(verdict.survival, Survival.DIVERGED)
        self.assertIn("rng_state", verdict.diverged)
        self.assertRegex(verdict.reason, r"^different: rng_state at state 2 \(restored\), ")

    def test_what_only_an_orderly_end_writes_is_missed_after_a_death(self) -> None:
        kills = Kills(cases.SavesRandomNumbersInTheEnd)
        self.assertEqual(kills.words(END)[0], "exact 0")
        verdict = kills.of("write generator", Way.BEFORE).verdict
        self.assertEqual(verdict.survival, Survival.DIVERGED)
        self.assertRegex(verdict.reason, r"^different: rng_state at state 4 \(restored\), ")

    def test_a_hang(self) -> None:
        verdict = Kills(cases.Hangs).of(WRITE_2, Way.TORN).verdict
        self.assertEqual(verdict.survival, Survival.HUNG)
        self.assertIn("did not end within phase_timeout = 10.0 seconds", verdict.reason)

    def test_a_trace_that_cannot_be_read(self) -> None:
        kills = Kills(cases.LosesItsTrace)
        self.assertEqual(kills.of(END, Way.BEFORE).verdict.survival, Survival.UNREADABLE)
        self.assertIn("phase.jsonl is damaged: 'no event'", kills.of(END, Way.BEFORE).verdict.reason)

    def test_classes_that_cannot_be_killed(self) -> None:
        with self.assertRaisesRegex(PhaseError, r"^Process does not say how a restart finds its checkpoint: define"):
            survey_kills(concrete(ProcessMixin))
        several = concrete(cases.SavesMixin, devices=2)
        with self.assertRaisesRegex(PhaseError, r"^Saves\.devices is 2: the ranks of a run are not killed apart"):
            survey_kills(several)
        with self.assertRaisesRegex(PhaseError, "(?s)^Broken: it could not be killed.*ValueError: no such layer"):
            survey_kills(cases.Broken)


if __name__ == "__main__":
    unittest.main()
