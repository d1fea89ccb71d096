"""When a closer look is taken, what it does not judge, and that it changes nothing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import unittest
import unittest.mock
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from stopgo_mixins import AmidAccumulation, Mode
from stopgo_mixins.__main__ import main
from stopgo_mixins.comparison.closer_look import CloserLook
from stopgo_mixins.report.subject import Subject
from stopgo_mixins.zoom import closer_look
from tests.outcome import run
from tests.tiny import TinyMixin, TinyModule
from tests.zoom import cases
from tests.zoom.cases import ChangedMixin, WithoutRandomness, look_at, looked_at, set_scale


class TestCloserLook(unittest.TestCase):
    def test_stands_in_the_message_of_a_root_cause_alone(self) -> None:
        failed = run(cases.Zoomed).failed
        self.assertRegex(failed["optimizer_state"], r"zoom: of the \d+ operators of step 4, the first")
        self.assertIn("exp_avg_sq of body.0.weight", failed["optimizer_state"])
        self.assertNotIn("zoom:", failed["parameters"])

    def test_names_a_root_cause_for_which_no_pattern_fits(self) -> None:
        failed = run(cases.Scaled).failed
        self.assertIn("test_train_output: another computation; the interrupted run", failed["train_output"])
        self.assertIn("it is called with other=0.5, expected other=1.0", failed["train_output"])
        self.assertNotIn("no known pattern", failed["train_output"])
        self.assertIn("consequence of train_output (another computation)", failed["gradients"])

    def test_is_not_taken_unasked(self) -> None:
        with unittest.mock.patch.object(closer_look, "closer_look", side_effect=AssertionError("taken")):
            self.assertNotIn("zoom:", run(cases.Faulty).failed["optimizer_state"])

    def test_is_taken_anew_when_the_class_is_run_again(self) -> None:
        for seen in ("the first look", "the second look"):
            with unittest.mock.patch("stopgo_mixins.zoom.mixin.closer_look", return_value=CloserLook(seen)):
                self.assertIn(seen, run(cases.Zoomed).failed["optimizer_state"])

    def test_in_processes_of_their_own_at_a_later_step(self) -> None:
        said = look_at(cases.Apart).sentence
        self.assertIn("of step 5, the first operator that differs", said)
        self.assertIn("other=0.5, expected other=1.0", said)

    def test_goes_on_from_the_start_where_the_checkpoint_is_gone(self) -> None:
        class Case(cases.Scaled):
            zoom = False

        try:
            Case.setUpClass()
            Path(str(Case.resume_checkpoint() or Case._checkpoint_left_by(0))).unlink()
            self.assertIn("other=0.5, expected other=1.0", closer_look.closer_look(Case).sentence)
        finally:
            Case.doClassCleanups()

    def test_that_cannot_be_taken_hides_no_message(self) -> None:
        class Once(WithoutRandomness):
            starts = 0

            def on_train_start(self) -> None:
                Once.starts += 1
                if Once.starts > 3:
                    raise RuntimeError("no fourth time")

        class Case(cases.Scaled):
            module = Once

        said = run(Case).failed["train_output"]
        self.assertIn("no known pattern fits", said)
        self.assertRegex(said, "zoom: step 4 could not be made once more: .* failed: RuntimeError: no fourth time")


class TestWatchedStep(unittest.TestCase):
    """A step that is watched, and what of it is not seen."""

    def records(self, zoom: bool) -> list[object]:
        case: Any = type("Case", (TinyMixin, unittest.TestCase), {"__module__": __name__, "zoom": zoom})
        try:
            case.setUpClass()
            traces = [case.trace(mode) for mode in Mode]
            return [
                (metric, record.key, record.leaf)
                for trace in traces
                for metric in sorted(trace.metrics)
                for record in trace.ranks[0].records(metric)
            ]
        finally:
            case.doClassCleanups()

    def test_is_the_same_as_one_that_is_not(self) -> None:
        self.assertEqual(self.records(zoom=True), self.records(zoom=False))

    def test_that_is_not_the_same_is_not_judged(self) -> None:
        class Sensitive(WithoutRandomness):
            def loss(self, batch: list[Tensor]) -> Tensor:
                return super().loss(batch) * (1.0 if _get_current_dispatch_mode() is None else 1.5)

        said = looked_at(set_scale, Sensitive)
        self.assertRegex(
            said, r"^step 4 of the interrupted run is not the same .* once more and not watched \(gradients"
        )
        self.assertNotIn("operator that differs", said)

    def test_of_a_run_that_is_another_one_the_second_time_is_not_judged(self) -> None:
        class Changing(TinyModule):
            runs = 0

            def on_train_start(self) -> None:
                Changing.runs += 1
                with torch.no_grad():
                    self.head.bias.add_(Changing.runs)

        said = looked_at(lambda module: None, Changing)
        self.assertIn("step 1 of the interrupted run is not the same when it is made once more and watched", said)
        self.assertNotIn("operator that differs", said)

    def test_what_is_no_operator_shows_in_the_next_one(self) -> None:
        class Numeric(WithoutRandomness):
            def loss(self, batch: list[Tensor]) -> Tensor:
                hidden = self.body(batch[0])
                array = hidden.detach().numpy()
                np.multiply(array, np.float32(self.scale), out=array)
                return torch.nn.functional.mse_loss(self.head(hidden), batch[1])

        said = looked_at(set_scale, Numeric)
        self.assertIn("aten.addmm.default in forward of head", said)
        self.assertIn(
            "what aten.tanh.default in forward of body.2 made, equal when it was made and changed since", said
        )

    def test_that_a_resume_begins_amid_its_window_is_not_judged(self) -> None:
        class Case(ChangedMixin, unittest.TestCase):
            interruption = AmidAccumulation(2)
            num_steps = 3
            val_check_interval = None

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "accumulate_grad_batches": 2}

        self.assertIn("the resume phase begins amid step 2, and only whole steps are watched", look_at(Case).sentence)


class TestReport(unittest.TestCase):
    def test_has_a_section_in_every_format_and_after_it_was_kept(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            summary = Path(directory) / "summary.md"
            environment = {"STOPGO_REPORT": directory, "GITHUB_STEP_SUMMARY": str(summary), "STOPGO_KEEP": directory}
            with unittest.mock.patch.dict(os.environ, environment):
                run(cases.Scaled)
            (page,) = Path(directory).glob("*.html")
            html, data = page.read_text(), json.loads(page.with_suffix(".json").read_text())
            self.assertIn("<h2>The first operator that differs</h2>", html)
            self.assertIn("Another computation", html)
            self.assertEqual(data["closer_look"]["operator"], "aten.mul.Tensor")
            self.assertEqual(data["closer_look"]["inputs"], "equal")
            self.assertEqual(data["metrics"]["train_output"]["cause"], "another computation")
            self.assertRegex(summary.read_text(), r"\*\*zoom\*\*: of the \d+ operators of step 4, the first")
            (kept,) = Path(directory).glob("Scaled-*")
            look = Subject.kept_in(kept).examination.closer_look
            self.assertEqual(look and look.facts and look.facts["operator"], "aten.mul.Tensor")

    def test_has_none_where_nobody_looked(self) -> None:
        class Case(cases.Scaled):
            zoom = False

        with tempfile.TemporaryDirectory() as directory:
            with unittest.mock.patch.dict(os.environ, {"STOPGO_REPORT": directory}):
                run(Case)
            (page,) = Path(directory).glob("*.html")
            self.assertNotIn("operator that differs", page.read_text())
            self.assertIsNone(json.loads(page.with_suffix(".json").read_text())["closer_look"])


class TestCommand(unittest.TestCase):
    def command(self, name: str) -> tuple[int, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            status = main(["zoom", f"tests.zoom.cases.{name}"])
        return status, printed.getvalue()

    def test_names_root_causes_and_the_operator(self) -> None:
        status, printed = self.command("Faulty")
        self.assertEqual(status, 1)
        self.assertIn("root cause of this run: optimizer_state at state 3", printed)
        self.assertIn("exp_avg_sq of body.0.weight", printed)

    def test_of_a_class_that_resumes(self) -> None:
        self.assertEqual(self.command("Sound"), (0, "zoom: no training step differs.\n"))


if __name__ == "__main__":
    unittest.main()
