"""What goes wrong at an epoch's end: hooks that run twice, means that are lost, schedules that miss a step."""

from __future__ import annotations

import unittest
from collections.abc import Callable

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights
from tests.comparison.test_findings import found_in

EPOCH = 4
"""So many steps make an epoch."""


class EpochCase(SyntheticCase):
    def epochs(self, point: int, *, ended: bool = True, repeated: bool = False) -> Phases:
        """Three epochs, interrupted at a step: if it is the last of an epoch, before or after that was ended."""
        phases = self.phases(num_steps=3 * EPOCH, resume_point=point)
        for update in range(EPOCH, 3 * EPOCH + 1, EPOCH):
            stopped = update < point or (update == point and ended)
            for phase in ("continuous", "stop" if stopped else "resume"):
                phases.event(phase, "epoch_end", update=update, repeated=False)
        if repeated:
            phases.event("resume", "epoch_end", update=point, repeated=True)
        return phases

    def check(self, phases: Phases, metric: str, cause: Cause, sentence: str, *, independent: bool = False) -> None:
        found = self.diagnose(phases, metric)
        self.assertEqual((found.cause, found.independent), (cause, independent), found.sentence)
        self.assertRegex(found.sentence, sentence)

    def check_other_cause(self, phases: Phases, metric: str, cause: Cause) -> None:
        runs = phases.runs()
        found = diagnose(runs, compare(runs, metric))
        self.assertNotEqual(found and found.cause, cause)


