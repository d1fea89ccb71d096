"""The tiny run with one thing broken in the resume phase, and where its metrics then fail first."""

from __future__ import annotations

import unittest
from collections import Counter
from typing import Any

import lightning
import torch
from packaging.version import Version

from stopgo_mixins import Mode
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin

LIGHTNING = Version(lightning.__version__)
RESUME_POINT = 3
RESTORED = f"state {RESUME_POINT}"
FIRST_RESUMED = f"step {RESUME_POINT + 1}"


class EditedCheckpointMixin(TinyMixin, abstract=True):
    """Changes the checkpoint file between the stop and the resume phase."""

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        """Changes what was saved."""
        raise NotImplementedError

    @classmethod
    def resume(cls) -> None:
        path = cls.resume_checkpoint()
        checkpoint = torch.load(path, weights_only=False)
        cls.edit(checkpoint)
        torch.save(checkpoint, path)
        super().resume()


class ExtraCallbacksMixin(TinyMixin, abstract=True):
    """The tiny run with callbacks of the user."""

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        """The callbacks."""
        raise NotImplementedError

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        return {**arguments, "callbacks": [*cls.extra_callbacks(mode), *arguments["callbacks"]]}


class MetricCase(unittest.TestCase):
    """Asserts which metrics fail, and where first."""

    def outcome_of(self, base: type, **attributes: object) -> Outcome:
        """Runs a class made of the base, which stays in ``self.case``; how often it recorded, in ``self.counts``."""

        def run_stop_and_go(cls: Any) -> None:
            super(self.case, cls).run_stop_and_go()
            trace = cls.trace(Mode.CONTINUOUS).ranks[0]
            self.counts = {name: Counter(found.key.path for found in trace.records(name)) for name in trace.metrics}

        self.case: Any = concrete(base, **attributes, run_stop_and_go=classmethod(run_stop_and_go))
        outcome = run(self.case)
        self.assertEqual(outcome.error, "")
        return outcome

    def assert_clean(self, outcome: Outcome, *passed: str) -> None:
        self.assertEqual(outcome.failed, {})
        self.assertLessEqual(set(passed), outcome.passed)

    def assert_fails_first(self, outcome: Outcome, metric: str, place: str, *paths: str) -> None:
        """The metric differs first here and in these paths, it is a root cause, and all others differ later."""
        self.assertIn(metric, outcome.failed)
        self.assertIn(f"root cause of this run: {metric} at {place}", outcome.failed[metric])
        found_place, found_paths = self.first_divergence(metric)
        self.assertEqual(found_place, place)
        self.assertLessEqual(set(paths), found_paths)
        first = self.case.comparison(metric).first
        for other in outcome.failed.keys() - {metric, "number_of_steps"}:
            self.assertGreater(self.case.comparison(other).first.key.order, first.key.order, other)

    def first_place(self, metric: str) -> str:
        """Where the metric differs first, such as ``"state 3"``."""
        return self.first_divergence(metric)[0]

    def first_divergence(self, metric: str) -> tuple[str, set[str]]:
        """Where the metric differs first, and in which paths there."""
        mismatches = self.case.comparison(metric).mismatches
        key = mismatches[0].key
        place = f"{'state' if key.moment.is_state else 'step'} {key.step}"
        return place, {found.key.path for found in mismatches if found.key.order == key.order}

    def assert_fails_only(self, outcome: Outcome, metric: str, place: str, *paths: str) -> None:
        """The metric differs first here and in these paths, and no other one differs."""
        self.assert_fails_first(outcome, metric, place, *paths)
        self.assertEqual(set(outcome.failed), {metric})
