"""When validations run, and how long."""

from __future__ import annotations

import unittest

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.findings import diagnosed_root_causes
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, SyntheticCase, Value


class TestValidationSchedule(SyntheticCase):
    def validated(self, *after: int, batches: int = 2) -> Phases:
        """The stop phase validated after update 3; this is what the resume phase does of 6, 9 and 12."""
        phases = self.phases(num_steps=12)
        for phase, steps in (("stop", (3,)), ("resume", after), ("continuous", (3, 6, 9, 12))):
            for step in steps:
                value = {"after update": step, "batches": [batches if phase == "resume" else 2]}
                phases.writer(phase).record("validation_schedule", Position(Moment.VALIDATION_END, step, (0,)), value)
        return phases

    def check(self, phases: Phases, cause: Cause, sentence: str) -> None:
        found = self.diagnose(phases, "validation_schedule")
        self.assertEqual((found.cause, found.independent), (cause, True))
        self.assertRegex(found.sentence, sentence)

    def test_shifted(self) -> None:
        self.check(
            self.validated(7, 10), Cause.VALIDATION_SHIFTED, r"after updates 7, 10 instead of 6, 9, 12: shifted by \+1$"
        )
        self.check(self.validated(5, 8, 11), Cause.VALIDATION_SHIFTED, "5, 8, 11 instead of 6, 9, 12: shifted by -1$")

    def test_more_often(self) -> None:
        self.check(
            self.validated(6, 7, 9, 12), Cause.VALIDATION_SHIFTED, "after updates 6-7, 9, 12 instead of 6, 9, 12$"
        )

    def test_one_of_several_moved(self) -> None:
        self.check(self.validated(7, 9, 12), Cause.VALIDATION_SHIFTED, "after updates 7, 9, 12 instead of 6, 9, 12$")

    def test_missing(self) -> None:
        self.check(
            self.validated(9, 12), Cause.VALIDATION_MISSING, "validated after updates 9, 12 instead of 6, 9, 12$"
        )
        self.check(self.validated(), Cause.VALIDATION_MISSING, "after updates none instead of 6, 9, 12$")

    def test_cut_short(self) -> None:
        sentence = "^the validation after update 6 read 1 batch instead of 2$"
        self.check(self.validated(6, 9, 12, batches=1), Cause.VALIDATION_CUT_SHORT, sentence)

    def test_repeated(self) -> None:
        position = Position(Moment.VALIDATION_END, 4, (0,))
        phases = self.phases(num_steps=12)
        phases.writer("resume").record("validation_schedule", position, {"after update": 4}, "repeated")
        for step in (6, 9, 12):
            for phase in ("resume", "continuous"):
                value = {"after update": step, "batches": [2]}
                phases.writer(phase).record("validation_schedule", Position(Moment.VALIDATION_END, step, (0,)), value)
        self.check(phases, Cause.VALIDATION_REPEATED, "ran the validation after update 4 again")


class TestLostWhereTheRunWasInterrupted(SyntheticCase):
    """A validation was due after update 4, before whose checkpoint nothing else of the run happens."""

    def interrupted(self, *validated: str, resumed: Value, drawn: Value = float) -> Phases:
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": drawn(step)}, lambda step: {"torch": resumed(step)})
        phases.behaviour("train_loss", float, lambda step: step / 2)
        for phase in ("continuous", *validated):
            place = Position(Moment.VALIDATION_END, 4, (0,))
            phases.writer(phase).record("validation_schedule", place, {"after update": 4, "batches": [2]})
        return phases

    def root_causes(self, phases: Phases) -> dict[str, Cause | None]:
        runs = phases.runs()
        comparisons = {metric: compare(runs, metric) for metric in runs.metrics}
        found = diagnosed_root_causes(runs, comparisons)
        return {comparison.metric: diagnosis and diagnosis.cause for comparison, diagnosis in found}

    def test_is_the_only_root(self) -> None:
        phases = self.interrupted(resumed=lambda step: step - 0.25)
        self.assertEqual(self.root_causes(phases), {"validation_schedule": Cause.VALIDATION_MISSING})
        sentence = self.diagnose(phases, "validation_schedule").sentence
        self.assertEqual(
            sentence,
            "the validation after update 4, at which the run was interrupted, ran neither before nor after the "
            "interruption",
        )

    def test_explains_a_stream_from_which_only_validations_draw(self) -> None:
        phases = self.interrupted(resumed=lambda step: 0, drawn=lambda step: step // 4)
        self.assertEqual(self.root_causes(phases), {"validation_schedule": Cause.VALIDATION_MISSING})

    def test_does_not_explain_a_stream_that_is_as_the_run_began_with_it(self) -> None:
        phases = self.interrupted(resumed=lambda step: float(step - 4))
        roots = {"validation_schedule": Cause.VALIDATION_MISSING, "rng_state": Cause.RNG_NOT_RESTORED}
        self.assertEqual(self.root_causes(phases), roots)

    def test_is_not_lost_where_either_phase_has_run_it(self) -> None:
        for phase in ("stop", "resume"):
            with self.subTest(phase=phase):
                phases = self.interrupted(phase, resumed=lambda step: step - 0.25)
                self.assertEqual(self.root_causes(phases), {"rng_state": Cause.RNG_NOT_RESTORED})


if __name__ == "__main__":
    unittest.main()