def ended_epochs(step: int) -> dict[str, object]:
    return {"epochs": float(step // EPOCH)}


class TestRepeatedEnds(EpochCase):
    SENTENCE = (
        r"^\['epochs'\]: the resume phase ended the epoch again that the stop phase had ended after update 4, before "
        "the checkpoint was written: the hooks of the epoch's end ran twice$"
    )

    def counted_twice(self, *, repeated: bool) -> Phases:
        return self.epochs(4, repeated=repeated).state("buffers", ended_epochs, lambda step: ended_epochs(step + EPOCH))

    def test_what_changes_at_the_ends_of_epochs_only(self) -> None:
        self.check(self.counted_twice(repeated=True), "buffers", Cause.EPOCH_END_REPEATED, self.SENTENCE)

    def test_it_comes_before_what_the_value_may_equal_by_chance(self) -> None:
        """A flag that each epoch's end turns round is as the run began with it."""
        phases = self.epochs(4, repeated=True)
        phases.state(
            "buffers", lambda step: {"epochs": step // EPOCH % 2}, lambda step: {"epochs": (step // EPOCH + 1) % 2}
        )
        self.check(phases, "buffers", Cause.EPOCH_END_REPEATED, self.SENTENCE)

    def test_not_where_no_end_was_repeated(self) -> None:
        runs = self.counted_twice(repeated=False).runs()
        self.assertIsNone(diagnose(runs, compare(runs, "buffers")))

    def test_what_changes_all_the_time_is_first_compared_with_what_it_may_equal(self) -> None:
        phases = self.epochs(4, repeated=True).state("buffers", weights, lambda step: weights(step - 4))
        self.check(phases, "buffers", Cause.INITIAL_VALUE, "the value of state 0")
        phases = self.epochs(4, repeated=True).state("buffers", weights, lambda step: weights(step) + 1)
        self.check(phases, "buffers", Cause.EPOCH_END_REPEATED, "^the value: the resume phase ended the epoch again")

    def test_not_of_what_differs_later(self) -> None:
        phases = self.epochs(4, repeated=True).state("buffers", weights, lambda step: weights(step) + (step > 6))
        self.check_other_cause(phases, "buffers", Cause.EPOCH_END_REPEATED)


class TestMeans(EpochCase):
    def means(
        self, point: int, resumed: Callable[[int], float | None], *, ended: bool = True, metric: str = "logged_metrics"
    ) -> Phases:
        """Logged at each epoch's end."""
        phases = self.epochs(point, ended=ended)
        for epoch, update in enumerate(range(EPOCH, 3 * EPOCH + 1, EPOCH)):
            stopped = update < point or (update == point and ended)
            position = Position(Moment.EPOCH_END, update, (epoch,))
            phases.writer("continuous").record(metric, position, {"mean": float(update)})
            value = update if stopped else resumed(update)
            if value is not None:
                phases.writer("stop" if stopped else "resume").record(metric, position, {"mean": float(value)})
        return phases

    def test_of_the_epoch_that_was_cut_in_two(self) -> None:
        phases = self.means(6, lambda update: update + (update == 8))
        sentence = (
            r"^\['mean'\]: another value at the end of the epoch in which the run was interrupted, and equal at all "
            "others; it needs what the epoch had gathered up to update 6$"
        )
        self.check(phases, "logged_metrics", Cause.EPOCH_MEAN_LOST, sentence, independent=True)

    def test_only_reporting_is_concerned_where_nothing_else_differs(self) -> None:
        phases = self.means(6, lambda update: update + (update == 8))
        self.assertTrue(found_in(phases)[1].only_reports)
        phases = self.means(6, lambda update: update + (update == 8))
        phases.state("parameters", weights, lambda step: weights(step) + (step > 9))
        self.assertFalse(found_in(phases)[1].only_reports)

    def test_it_is_no_consequence_of_a_validation_that_ran_twice(self) -> None:
        phases = self.means(6, lambda update: update + (update == 8))
        for phase in ("continuous", "stop"):
            phases.writer(phase).record(
                "validation_schedule", Position(Moment.VALIDATION_END, 6, (0,)), {"batches": [2]}
            )
        phases.writer("resume").record(
            "validation_schedule", Position(Moment.VALIDATION_END, 6, (0,)), {"batches": [2]}, "repeated"
        )
        found = [cause.comparison.metric for cause in found_in(phases)[1].root_causes]
        self.assertEqual(found, ["validation_schedule", "logged_metrics"])

    def test_of_an_epoch_whose_end_came_after_the_resume(self) -> None:
        """The checkpoint was written in the validation that ends the epoch; then nothing was gathered at all."""
        phases = self.means(4, lambda update: None if update == 4 else update, ended=False)
        sentence = "^.*: not logged at the end of the epoch in which the run was interrupted, .* up to update 4$"
        self.check(phases, "logged_metrics", Cause.EPOCH_MEAN_LOST, sentence, independent=True)

    def test_an_epoch_s_end_at_the_interruption_may_lie_in_either_phase(self) -> None:
        for ended in (True, False):
            runs = self.means(4, float, ended=ended).runs()
            self.assertEqual(compare(runs, "logged_metrics").mismatches, [], ended)

    def test_not_of_an_epoch_that_the_resume_began(self) -> None:
        self.check_other_cause(
            self.means(4, lambda update: update + (update == 8)), "logged_metrics", Cause.EPOCH_MEAN_LOST
        )

    def test_not_of_a_later_epoch(self) -> None:
        self.check_other_cause(
            self.means(6, lambda update: update + (update == 12)), "logged_metrics", Cause.EPOCH_MEAN_LOST
        )

    def test_where_later_ones_differ_too_it_may_follow_from_something_else(self) -> None:
        phases = self.means(6, lambda update: update + 1)
        sentence = "interrupted; it needs what the epoch had gathered up to update 6$"
        self.check(phases, "logged_metrics", Cause.EPOCH_MEAN_LOST, sentence)


def loops(step: int) -> dict[str, int]:
    return {"epoch": step // EPOCH, "batch of the epoch": step % EPOCH, "steps of the epoch": step % EPOCH}


class TestLoops(EpochCase):
    def test_they_go_on_in_an_epoch_that_was_over(self) -> None:
        """One batch later they begin the epoch that was due."""

        def resumed(step: int) -> dict[str, int]:
            return {**loops(step - 1), "epoch": 0, "batch of the epoch": 4} if step == 4 else loops(step - 1)

        sentence = (
            r"^the resume phase goes on in epoch 0, with \['batch of the epoch'\] at 4, where the continuous run "
            "begins epoch 1: the epoch was over when the checkpoint was written, and was not ended$"
        )
        phases = self.epochs(4).state("loop_progress", loops, resumed)
        self.check(phases, "loop_progress", Cause.EPOCH_NOT_ENDED, sentence, independent=True)

    def test_not_where_the_epoch_s_number_alone_is_lost(self) -> None:
        phases = self.epochs(4).state("loop_progress", loops, lambda step: {**loops(step), "epoch": step // EPOCH - 1})
        self.check(phases, "loop_progress", Cause.COUNTER_LOST, r"^\['epoch'\]: the counter is back at 0 instead of 1")


def schedule(step: int) -> list[dict[str, object]]:
    """One that steps at each epoch's end."""
    return [{"last_epoch": step // EPOCH, "rate": 0.5 ** (step // EPOCH), "patience": 1}]


class TestSchedules(EpochCase):
    def missed(self, point: int, at: int) -> Phases:
        return self.epochs(point).state(
            "scheduler_state", schedule, lambda step: schedule(step if step < at else step - EPOCH)
        )

    def test_a_step_that_was_left_out(self) -> None:
        for point, at, where in ((2, 4, "state 4"), (4, 4, r"state 4 \(restored\)"), (6, 8, "state 8")):
            sentence = (
                rf"^\[0\]\['last_epoch'\], \[0\]\['rate'\]: the scheduler did not step between state {at - 1} and "
                rf"{where}, as it does in the continuous run$"
            )
            phases = self.missed(point, at)
            self.check(phases, "scheduler_state", Cause.SCHEDULE_STEP_MISSED, sentence, independent=True)

    def test_it_is_no_step_left_out_where_the_schedule_moves_with_every_update(self) -> None:
        def each(step: int) -> list[dict[str, object]]:
            return [{"last_epoch": step, "rate": 0.5**step}]

        phases = self.epochs(4).state("scheduler_state", each, lambda step: each(step - 1))
        self.check(phases, "scheduler_state", Cause.SCHEDULE_SHIFTED, "^the schedule is shifted by -1: from state 4 on")

    def test_nor_where_it_has_another_value_than_before(self) -> None:
        phases = self.epochs(6).state("scheduler_state", schedule, lambda step: schedule(step - 6))
        self.check(
            phases, "scheduler_state", Cause.SCHEDULE_RESTARTED, "^the schedule restarted: state 6 has the value"
        )

    def test_a_step_too_many(self) -> None:
        phases = self.epochs(2).state(
            "scheduler_state", schedule, lambda step: schedule(step if step < 4 else step + EPOCH)
        )
        sentence = "^the schedule is 1 step of its own ahead: state 4 has the value of state 8, and so on$"
        self.check(phases, "scheduler_state", Cause.SCHEDULE_SHIFTED, sentence)


if __name__ == "__main__":
    unittest.main()
