"""Recorders that ``get_default_callbacks`` adds beyond ``metrics``."""

from __future__ import annotations

import unittest
from collections.abc import Iterable
from typing import ClassVar

from stopgo_mixins import Mode, Recorder, get_callback
from stopgo_mixins.events import TrainingState
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin


class UpdateRecorder(Recorder):
    metric = "update_count"
    offset = 0

    def step_end(self, state: TrainingState) -> None:
        self.record(state.update + self.offset)


class WrongUpdateRecorder(UpdateRecorder):
    metric = "wrong_update_count"


class AlsoWrongRecorder(UpdateRecorder):
    metric = "also_wrong"


class ConstantRecorder(Recorder):
    metric = "a_constant"

    def step_end(self, state: TrainingState) -> None:
        self.record(1)


class AddingMixin(TinyMixin, abstract=True):
    """Adds recorders, some of which are wrong in the resume phase, one of them in some phases only."""

    added: ClassVar[Iterable[type[Recorder]]] = (UpdateRecorder,)
    wrong: ClassVar[Iterable[type[UpdateRecorder]]] = ()
    phases: ClassVar[Iterable[Mode]] = tuple(Mode)

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for mode, registered in callbacks.items():
            if mode in cls.phases:
                registered |= {recorder: cls.make_recorder(recorder) for recorder in cls.added}
            registered |= {recorder: cls.make_recorder(recorder) for recorder in cls.wrong}
            for recorder in cls.wrong:
                registered[recorder].offset = int(mode is Mode.RESUME)
        return callbacks


def ending(**attributes: object) -> tuple[type, Outcome]:
    case = concrete(AddingMixin, **attributes)
    return case, run(case, ["additional_callbacks"])


class TestAdditionalCallbacks(unittest.TestCase):
    def test_one_that_is_right(self) -> None:
        case, outcome = ending()
        self.assertEqual(outcome.passed, {"additional_callbacks"})
        found = get_callback(case.callbacks, Mode.RESUME, UpdateRecorder)
        self.assertEqual(found.metric, "update_count")
        with self.assertRaisesRegex(KeyError, "no str is registered for Mode.STOP; there are: .*UpdateRecorder"):
            get_callback(case.callbacks, Mode.STOP, str)

    def test_all_that_fail_are_named_and_none_hides_another(self) -> None:
        _, outcome = ending(added=(ConstantRecorder, UpdateRecorder), wrong=(AlsoWrongRecorder, WrongUpdateRecorder))
        self.assertEqual((outcome.passed, outcome.skipped, outcome.error), (set(), [], ""))
        message = outcome.failed["additional_callbacks"]
        self.assertIn("test_additional_callbacks: also_wrong, wrong_update_count\n", message)
        for metric in ("also_wrong", "wrong_update_count"):
            self.assertRegex(message, f"test_{metric}: .*; the interrupted run differs from the continuous run in 2 of")
        self.assertNotIn("test_update_count", message)

    def test_what_is_not_verified_is_skipped_last(self) -> None:
        _, outcome = ending(added=(ConstantRecorder, UpdateRecorder))
        self.assertRegex(
            outcome.skipped_for["additional_callbacks"],
            "^a_constant is NOT VERIFIED: constant: the value stayed the same",
        )
        _, outcome = ending(added=(ConstantRecorder, UpdateRecorder), require_evidence=True)
        self.assertIn("test_a_constant: not verified: constant", outcome.failed["additional_callbacks"])

    def test_one_that_is_missing_in_some_phase_fails(self) -> None:
        for phases, sentence in (
            ((Mode.STOP, Mode.RESUME), "is registered for stop and resume, and not for continuous."),
            ((Mode.CONTINUOUS,), "is registered for continuous, and not for stop and resume."),
            ((Mode.RESUME,), "is registered for resume, and not for stop and continuous."),
        ):
            _, outcome = ending(phases=phases)
            self.assertIn(
                f"test_additional_callbacks: update_count\nupdate_count cannot be compared: its recorder {sentence} "
                "Let get_default_callbacks register it for each mode.",
                outcome.failed["additional_callbacks"],
            )

    def test_without_one_the_test_says_so(self) -> None:
        outcome = run(concrete(TinyMixin), ["additional_callbacks"])
        self.assertIn("adds no recorder beyond metrics", outcome.skipped_for["additional_callbacks"])


if __name__ == "__main__":
    unittest.main()
