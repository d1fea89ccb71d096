"""Which checkpoint NeMo resumes from: the one that the class says."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from stopgo_mixins import AfterValidation, AtStep, Mode, faults, require_nemo
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey
from tests.megatron.cases import GPTMixin
from tests.outcome import run


class OlderCheckpointMixin(GPTMixin, abstract=True):
    """Validated and saved after every second update, and stopped after the fourth."""

    val_check_interval = 2
    interruption = AfterValidation(2)


class StoppedByItself(GPTMixin, abstract=True):
    """NeMo is asked to end by itself, and saves once more when it does."""

    interruption = AtStep(3, by="should_stop")

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        (cls.interrupted_at,) = (event["path"] for event in cls.trace(Mode.STOP).events("interrupted"))
        (cls.loaded,) = (event["path"] for event in cls.trace(Mode.RESUME).events("checkpoint_loaded"))


@require_nemo
class TestResumePoint(unittest.TestCase):
    def test_an_override_of_the_checkpoint_is_loaded(self) -> None:
        class Case(OlderCheckpointMixin, unittest.TestCase):
            @classmethod
            def resume_checkpoint(cls) -> str | None:
                return str(cls.trace(Mode.STOP).events("checkpoint_saved")[0]["path"])

        outcome = run(Case)
        self.assertEqual(outcome.error, "")
        self.assertRegex(outcome.failed["resume_point"], "loaded .* of step 2; the newest checkpoint .* of step 4")

    def test_an_older_checkpoint_is_a_fault_that_can_be_tried(self) -> None:
        class Case(OlderCheckpointMixin, unittest.TestCase):
            """With nothing wrong."""

        (outcome,) = survey(Case, [faults.OLDER_CHECKPOINT]).outcomes
        self.assertEqual((outcome.status, outcome.missing, outcome.reason), (Status.CAUGHT, (), ""))
        self.assertEqual(outcome.tests[0].name, "test_resume_point")

    def test_what_nemo_saves_because_it_was_stopped_is_not_loaded(self) -> None:
        class Case(StoppedByItself, unittest.TestCase):
            pass

        outcome = run(Case)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertEqual(Path(Case.loaded).parent, Path(Case.interrupted_at))

    def test_auto_resume_by_itself_would_load_it(self) -> None:
        class Case(StoppedByItself, unittest.TestCase):
            @classmethod
            def setup_resume(cls, mode: Mode) -> Any:
                import nemo.lightning as nl

                return nl.AutoResume(resume_if_exists=mode is Mode.RESUME, resume_ignore_no_checkpoint=True)

        self.assertEqual(run(Case).error, "")
        self.assertNotEqual(Path(Case.loaded).parent, Path(Case.interrupted_at))
