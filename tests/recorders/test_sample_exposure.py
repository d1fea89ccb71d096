"""Order and exposure are two questions."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, multiprocessing
from torch.utils.data import DistributedSampler

from stopgo_mixins import AtStep, Mode
from stopgo_mixins.events import Moment, Position, TrainingState
from stopgo_mixins.recorders.exposure import SampleExposureRecorder
from stopgo_mixins.recorders.rows import row_digests
from stopgo_mixins.trace.record import Leaf
from stopgo_mixins.trace.snapshot import snapshot
from tests.recorders.breaking import MetricCase
from tests.recorders.ranks import continue_on_each_rank
from tests.tiny import TinyMixin, TinyModule, tiny_loaders, tiny_samples

Epoch = list[int]
"""The samples of an epoch, in order."""


class _ScriptedLoader:
    """Batches of two in an order of its own for each epoch; remembers where it is."""

    def __init__(self, order: Callable[[int], Epoch]) -> None:
        self.order = order
        self.samples = tiny_samples()
        self.epoch, self.position = 0, 0
        self.restored = False

    def __len__(self) -> int:
        return len(self.order(0)) // 2

    def __iter__(self) -> Iterator[list[Tensor]]:
        # Lightning asks for no batch behind the last of an epoch, except of a loader restored at its end.
        if self.position >= len(self.order(self.epoch)) and not self.restored:
            self.epoch, self.position = self.epoch + 1, 0
        self.restored = False
        order = self.order(self.epoch)
        while self.position < len(order):
            batch = self.samples[order[self.position : self.position + 2]]
            self.position += 2
            yield list(batch)

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]
        self.restored = True


def _shuffled(epoch: int) -> Epoch:
    return torch.randperm(8, generator=torch.Generator().manual_seed(epoch)).tolist()


class _ScriptedMixin(TinyMixin, abstract=True):
    """Ends with its second epoch, and is interrupted in the middle of the first, after two of four batches."""

    num_steps = 8
    interruption = AtStep(1)
    resumed_order = staticmethod(_shuffled)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        order = cls.resumed_order if mode is Mode.RESUME else _shuffled
        return TinyModule(cls.lr), (_ScriptedLoader(order), tiny_loaders()[1])


def _rest_reversed(epoch: int) -> Epoch:
    """The right samples, in another order after the first batch."""
    order = _shuffled(epoch)
    return order[:2] + order[:1:-1]


def _reshuffled(epoch: int) -> Epoch:
    """Another order altogether, of which the first batch is skipped."""
    return list(reversed(_shuffled(epoch)))


def _one_batch_twice(epoch: int) -> Epoch:
    """In the second epoch the first batch takes the place of the second."""
    order = _shuffled(epoch)
    return order if epoch == 0 else order[:2] + order[:2] + order[4:]


class TestSampleExposure(MetricCase):
    def test_an_epoch_cut_in_two(self) -> None:
        outcome = self.outcome_of(_ScriptedMixin)
        self.assert_clean(outcome, "sample_exposure", "train_input")
        # The start of two epochs, and the end.
        self.assertEqual(self.counts["sample_exposure"], {"['samples']": 3, "['digest']": 3})

    def test_cut_at_every_step(self) -> None:
        for step in (3, 4, 5):  # amid an epoch, at its end, amid the next
            with self.subTest(step=step):
                outcome = self.outcome_of(_ScriptedMixin, interruption=AtStep(step), val_check_interval=None)
                self.assert_clean(outcome, "sample_exposure")

    def test_the_right_samples_in_another_order(self) -> None:
        outcome = self.outcome_of(_ScriptedMixin, resumed_order=staticmethod(_rest_reversed))
        self.assertIn("train_input", outcome.failed)
        self.assertEqual(self.first_place("train_input"), "step 2")
        self.assertIn("sample_exposure", outcome.passed)

    def test_reshuffled_and_then_skipped(self) -> None:
        outcome = self.outcome_of(_ScriptedMixin, resumed_order=staticmethod(_reshuffled))
        self.assertEqual(self.first_place("train_input"), "step 2")
        # Some samples twice, some never: as many, but others.
        self.assertEqual(self.first_divergence("sample_exposure"), ("step 5", {"['digest']"}))
        self.assertIn("sample_exposure", outcome.failed)

    def test_a_batch_seen_twice_in_a_later_epoch(self) -> None:
        self.outcome_of(_ScriptedMixin, resumed_order=staticmethod(_one_batch_twice))
        self.assertEqual(self.first_place("train_input"), "step 6")
        self.assertEqual(self.first_divergence("sample_exposure"), ("state 8", {"['digest']"}))

    def test_a_later_epoch_that_is_shorter(self) -> None:
        self.outcome_of(_ScriptedMixin, resumed_order=staticmethod(lambda epoch: _shuffled(epoch)[: 8 - 2 * epoch]))
        place, paths = self.first_divergence("sample_exposure")
        self.assertEqual(place, "step 8")  # a third epoch begins, which the continuous run never does
        self.assertEqual(paths, {"['samples']", "['digest']"})


def digests(batch: object) -> Iterator[int]:
    return row_digests((path, leaf, data) for path, leaf, data in snapshot(batch) if isinstance(leaf, Leaf))


class TestRowDigests(unittest.TestCase):
    def test_a_sample_is_a_row_of_all_tensors(self) -> None:
        batch = {"inputs": torch.arange(6.0).reshape(3, 2), "labels": [torch.tensor([0, 1, 2])]}
        rows = list(digests(batch))
        self.assertEqual(len(set(rows)), 3)
        backwards = {"inputs": batch["inputs"].flip(0), "labels": [batch["labels"][0].flip(0)]}
        self.assertEqual(list(digests(backwards)), rows[::-1])
        relabelled = {"inputs": batch["inputs"], "labels": [torch.tensor([0, 1, 3])]}
        self.assertEqual([ours == theirs for ours, theirs in zip(digests(relabelled), rows, strict=True)], [1, 1, 0])

    def test_what_has_other_rows_belongs_to_no_sample(self) -> None:
        rows = list(digests([torch.arange(4), "train", 3]))
        self.assertEqual(rows, list(digests([torch.arange(4), torch.zeros(2), "other", 4])))

    def test_without_rows_the_batch_is_one_sample(self) -> None:
        self.assertEqual(len(list(digests({"value": torch.tensor(1.0), "name": "a"}))), 1)
        self.assertNotEqual(list(digests(3)), list(digests(4)))

    def test_no_rows_at_all(self) -> None:
        self.assertEqual(list(digests(torch.zeros(0, 3))), [])


class _RankOfAnEpoch(TrainingState):
    """Five samples, which each rank reads by a ``DistributedSampler``."""

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size
        self.sampler = DistributedSampler(range(5), world_size, rank, shuffle=False)  # type: ignore[arg-type]  # is sized

    def share_of_epoch(self) -> tuple[int, int]:
        return len(range(self.rank, 5, self.world_size)), self.world_size


class _Notes:
    """Stands for the trace of a rank."""

    def __init__(self) -> None:
        self.recorded: list[Any] = []
        self.notes: list[str] = []

    def record(self, metric: str, position: object, value: object, path: str) -> None:
        self.recorded.append(value)

    def leaves(self, metric: str, value: object) -> Any:
        return snapshot(value)

    def event(self, name: str, what: str) -> None:
        self.notes.append(what)


class TestSeveralRanks(unittest.TestCase):
    def reading(self, rank: int, world_size: int, kept: Sequence[Any] = (), batches: int = 9) -> tuple[Any, _Notes]:
        """A recorder that has read what is left of an epoch, in batches of one, and what it has recorded."""
        state, notes, recorder = _RankOfAnEpoch(rank, world_size), _Notes(), SampleExposureRecorder()
        recorder._writer, recorder._position = notes, Position(Moment.MICRO_BATCH, 1)  # type: ignore[assignment]
        if kept:
            recorder.take_over(kept, state)
        for sample in list(state.sampler)[recorder._read_of_epoch :][:batches]:
            recorder.micro_batch_start(state, torch.tensor([sample]))
        recorder.run_end(state)
        return recorder, notes

    def union(self, *ranks: tuple[Any, _Notes]) -> Any:
        return SampleExposureRecorder.whole.of_shares([notes.recorded[-1] for _, notes in ranks])

    def test_each_sample_once_however_many_ranks_share_them(self) -> None:
        alone = self.union(self.reading(0, 1))
        self.assertEqual(alone["samples"], 5)
        self.assertEqual(self.union(self.reading(0, 2), self.reading(1, 2)), alone)
        self.assertNotEqual(self.union(self.reading(0, 2), self.reading(0, 2)), alone)

    def test_what_the_sampler_repeats_is_noted(self) -> None:
        (_, first), (_, second) = self.reading(0, 2), self.reading(1, 2)
        self.assertEqual(first.notes, [])
        self.assertEqual(
            second.notes,
            [
                "sample_exposure of 1 samples at the end of each epoch on rank 1, which the sampler repeats so that "
                "all ranks read as many"
            ],
        )

    def test_another_number_of_ranks_goes_on_amid_the_epoch(self) -> None:
        alone = self.union(self.reading(0, 1))
        halves = [self.reading(rank, 2, batches=1)[0].state_dict() for rank in (0, 1)]
        self.assertEqual(self.union(self.reading(0, 1, halves)), alone)
        whole = [self.reading(0, 1, batches=2)[0].state_dict()]
        self.assertEqual(self.union(self.reading(0, 2, whole), self.reading(1, 2, whole)), alone)

    def test_each_rank_continues_from_its_own(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            multiprocessing.spawn(continue_on_each_rank, (f"{directory}/store", directory), nprocs=2)
            self.assertEqual([Path(directory, rank).read_text() for rank in ("0", "1")], ["10", "11"])
