"""A metric of one's own is read as its recorder says, exactly as a default one is."""

from __future__ import annotations

import unittest
from dataclasses import replace

from stopgo_mixins import Metric, MetricKind
from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.comparison.evidence import Verdict, judge
from stopgo_mixins.comparison.findings import find
from stopgo_mixins.comparison.resumption import Resumption
from stopgo_mixins.comparison.runs import Runs
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights


def telling(phases: Phases, **said: object) -> Runs:
    """The runs in which only a metric ``own`` says something of itself."""
    return replace(phases.runs(), known={"own": type("Own", (Metric,), {"metric": "own", **said})})


class TestKinds(SyntheticCase):
    def cause(self, phases: Phases, *kinds: MetricKind) -> Cause | None:
        runs = telling(phases, kinds=kinds)
        found = diagnose(runs, compare(runs, "own"))
        return found.cause if found else None

    def test_the_patterns_of_a_kind_are_those_of_the_metrics_that_say_so(self) -> None:
        def shifted() -> Phases:
            return self.phases().state("own", lambda step: 10 * step, lambda step: 10 * step + 30)

        self.assertEqual(self.cause(shifted(), MetricKind.COUNTERS), Cause.COUNTER_SHIFTED)
        self.assertEqual(self.cause(shifted(), MetricKind.SCHEDULE), Cause.SCHEDULE_SHIFTED)

    def test_without_a_kind_only_what_every_metric_can_show(self) -> None:
        phases = self.phases().behaviour("own", weights, lambda step: weights(step - 4))
        self.assertIsNone(self.cause(phases))
        self.assertEqual(self.cause(phases, MetricKind.BATCHES), Cause.DATA_RESTARTED)

    def test_what_is_not_known_of_any_kind(self) -> None:
        for kind in MetricKind:
            with self.subTest(kind):
                phases = self.phases().state("own", lambda _: float("nan"), lambda _: 0.5)
                unlike = {  # whatever it is instead
                    MetricKind.RANDOM_STREAMS: Cause.RNG_NOT_RESTORED,
                    MetricKind.REACHED: Cause.UNSAVED_STATE,
                }
                self.assertEqual(self.cause(phases, kind), unlike.get(kind))

    def test_the_first_kind_goes_first(self) -> None:
        phases = self.phases().state("own", lambda step: 10 * step, lambda step: 10 * step - 40)
        self.assertEqual(self.cause(phases, MetricKind.COUNTERS, MetricKind.SCHEDULE), Cause.COUNTER_LOST)
        self.assertEqual(self.cause(phases, MetricKind.SCHEDULE, MetricKind.COUNTERS), Cause.SCHEDULE_RESTARTED)


class TestBeginningAnew(SyntheticCase):
    def test_is_no_lack_of_evidence_where_it_is_right(self) -> None:
        phases = self.phases().behaviour("own", lambda step: (step - 1) % 4)
        for begins_anew, verdict in ((False, Verdict.NOT_VERIFIED), (True, Verdict.PASSED)):
            runs = telling(phases, begins_anew=begins_anew)
            self.assertEqual(judge(Resumption(runs), compare(runs, "own")).verdict, verdict)


class TestIndispensable(SyntheticCase):
    def test_a_resume_from_scratch_is_seen_by_what_no_run_can_do_without(self) -> None:
        phases = self.phases().state("own", weights, lambda step: weights(step - 4))
        self.assertEqual(Resumption(telling(phases)).from_scratch, {})
        (said,) = Resumption(telling(phases, indispensable=True)).from_scratch.values()
        self.assertRegex(said, "its own are those of state 0")


class TestWhatAgrees(SyntheticCase):
    def test_is_what_a_metric_says_that_it_depends_on(self) -> None:
        phases = self.phases().state("parameters", weights).state("buffers", weights)
        phases.behaviour("own", float, lambda step: step + 0.5)
        runs = telling(phases, depends_on=("buffers",))
        (cause,) = find(
            Resumption(runs), {metric: compare(runs, metric) for metric in sorted(runs.metrics)}
        ).root_causes
        self.assertEqual(cause.agreeing, ("buffers",))


if __name__ == "__main__":
    unittest.main()
