"""What cannot be read, and what a class leaves out, proves nothing; the rest does."""

from __future__ import annotations

import threading
import types
from typing import Any

import torch

from stopgo_mixins.comparison.evidence import Judgement, Verdict
from tests.comparison.synthetic import LEGS, SyntheticCase, Value

METRIC = "train_input"


class Closed:
    """Nothing in it can be read."""

    __slots__ = ()


def batch(step: int) -> dict[str, Any]:
    return {"x": torch.tensor(float(step)), "handle": Closed(), "seen": {"time": step, "at": [step]}, "seen_at": step}


class TestUnreadable(SyntheticCase):
    def judged(self, expected: Value, resumed: Value | None = None) -> Judgement:
        return self.judge(self.phases().behaviour(METRIC, expected, resumed), METRIC)

    def test_equal_as_far_as_it_was_recorded_is_not_verified(self) -> None:
        judgement = self.judged(batch)
        self.assertIs(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertIn(
            "not all of it could be recorded: train_input ['handle'] (a tests.comparison.test_omissions.Closed in "
            "which nothing can be read",
            judgement.reason,
        )
        self.assertIn("left_out = {'train_input': {path: reason}}", judgement.reason)

    def test_a_difference_in_the_rest_fails(self) -> None:
        judgement = self.judged(batch, lambda step: {**batch(step), "x": torch.tensor(0.0)})
        self.assertIs(judgement.verdict, Verdict.FAILED)

    def test_what_can_be_read_on_one_side_only_fails(self) -> None:
        judgement = self.judged(batch, lambda step: {**batch(step), "handle": step})
        self.assertIs(judgement.verdict, Verdict.FAILED)

    def test_nothing_but_unreadable_things(self) -> None:
        judgement = self.judged(lambda _: [threading.Lock(), Closed()])
        self.assertIs(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertIn("train_input [0] (a _thread.lock", judgement.reason)
        self.assertIn("train_input [1] (a tests", judgement.reason)

    def test_many_of_a_kind_are_noted_once(self) -> None:
        phases = self.phases().behaviour(METRIC, lambda step: [step, *(Closed() for _ in range(9))])
        notes = phases.runs().reference.events("not_observed")
        self.assertEqual(len(notes), 1)
        self.assertTrue(notes[0]["what"].startswith("train_input [1] (a "))


class TestLeftOut(SyntheticCase):
    def judged(self, *paths: str, resumed: Value | None = None) -> Judgement:
        phases = self.phases()
        for phase in ("continuous", *LEGS[:2]):
            phases.writer(phase).leave_out({METRIC: dict.fromkeys(paths, "a reason")})
        return self.judge(phases.behaviour(METRIC, batch, resumed), METRIC, left_out=paths)

    def test_the_rest_is_evidence(self) -> None:
        self.assertIs(self.judged("['handle']").verdict, Verdict.PASSED)

    def test_a_difference_that_is_left_out_does_not_fail(self) -> None:
        def later(step: int) -> dict[str, Any]:
            return {**batch(step), "seen": {"time": 9, "at": [9]}}

        self.assertIs(self.judged("['handle']", resumed=later).verdict, Verdict.FAILED)
        self.assertIs(self.judged("['handle']", "['seen']['time']", resumed=later).verdict, Verdict.FAILED)
        self.assertIs(self.judged("['handle']", "['seen']", resumed=later).verdict, Verdict.PASSED)

    def test_what_only_begins_alike_is_not_left_out(self) -> None:
        def made(seen: int, seen_at: int) -> Any:
            return types.SimpleNamespace(seen=seen, seen_at=seen_at)

        for verdict, resumed in ((Verdict.PASSED, (9, 1)), (Verdict.FAILED, (1, 9))):
            phases = self.phases()
            for phase in ("continuous", *LEGS[:2]):
                phases.writer(phase).leave_out({METRIC: {".seen": "a reason"}})
            phases.behaviour(
                METRIC, lambda step: made(step, step), lambda step, by=resumed: made(step * by[0], step * by[1])
            )
            self.assertEqual(self.judge(phases, METRIC, left_out=[".seen"]), Judgement(verdict))

    def test_a_path_that_there_is_not(self) -> None:
        judgement = self.judged("['handle']", "['y']")
        self.assertIs(judgement.verdict, Verdict.FAILED)
        self.assertEqual(
            judgement.reason,
            "left_out names ['y'], and there is no such path. "
            "Recorded are: ['seen']['at'][0], ['seen']['time'], ['seen_at'], ['x']",
        )

    def test_nothing_is_left(self) -> None:
        judgement = self.judged("")
        self.assertIs(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertEqual(judgement.reason, "nothing of it is left: train_input as a whole (left out: a reason)")

    def test_it_is_listed_as_not_observed(self) -> None:
        phases = self.phases()
        phases.writer("continuous").leave_out({METRIC: {"['x']": "a reason"}})
        notes = phases.behaviour(METRIC, lambda step: {"x": step, "y": step}).runs().reference.events("not_observed")
        self.assertEqual([note["what"] for note in notes], ["train_input ['x'] (left out: a reason)"])
