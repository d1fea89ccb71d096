"""What all ranks have together, from what each has."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any

import torch

from stopgo_mixins.events import Moment, Position, TrainingState
from stopgo_mixins.recorders.shards import Shards
from stopgo_mixins.recorders.wholes import Mean, Rows, Same
from stopgo_mixins.spread import Shard, Spread
from stopgo_mixins.trace.snapshot import Unreadable, snapshot
from stopgo_mixins.trace.whole_writer import WholeWriter

WHOLE = torch.arange(12.0).reshape(4, 3)


class State(TrainingState):
    """Of a rank that holds half of the rows of ``net.weight``."""

    def __init__(self, rank: int, offset: int | None = None) -> None:
        self.rank = rank
        self.offset = 2 * rank if offset is None else offset

    def spread(self) -> Mapping[str, Spread]:
        return {"net.weight": Spread((2, 3), lambda tensor: [(Shard((4, 3), (self.offset, 0)), tensor)])}


def whole_of(values: list[Any], states: list[State]) -> dict[str, Any]:
    shares = [Shards().share(value, (), state) for value, state in zip(values, states, strict=True)]
    return Shards().of_shares(shares)


class TestShards(unittest.TestCase):
    def test_a_parameter_and_its_moments(self) -> None:
        values = [
            [{"net.weight": {"exp_avg": WHOLE[2 * rank : 2 * rank + 2], "step": torch.tensor(3.0)}, "bias": WHOLE[0]}]
            for rank in (0, 1)
        ]
        found = whole_of(values, [State(0), State(1)])
        self.assertEqual(found.keys(), {"[0]['net.weight']['exp_avg']", "[0]['net.weight']['step']", "[0]['bias']"})
        self.assertTrue(torch.equal(found["[0]['net.weight']['exp_avg']"], WHOLE))

    def test_a_replica_that_is_not_like_that_of_rank_0(self) -> None:
        found = whole_of([{"bias": WHOLE[0]}, {"bias": WHOLE[1]}], [State(0), State(1)])
        self.assertEqual(found.keys(), {"['bias']", "['bias'] on rank 1"})

    def test_a_shard_that_two_ranks_hold_and_one_of_them_wrongly(self) -> None:
        values = [{"net.weight": WHOLE[:2]}, {"net.weight": WHOLE[2:]}, {"net.weight": WHOLE[2:] + 1}]
        found = whole_of(values, [State(0), State(1), State(2, offset=2)])
        self.assertEqual(found.keys(), {"['net.weight']", "['net.weight'] from [2, 0] on rank 2"})
        self.assertTrue(torch.equal(found["['net.weight']"], WHOLE))

    def test_shards_that_do_not_make_up_the_whole(self) -> None:
        found = whole_of([{"net.weight": WHOLE[:2]}], [State(0)])
        self.assertIsInstance(found["['net.weight']"], Unreadable)


class Kept:
    """Stands for a trace."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, Position, str], Any] = {}

    def record(self, metric: str, position: Position, value: object, path: str = "") -> None:
        self.records[metric, position, path] = value

    def leaves(self, metric: str, value: object) -> Any:
        return snapshot(value)


class TestBatches(unittest.TestCase):
    """Of an update that two ranks share, and that one makes of two micro-batches."""

    def written(self, ranks: int) -> dict[tuple[str, Position, str], Any]:
        samples = torch.arange(8.0).reshape(4, 2)
        writers, everyone, kept = [], [], Kept()
        for rank in reversed(range(ranks)):
            state = State(rank)
            gather = lambda own: [own, *reversed(everyone)]  # noqa: E731 - what the others have given before
            wholes = {"train_input": Rows(), "train_loss": Mean(), "global_step": Same(is_rounded=False)}
            writers.append(WholeWriter(kept, wholes, state, gather, others=False))  # type: ignore[arg-type]
            for batch in range(2 // ranks):
                position = Position(Moment.MICRO_BATCH, 1, (batch,))
                mine = samples[rank::2] if ranks > 1 else samples[2 * batch : 2 * batch + 2]
                writers[-1].record("train_input", position, mine)
                writers[-1].record("train_loss", position, mine.mean(), "['loss']")
                writers[-1].record("rng_state", position, rank)
            writers[-1].record("global_step", Position(Moment.STEP_START, 0), 7)
            if rank:
                everyone.append(dict(writers[-1]._kept))
            else:
                writers[-1].flush()
        return kept.records

    def test_both_worlds_write_the_same(self) -> None:
        alone, together = self.written(1), self.written(2)
        self.assertEqual(alone.keys(), together.keys())
        self.assertEqual({metric for metric, _, _ in alone}, {"train_input", "train_loss", "global_step"})
        (rows,) = (value["samples"] for (metric, _, _), value in alone.items() if metric == "train_input")
        (others,) = (value["samples"] for (metric, _, _), value in together.items() if metric == "train_input")
        self.assertEqual((rows.shape, rows.tobytes()), ((4, 16), others.tobytes()))
        losses = [
            value for found in (alone, together) for (metric, _, _), value in found.items() if metric == "train_loss"
        ]
        self.assertEqual(losses, [{"": 3.5}, {"": 3.5}])
