"""Where the resumed batches stand in the continuous run."""

from __future__ import annotations

import unittest
from collections.abc import Sequence

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.values import few

EPOCHS = ([0, 1, 2, 3], [2, 0, 3, 1], [3, 1, 0, 2], [1, 2, 3, 0])
"""The batches of each epoch in the order in which the continuous run reads them; each holds two samples."""

ORDER = [batch for epoch in EPOCHS for batch in epoch]


def batch(number: int, reverse: bool = False) -> torch.Tensor:
    """Two samples of three numbers."""
    rows = torch.tensor([[2.0 * number, 0, 1], [2.0 * number + 1, 0, 1]])
    return rows.flip(0) if reverse else rows


def samples(*numbers: int) -> torch.Tensor:
    return torch.tensor([[float(number), 0, 1] for number in numbers])


class DataCase(SyntheticCase):
    def read(
        self, point: int, resumed: Sequence[torch.Tensor], order: Sequence[int] = ORDER, exposure: bool = True
    ) -> Phases:
        phases = self.phases(num_steps=len(order), resume_point=point)
        phases.behaviour("train_input", lambda step: batch(order[step - 1]), lambda step: resumed[step - 1 - point])
        if exposure:
            for step in range(1, len(order), 4):
                position = Position(Moment.MICRO_BATCH, step, (0,))
                phases.writer("continuous").record("sample_exposure", position, {"samples": 8 * step})
        return phases

    def check(self, phases: Phases, cause: Cause, sentence: str, independent: bool = True) -> None:
        found = self.diagnose(phases, "train_input")
        self.assertEqual((found.cause, found.independent), (cause, independent), found.sentence)
        self.assertRegex(found.sentence, sentence)


