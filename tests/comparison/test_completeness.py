"""Traces that lack a rank or an end, and ranks that contradict each other."""

from __future__ import annotations

import json
import shutil
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.resumption import (
    Resumption,
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.trace.store import TraceWriter
from tests.comparison.synthetic import Phases, Span, SyntheticCase

CHECKS: tuple[Callable[[Resumption], str | None], ...] = (
    resume_point_problem,
    lambda resumption: number_of_steps_problem(resumption, 8),
    consumed_samples_problem,
)

ALL = ("stop", "resume", "continuous")


class CompletenessCase(SyntheticCase):
    def of_ranks(self, world_size: int | None = 2, **settings: Any) -> Phases:
        """A clean run of several ranks; its traces are closed."""
        phases = self.phases(world_size=world_size, **settings)
        for rank in range(world_size or 1):
            phases.rank = rank
            phases.behaviour("train_loss", lambda step, by=rank: float(step + by))
        phases.runs()
        return phases

    def problems(self, phases: Phases) -> list[str]:
        """Of the run, without the full stop, each once."""
        resumption = phases.resumption()
        found = (check(resumption) for check in CHECKS)
        return list(dict.fromkeys(problem.removesuffix(".") for problem in found if problem))

    def assert_no_evidence(self, phases: Phases, problem: str) -> None:
        """The traces are equal, yet nothing is believed of them, and a check of the run says why."""
        self.assertEqual(compare(phases.runs(), "train_loss").mismatches, [])
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertIn(f"{problem}; that its records equal those of the continuous run is no evidence", judgement.reason)
        self.assertEqual(self.problems(phases), [problem])

    def edit(self, phases: Phases, phase: str, rank: int, event: str, **changes: object) -> None:
        """Changes all events of a kind that a rank has written; without changes they are taken out."""
        lines = self.lines(phases, phase, rank)
        kept = ({**line, **changes} if line["event"] == event else line for line in lines)
        self.write(phases, phase, rank, [line for line in kept if changes or line["event"] != event])

    def lines(self, phases: Phases, phase: str, rank: int) -> list[dict[str, Any]]:
        path = phases.directory / phase / f"rank-{rank}" / "phase.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def write(self, phases: Phases, phase: str, rank: int, lines: list[dict[str, Any]]) -> None:
        """Lets a rank have written these events, and the end mark behind them if it is among them."""
        path = phases.directory / phase / f"rank-{rank}" / "phase.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines if line["event"] != "phase_end"))
        writer = TraceWriter(phases.directory / phase, rank, value_budget=0)
        for line in lines:
            if line["event"] == "phase_end":
                writer.end(line["update"])
        writer.close()


class TestRanks(CompletenessCase):
    def test_all_are_there(self) -> None:
        phases = self.of_ranks()
        self.assertEqual((self.problems(phases), self.judge(phases, "train_loss").verdict), ([], Verdict.PASSED))

    def test_one_is_missing_everywhere(self) -> None:
        phases = self.of_ranks()
        for phase in ALL:
            shutil.rmtree(phases.directory / phase / "rank-1")
        self.assert_no_evidence(phases, "rank 1 of 2 left no trace of the stop phase")

    def test_one_is_missing_from_one_trace(self) -> None:
        for phase, name in (("stop", "stop phase"), ("resume", "resume phase"), ("continuous", "continuous phase")):
            phases = self.of_ranks(world_size=4)
            for rank in (1, 3):
                shutil.rmtree(phases.directory / phase / f"rank-{rank}")
            self.assertEqual(self.problems(phases), [f"ranks 1, 3 of 4 left no trace of the {name}"])

    def test_the_lowest_is_missing_everywhere(self) -> None:
        phases = self.of_ranks()
        for phase in ALL:
            shutil.rmtree(phases.directory / phase / "rank-0")
        self.assert_no_evidence(phases, "rank 0 of 2 left no trace of the stop phase")

    def test_nobody_tells_how_many_there_were(self) -> None:
        problem = "does not tell how many ranks trained together: its trace has no phase_start with world_size"
        self.assert_no_evidence(self.of_ranks(world_size=None), f"the stop phase {problem}")
        phases = self.of_ranks(world_size=1)
        self.edit(phases, "continuous", 0, "phase_start")
        self.assert_no_evidence(phases, f"the continuous phase {problem}")

    def test_not_all_phases_had_as_many(self) -> None:
        """Each of them is complete by its own word."""
        phases = self.of_ranks()
        shutil.rmtree(phases.directory / "resume" / "rank-1")
        self.edit(phases, "resume", 0, "phase_start", world_size=1)
        self.assertEqual(self.problems(phases), ["the resume phase trained on 1 ranks, the continuous phase on 2"])
        phases = self.of_ranks(arms=("cold_start",))
        shutil.rmtree(phases.directory / "cold_start" / "rank-1")
        self.edit(phases, "cold_start", 0, "phase_start", world_size=1)
        self.assert_no_evidence(phases, "the cold start trained on 1 ranks, the continuous phase on 2")

    def test_a_leg_without_any_trace(self) -> None:
        phases = self.of_ranks()
        shutil.rmtree(phases.directory / "resume")
        self.assertEqual(self.problems(phases), ["the resume phase left no trace"])

    def test_a_rank_of_the_third_leg(self) -> None:
        phases = self.of_ranks(legs=(Span(0, 4), Span(4, 6), Span(6, 8)))
        shutil.rmtree(phases.directory / "resume-2" / "rank-1")
        self.assertEqual(self.problems(phases), ["rank 1 of 2 left no trace of the resume phase 2"])


class TestEnds(CompletenessCase):
    def test_the_resume_and_what_it_is_compared_with_were_cut_at_the_same_step(self) -> None:
        phases = self.of_ranks(world_size=1, broken_off=("resume", "continuous"))
        self.assert_no_evidence(
            phases, "the trace of the resume phase breaks off on rank 0: it has no end mark (phase_end)"
        )

    def test_one_of_them_was(self) -> None:
        for phase in ALL:
            phases = self.of_ranks(world_size=1, broken_off=(phase,))
            self.assert_no_evidence(
                phases, f"the trace of the {phase} phase breaks off on rank 0: it has no end mark (phase_end)"
            )

    def test_on_one_rank(self) -> None:
        phases = self.of_ranks()
        self.edit(phases, "resume", 1, "phase_end")
        self.assert_no_evidence(
            phases, "the trace of the resume phase breaks off on rank 1: it has no end mark (phase_end)"
        )

    def test_steps_that_are_missing_say_more_than_a_missing_end(self) -> None:
        phases = self.of_ranks(world_size=1, resumed_steps=2, broken_off=("resume",))
        self.assertEqual(self.problems(phases), ["the resume phase ran 2 steps, expected 4 (from 4 to 8)"])


class TestDamage(CompletenessCase):
    """Files that changed after the end of a phase, in ways that no comparison sees."""

    NAMES: ClassVar = {"stop": "stop phase", "resume": "resume phase", "continuous": "continuous phase"}

    def path(self, phases: Phases, phase: str, name: str) -> Path:
        return phases.directory / phase / "rank-0" / f"{name}.jsonl"

    def cut(self, phases: Phases, phase: str, name: str, line: int) -> None:
        """Takes out a line."""
        path = self.path(phases, phase, name)
        lines = path.read_text().splitlines(keepends=True)
        del lines[line]
        path.write_text("".join(lines))

    def damaged(self, phase: str, name: str) -> str:
        damaged = f"the trace of the {self.NAMES[phase]} is damaged on rank 0"
        return f"{damaged}: {name}.jsonl changed after the end of the phase"

    def test_the_same_record_is_gone_from_both(self) -> None:
        phases = self.of_ranks(world_size=1)
        self.cut(phases, "resume", "train_loss", -1)
        self.cut(phases, "continuous", "train_loss", -1)
        self.assert_no_evidence(phases, self.damaged("resume", "train_loss"))

    def test_a_whole_metric_is_gone_from_all(self) -> None:
        phases = self.of_ranks(world_size=1)
        for phase in ALL:
            self.path(phases, phase, "train_loss").unlink()
        self.assertEqual(self.problems(phases), [self.damaged("stop", "train_loss")])

    def test_a_metric_that_was_recorded_later(self) -> None:
        phases = self.of_ranks(world_size=1)
        self.path(phases, "resume", "buffers").write_text("")
        self.assertEqual(self.problems(phases), [self.damaged("resume", "buffers")])

    def test_no_event_can_be_lost_unnoticed(self) -> None:
        for phase in ALL:
            for line in range(len(self.lines(self.of_ranks(world_size=1), phase, 0))):
                phases = self.of_ranks(world_size=1)
                self.cut(phases, phase, "phase", line)
                with self.subTest(phase=phase, line=line):
                    self.assertNotEqual(self.problems(phases), [])
                    self.assertNotEqual(self.judge(phases, "train_loss").verdict, Verdict.PASSED)

    def test_no_event_can_be_lost_from_all_unnoticed(self) -> None:
        events = {line["event"] for phase in ALL for line in self.lines(self.of_ranks(world_size=1), phase, 0)}
        for event in events:
            phases = self.of_ranks(world_size=1)
            for phase in ALL:
                kept = [line for line in self.lines(phases, phase, 0) if line["event"] != event]
                path = self.path(phases, phase, "phase")
                path.write_text("".join(json.dumps(line) + "\n" for line in kept))
            with self.subTest(event=event):
                self.assertNotEqual(self.problems(phases), [])

    def test_something_that_happened_after_the_end(self) -> None:
        phases = self.of_ranks(world_size=1)
        with self.path(phases, "resume", "phase").open("a") as file:
            file.write(json.dumps({"event": "checkpoint_saved", "update": 8, "path": "x"}) + "\n")
        self.assertEqual(self.problems(phases), [self.damaged("resume", "phase")])

    def test_of_a_control_arm(self) -> None:
        phases = self.phases(arms=("repeated",)).behaviour("train_loss", float)
        phases.runs()
        self.cut(phases, "repeated", "phase", 1)
        sentence = (
            "the trace of the second continuous run is damaged on rank 0: phase.jsonl changed after the end of the"
        )
        self.assertEqual(self.problems(phases), [f"{sentence} phase"])

    def test_a_line_that_cannot_be_read(self) -> None:
        for name, read in (
            ("phase", self.problems),
            ("train_loss", lambda phases: [*phases.runs().reference.ranks[0].records("train_loss")]),
        ):
            for damaged in ('{"event": "step_e', "[1,\0\0\0", "{}" if name == "phase" else "[1,"):
                phases = self.of_ranks(world_size=1)
                path = self.path(phases, "continuous", name)
                path.write_text(f"{damaged}\t\n{path.read_text()}")
                with (
                    self.subTest(name=name, damaged=damaged),
                    self.assertRaisesRegex(TraceError, "is damaged: .*cannot"),
                ):
                    read(phases)


class TestContradictions(CompletenessCase):
    def check(self, phase: str, event: str, sentence: str, **changes: object) -> Phases:
        phases = self.of_ranks()
        self.edit(phases, phase, 1, event, **changes)
        self.assertEqual(self.problems(phases), [sentence])
        return phases

    def test_about_the_checkpoint(self) -> None:
        sentence = "the ranks of the resume phase disagree about the checkpoint that was loaded (rank 0: 4; rank 1: 2)"
        phases = self.check("resume", "checkpoint_loaded", sentence, update=2)
        self.assertEqual(phases.runs().legs[1].start, 2)

    def test_about_the_first_step(self) -> None:
        sentence = "the ranks of the resume phase disagree about the first step (rank 0: 4; rank 1: 5)"
        self.check("resume", "first_step", sentence, update=5)

    def interrupted(self) -> Phases:
        """A clean run whose stop phase was asked to end."""
        phases = self.of_ranks()
        for rank in (0, 1):
            event = {"event": "interrupted", "update": 4, "path": "step-4.ckpt"}
            self.write(phases, "stop", rank, [*self.lines(phases, "stop", rank), event])
        return phases

    def test_about_the_interruption(self) -> None:
        phases = self.interrupted()
        self.assertEqual(self.problems(phases), [])
        self.edit(phases, "stop", 1, "interrupted", update=3)
        sentence = "the ranks of the stop phase disagree about where it was interrupted (rank 0: 4; rank 1: 3)"
        self.assertEqual(self.problems(phases), [sentence])

    def test_about_what_was_saved(self) -> None:
        phases = self.interrupted()
        self.edit(phases, "stop", 1, "checkpoint_saved")
        about = "the checkpoints that were written"
        sentence = f"the ranks of the stop phase disagree about {about} (rank 0: 4; rank 1: none)"
        self.assertEqual(self.problems(phases), [sentence])

    def test_each_rank_wrote_checkpoints_under_a_path_of_its_own(self) -> None:
        """That the loaded one is not the newest shows all the same."""
        phases = self.of_ranks(saved=(2, 4), loaded=2)
        lines = self.lines(phases, "stop", 1)
        self.write(phases, "stop", 1, [{**line, "path": "rank-1"} if "path" in line else line for line in lines])
        self.assertEqual(
            resume_point_problem(phases.resumption()),
            "the resume phase loaded step-2.ckpt of step 2; the newest checkpoint that the stop phase wrote is "
            "step-4.ckpt of step 4.",
        )

    def test_about_the_number_of_steps(self) -> None:
        for phase, steps in (("resume", "5-8"), ("continuous", "1-8")):
            sentence = f"the ranks of the {phase} phase disagree about the steps that were made (rank 0: {steps}; "
            self.check(phase, "step_end", sentence + "rank 1: none)")
        phases = self.interrupted()
        self.edit(phases, "stop", 1, "step_end", update=1)
        sentence = "the ranks of the stop phase disagree about the steps that were made (rank 0: 1-4; rank 1: 1)"
        self.assertIn(sentence, self.problems(phases))

    def test_ranks_that_were_killed_got_as_far_as_they_did(self) -> None:
        phases = self.phases(world_size=2, legs=(Span(0, 6, saved=(4,)), Span(4, 8)))
        phases.rank = 1
        phases.event("stop", "step_end", update=7)
        phases.event("stop", "checkpoint_saved", update=7, path="step-7.ckpt")
        runs = phases.runs()
        self.assertEqual(self.problems(phases), [])
        self.assertEqual(runs.legs[0].end, 6)

    def test_one_rank_loaded_nothing(self) -> None:
        phases = self.of_ranks()
        self.edit(phases, "resume", 1, "checkpoint_loaded")
        self.assertEqual(
            resume_point_problem(phases.resumption()),
            "the resume phase on rank 1 loaded no checkpoint: its bridge never called checkpoint_loaded. "
            "The stop phase wrote step-4.ckpt at step 4.",
        )
        self.assertEqual(self.judge(phases, "train_loss").verdict, Verdict.NOT_VERIFIED)

    def test_one_rank_began_at_the_start(self) -> None:
        phases = self.of_ranks()
        self.edit(phases, "resume", 1, "first_step", update=0)
        self.assertRegex(
            resume_point_problem(phases.resumption()) or "",
            "^the resume phase on rank 1 started from scratch: it loaded the checkpoint of step 4, yet its first step",
        )

    def test_consumed_samples_of_one_rank(self) -> None:
        for phase, wrong, expected in (("stop", 3, "0"), ("resume", 0, "more")):
            phases = self.of_ranks()
            self.edit(phases, phase, 1, "first_step", consumed_samples=wrong)
            claim = f"claims {wrong} consumed training samples before its first step, expected {expected}."
            problem = consumed_samples_problem(phases.resumption())
            self.assertEqual(problem, f"the {phase} phase on rank 1 {claim}")

    def test_one_rank_made_no_step(self) -> None:
        phases = self.of_ranks()
        self.edit(phases, "resume", 1, "first_step")
        problem = consumed_samples_problem(phases.resumption())
        self.assertEqual(problem, "the resume phase on rank 1 made no training step.")

    def test_a_metric_that_does_not_apply_to_one_rank(self) -> None:
        for ranks, verdict in (((0,), Verdict.FAILED), ((0, 1), Verdict.NOT_APPLICABLE)):
            phases = self.phases(world_size=2)
            for rank in ranks:
                phases.rank = rank
                phases.event("continuous", "not_applicable", metric="buffers", reason="the model has none")
            self.assertEqual(self.judge(phases, "buffers").verdict, verdict)


if __name__ == "__main__":
    unittest.main()