class TestTrainingData(DataCase):
    """Four epochs of four batches, each in another order."""

    def test_restarted(self) -> None:
        phases = self.read(6, [batch(number) for number in ORDER[:10]])
        self.check(phases, Cause.DATA_RESTARTED, "restarted: step 7 reads the batch of step 1 of the continuous run")

    def test_restarted_at_the_start_of_its_epoch(self) -> None:
        phases = self.read(7, [batch(number) for number in ORDER[4:13]])
        self.check(phases, Cause.DATA_RESTARTED, "step 8 reads the batch of step 5 ")

    def test_restarted_with_a_single_batch_left_of_its_epoch(self) -> None:
        """What is read after it was shuffled anew, so that one batch is all there is to recognise."""
        others = [samples(4, 1), samples(2, 7), samples(6, 3), samples(0, 5)]
        for first, again in ((ORDER[0], "step 1 "), (ORDER[4], "step 5 ")):
            resumed = [batch(first), *others, *others]
            self.check(self.read(7, resumed), Cause.DATA_RESTARTED, f"restarted: step 8 reads the batch of {again}")

    def test_a_single_batch_is_not_believed_where_something_else_explains_it(self) -> None:
        """The rest of the epoch in another order, which happens to begin as the first epoch did."""
        order = [1, 2, 3, 0, *ORDER[4:]]
        mixed = [batch(1), samples(0, 6), samples(7, 1), *map(batch, ORDER[8:16])]
        self.check(self.read(5, mixed, order), Cause.DATA_RESHUFFLED, "from step 6 on the samples of the epoch are the")

    def test_restarted_in_another_order(self) -> None:
        again = [samples(6, 1), samples(0, 7), samples(5, 2), samples(4, 3), *map(batch, ORDER[:5])]
        self.check(self.read(7, again), Cause.DATA_RESTARTED, "restarted in another order: from step 8 on all samples")

    def test_shifted(self) -> None:
        """Here no batch is ever read again, as when the data are shuffled."""
        order = range(16)
        for shift, sentence in (
            (1, "are 1 batch ahead"),
            (-1, "are 1 batch behind"),
            (2, "2 batches ahead"),
            (-2, "2 batches behind"),
        ):
            resumed = [batch(number + shift) for number in order[7:]]
            place = f": step 8 reads the batch of step {8 + shift} "
            self.check(self.read(7, resumed, order), Cause.DATA_SHIFTED, sentence + ".*" + place)

    @few
    @given(st.integers(2, 14), st.integers(-14, 14))
    def test_any_shift(self, point: int, shift: int) -> None:
        """Of a run whose batches are all different, and so short that it knows no epochs."""
        assume(shift != 0 and 0 < point + shift < 15)
        order = range(16)
        numbers = [*range(point + shift, 16), *range(50, 100)][: 16 - point]
        phases = self.read(point, [batch(number) for number in numbers], order, exposure=False)
        self.check(
            phases, Cause.DATA_SHIFTED, f"^the data are {abs(shift)} batch(es)? {'ahead' if shift > 0 else 'behind'}"
        )

    def test_an_epoch_is_replayed(self) -> None:
        phases = self.read(8, [batch(number) for number in [*ORDER[4:8], *ORDER[8:12]]])
        self.check(phases, Cause.EPOCH_REPLAYED, "the epoch that was over is read again: step 9 reads .* of step 5 ")
        phases = self.read(4, [batch(number) for number in [*ORDER[:4], *ORDER[4:12]]])
        self.check(phases, Cause.EPOCH_REPLAYED, "step 5 reads the batch of step 1 ")

    def test_an_epoch_is_skipped(self) -> None:
        phases = self.read(4, [batch(number) for number in [*ORDER[8:], *ORDER[:4]]])
        self.check(phases, Cause.EPOCH_SKIPPED, "an epoch is skipped: step 5 reads the batch of step 9 ")

    def test_every_later_epoch_lacks_its_first_batches(self) -> None:
        later = [*ORDER[6:8], *ORDER[10:12], *ORDER[14:16], *ORDER[:4]]
        phases = self.read(6, [batch(number) for number in later])
        self.check(phases, Cause.EPOCH_SHORTER, "shorter by 2 batches: step 9 reads the batch of step 11 ")

    def test_the_first_epoch_s_order_is_used_again(self) -> None:
        phases = self.read(6, [batch(number) for number in [*ORDER[2:4], *ORDER[8:16]]])
        self.check(phases, Cause.EPOCH_ORDER_REUSED, "step 7 reads the batch of step 3 ")

    def test_the_first_epoch_s_order_is_used_in_the_next_epoch(self) -> None:
        phases = self.read(6, [batch(number) for number in [*ORDER[6:8], *ORDER[:4], *ORDER[12:16]]])
        self.check(phases, Cause.EPOCH_ORDER_REUSED, "step 9 reads the batch of step 1 ")

    def test_the_rest_of_the_epoch_in_another_order(self) -> None:
        mixed = [samples(2, 6), samples(7, 3), *map(batch, ORDER[8:16])]
        self.check(
            self.read(6, mixed), Cause.DATA_RESHUFFLED, "from step 7 on the samples of the epoch are the right ones"
        )

    def test_another_order_from_the_next_epoch_on_may_follow_from_random_numbers(self) -> None:
        mixed = [samples(2, 6), samples(7, 3), samples(0, 5), samples(4, 1), *map(batch, ORDER[12:16])]
        self.check(self.read(8, mixed), Cause.DATA_RESHUFFLED, "from step 9 on .* in another order", independent=False)

    def test_reshuffled_then_skipped(self) -> None:
        mixed = [samples(6, 0), samples(3, 5), *map(batch, ORDER[8:16])]
        self.check(
            self.read(6, mixed),
            Cause.OTHER_SAMPLES,
            "^2 of 4 samples that the epoch had read before step 7 are read again, and as many others never, as from a "
            "loader that does not know where it was",
        )

    def test_epochs_are_found_without_the_recorder_of_samples(self) -> None:
        mixed = [samples(2, 6), samples(7, 3), *map(batch, ORDER[8:16])]
        self.check(self.read(6, mixed, exposure=False), Cause.DATA_RESHUFFLED, "from step 7 on the samples")

    def test_unshuffled_data_that_restart(self) -> None:
        """The first batch stands in every epoch; the nearest one is not the likeliest."""
        order = [0, 1, 2, 3] * 4
        phases = self.read(7, [batch(number) for number in order[:9]], order)
        self.check(phases, Cause.DATA_RESTARTED, "step 8 reads the batch of step 5 ")

    def test_what_was_never_read_fits_no_pattern(self) -> None:
        runs = self.read(6, [batch(number) for number in range(50, 60)]).runs()
        self.assertIsNone(diagnose(runs, compare(runs, "train_input")))

    def test_samples_without_values_fit_no_pattern(self) -> None:
        phases = self.phases(num_steps=16, resume_point=6, value_budget=0)

        def large(step: int) -> torch.Tensor:
            return torch.arange(512.0).reshape(4, 128) + step

        runs = phases.behaviour("train_input", large, lambda step: large(step).flip(0)).runs()
        self.assertIsNone(diagnose(runs, compare(runs, "train_input")))

    def test_batches_without_values_are_found_all_the_same(self) -> None:
        phases = self.phases(num_steps=16, resume_point=6, value_budget=0)
        phases.behaviour(
            "train_input",
            lambda step: torch.full((4, 128), float(step)),
            lambda step: torch.full((4, 128), float(step - 6)),
        )
        self.check(phases, Cause.DATA_RESTARTED, "step 7 reads the batch of step 1 ")


class TestAccumulation(SyntheticCase):
    """Two micro-batches for each update."""

    def phases_of(self, resumed: Sequence[int], first: tuple[int, int] = (5, 0)) -> Phases:
        phases = self.phases()
        places = [(step, micro) for step in range(1, 9) for micro in (0, 1)]
        start = places.index(first)
        for number, (step, micro) in enumerate(places):
            position = Position(Moment.MICRO_BATCH, step, (micro,))
            phases.writer("continuous").record("train_input", position, batch(number))
            if number < start:
                phases.writer("stop").record("train_input", position, batch(number))
            elif number - start < len(resumed):
                phases.writer("resume").record("train_input", position, batch(resumed[number - start]))
        return phases

    def test_a_skip_count_that_ignores_accumulation(self) -> None:
        found = self.diagnose(self.phases_of(range(4, 12)), "train_input")
        self.assertEqual(found.cause, Cause.DATA_SHIFTED)
        self.assertRegex(found.sentence, "are 4 batches behind: step 5 reads the batch of step 3 ")

    def test_a_micro_batch_is_named(self) -> None:
        found = self.diagnose(self.phases_of(range(7, 15)), "train_input")
        self.assertRegex(found.sentence, r"are 1 batch behind: step 5 reads the batch of step 4 \(batch 1\)")

    def gradients(self, first: tuple[int, int]) -> Diagnosis | None:
        phases = self.phases_of(range(9 if first[1] else 8, 16), first)
        for phase, steps in (("stop", range(1, 5)), ("resume", range(5, 9)), ("continuous", range(1, 9))):
            for step in steps:
                value = float(step) + (phase == "resume" and step == 5) / 2
                phases.writer(phase).record("gradients", Position(Moment.GRADIENTS, step, (0,)), value)
        runs = phases.runs()
        return diagnose(runs, compare(runs, "gradients"))

    def test_accumulated_gradients_are_lost(self) -> None:
        found = self.gradients((5, 1))
        self.assertIsNotNone(found)
        assert found is not None
        self.assertEqual((found.cause, found.independent), (Cause.GRADIENTS_LOST, True))
        self.assertRegex(found.sentence, "interrupted after 1 micro-batch of step 5")
        self.assertIsNone(self.gradients((5, 0)))

    def test_a_window_that_is_shorter(self) -> None:
        """The last batch of step 6 is missing, and everything moves up."""
        places = [(5, 0), (5, 1), (6, 0), (7, 0), (7, 1), (8, 0), (8, 1)]
        phases = self.phases()
        for number, (step, micro) in enumerate((step, micro) for step in range(1, 9) for micro in (0, 1)):
            phases.writer("continuous").record(
                "train_input", Position(Moment.MICRO_BATCH, step, (micro,)), batch(number)
            )
            if step <= 4:
                phases.writer("stop").record("train_input", Position(Moment.MICRO_BATCH, step, (micro,)), batch(number))
        for number, (step, micro) in enumerate(places, 8):
            phases.writer("resume").record("train_input", Position(Moment.MICRO_BATCH, step, (micro,)), batch(number))
        found = self.diagnose(phases, "train_input")
        self.assertEqual((found.cause, found.independent), (Cause.NUMBER_OF_BATCHES, True))
        self.assertEqual(found.sentence, "step 6 reads 1 micro-batch instead of 2")


class TestValidationData(SyntheticCase):
    def validations(self, resumed: Sequence[int]) -> Phases:
        phases = self.phases()
        for phase, step, numbers in (
            *((phase, 3, [0, 1, 2]) for phase in ("stop", "continuous")),
            ("continuous", 6, [0, 1, 2]),
            ("resume", 6, resumed),
        ):
            for index, number in enumerate(numbers):
                position = Position(Moment.VALIDATION_BATCH, step, (0, 0, index))
                phases.writer(phase).record("valid_input", position, batch(number))
        return phases

    def test_shifted(self) -> None:
        found = self.diagnose(self.validations([1, 2, 3]), "valid_input")
        self.assertEqual(found.cause, Cause.DATA_SHIFTED)
        self.assertRegex(found.sentence, "are 1 batch ahead")

    def test_other_batches_fit_no_pattern(self) -> None:
        runs = self.validations([7, 8, 9]).runs()
        self.assertIsNone(diagnose(runs, compare(runs, "valid_input")))


class TestExposure(SyntheticCase):
    def exposure(self, digest: str, samples_seen: int) -> Phases:
        phases = self.phases()
        for phase, step in (("continuous", 1), ("stop", 1), ("continuous", 6), ("resume", 6)):
            resumed = phase == "resume"
            seen = {"samples": samples_seen if resumed else step, "digest": digest if resumed else str(step)}
            phases.writer(phase).record("sample_exposure", Position(Moment.MICRO_BATCH, step, (0,)), seen)
        return phases

    def test_as_many_others(self) -> None:
        found = self.diagnose(self.exposure("x", 6), "sample_exposure")
        self.assertEqual(found.cause, Cause.OTHER_SAMPLES)
        self.assertRegex(found.sentence, "up to step 6, micro-batch 0 as many samples")

    def test_another_number_is_another_fault(self) -> None:
        runs = self.exposure("x", 5).runs()
        found = diagnose(runs, compare(runs, "sample_exposure"))
        self.assertNotEqual(found and found.cause, Cause.OTHER_SAMPLES)


if __name__ == "__main__":
    unittest.main()
