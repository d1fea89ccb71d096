"""Which of the divergences of a run are its root causes, by what the metrics say of themselves."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from parameterized import parameterized

from stopgo_mixins import Metric
from stopgo_mixins.comparison.causality import root_causes
from stopgo_mixins.comparison.compare import Comparison, Difference, Mismatch
from stopgo_mixins.comparison.runs import Leg
from stopgo_mixins.events import Moment
from stopgo_mixins.metric import Metrics
from stopgo_mixins.mixins.metric_declaration import check_declaration, check_name
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.trace.record import Key
from stopgo_mixins.trace.store import Trace

STATE, BATCH, GRADIENTS = Moment.STEP_START, Moment.MICRO_BATCH, Moment.GRADIENTS
VALIDATION, VALIDATED, LOGGED = Moment.VALIDATION_BATCH, Moment.VALIDATION_END, Moment.STEP_END

RESUMED = Leg(1, Trace(Path("nowhere")))

Diverging = Mapping[str, tuple[Moment, int]]
"""Metric -> where it diverges first."""


def says(name: str, **attributes: object) -> type[Metric]:
    return type(name, (Metric,), {"metric": name, **attributes})


def causes(diverging: Diverging, known: Metrics = DEFAULT_RECORDERS) -> set[str]:
    comparisons = {"unharmed": Comparison("unharmed")}
    for metric, (moment, step) in diverging.items():
        first = Mismatch(Key(step, moment, (), ""), 0, RESUMED, Difference.VALUE, None, None)
        comparisons[metric] = Comparison(metric, [first])
    return {comparison.metric for comparison in root_causes(comparisons, known)}


class TestTheDefaultMetrics(unittest.TestCase):
    def test_each_says_what_it_depends_on(self) -> None:
        for metric, recorder in DEFAULT_RECORDERS.items():
            check_name("a default", recorder)
            check_declaration("a default", recorder, DEFAULT_RECORDERS)
            self.assertIsNotNone(recorder.depends_on, metric)

    @parameterized.expand(
        [
            (
                "a batch, and all that is made of it, round the loop",
                {
                    "train_input": (BATCH, 5),
                    "sample_exposure": (BATCH, 5),
                    "train_output": (BATCH, 5),
                    "train_loss": (BATCH, 5),
                    "gradients": (GRADIENTS, 5),
                    "parameters": (STATE, 5),
                    "optimizer_state": (STATE, 5),
                    "buffers": (STATE, 5),
                    "logged_metrics": (LOGGED, 5),
                    "valid_output": (VALIDATION, 6),
                    "valid_loss": (VALIDATION, 6),
                    "averaged_weights": (STATE, 5),
                    "learning_rate": (STATE, 6),
                    "callback_state": (STATE, 6),
                    "scheduler_state": (STATE, 6),
                },
                {"train_input"},
            ),
            (
                "what was restored wrongly side by side",
                dict.fromkeys(("parameters", "optimizer_state", "rng_state", "precision_state"), (STATE, 4)),
                {"parameters", "optimizer_state", "rng_state", "precision_state"},
            ),
            (
                "a scheduler, which explains rate and settings of the same state and the weights of the next",
                {
                    "scheduler_state": (STATE, 4),
                    "learning_rate": (STATE, 4),
                    "param_groups": (STATE, 4),
                    "parameters": (STATE, 5),
                },
                {"scheduler_state"},
            ),
            ("a rate alone does not explain its scheduler", {"learning_rate": (STATE, 4)}, {"learning_rate"}),
            (
                "a rate and its scheduler, the later of which did not make the earlier",
                {"learning_rate": (STATE, 4), "scheduler_state": (STATE, 5)},
                {"learning_rate", "scheduler_state"},
            ),
            (
                "counters, which explain the loops of the same state",
                {"global_step": (STATE, 4), "consumed_samples": (STATE, 4), "loop_progress": (STATE, 4)},
                {"global_step", "consumed_samples"},
            ),
            (
                "weights and their average",
                {"parameters": (STATE, 4), "averaged_weights": (STATE, 4)},
                {"parameters"},
            ),
            ("an average alone", {"averaged_weights": (STATE, 4), "valid_loss": (VALIDATION, 4)}, {"averaged_weights"}),
            (
                "random numbers before the data that they shuffle",
                {"rng_state": (STATE, 4), "train_input": (BATCH, 5)},
                {"rng_state"},
            ),
            (
                "data before the random numbers that they draw",
                {"rng_state": (STATE, 5), "train_input": (BATCH, 5)},
                {"train_input"},
            ),
            (
                "a validation too many, decided before its batches were drawn",
                {"validation_schedule": (VALIDATED, 4), "valid_input": (VALIDATION, 4), "rng_state": (STATE, 4)},
                {"validation_schedule"},
            ),
            (
                "a validation's loss, which steers schedule and callbacks before the next update",
                {"valid_loss": (VALIDATION, 4), "scheduler_state": (STATE, 4), "callback_state": (STATE, 4)},
                {"valid_loss"},
            ),
            (
                "weights, which the validation after the update reads",
                {"valid_loss": (VALIDATION, 4), "parameters": (STATE, 4)},
                {"parameters"},
            ),
            (
                "a validation's loss and what was logged of it",
                {"valid_loss": (VALIDATED, 4), "logged_metrics": (VALIDATED, 4)},
                {"valid_loss"},
            ),
        ]
    )
    def test_root_causes_of(self, _: str, diverging: Diverging, expected: set[str]) -> None:
        self.assertEqual(causes(diverging), expected)


class TestWhatAMetricSays(unittest.TestCase):
    """About a metric ``norm`` beside the default ones."""

    def causes(self, diverging: Diverging, *others: type[Metric], **said: object) -> set[str]:
        metrics = (says("norm", **said), *others)
        return causes(diverging, {**DEFAULT_RECORDERS, **{metric.metric: metric for metric in metrics}})

    def test_what_it_depends_on_explains_it_and_nothing_else_does(self) -> None:
        diverging = {"gradients": (GRADIENTS, 5), "norm": (GRADIENTS, 5)}
        self.assertEqual(self.causes(diverging, depends_on=("gradients",)), {"gradients"})
        self.assertEqual(self.causes(diverging, depends_on=("rng_state",)), {"gradients", "norm"})
        self.assertEqual(self.causes(diverging, depends_on=()), {"gradients", "norm"})

    def test_only_what_came_before_explains_it(self) -> None:
        diverging = {"gradients": (GRADIENTS, 6), "norm": (GRADIENTS, 5)}
        self.assertEqual(self.causes(diverging, depends_on=("gradients",)), {"gradients", "norm"})

    def test_state_follows_from_state_of_the_same_step_only_where_it_says_so(self) -> None:
        diverging = {"parameters": (STATE, 4), "norm": (STATE, 4)}
        self.assertEqual(self.causes(diverging, depends_on=("parameters",)), {"parameters", "norm"})
        at_once = {"depends_on": ("parameters",), "at_once": ("parameters",)}
        self.assertEqual(self.causes(diverging, **at_once), {"parameters"})
        self.assertEqual(self.causes({**diverging, "norm": (STATE, 5)}, depends_on=("parameters",)), {"parameters"})

    def test_state_follows_from_a_validation_only_where_it_may_change_in_one(self) -> None:
        diverging = {"valid_loss": (VALIDATION, 4), "norm": (STATE, 4)}
        said = {"depends_on": ("valid_loss",)}
        self.assertEqual(self.causes(diverging, **said), {"valid_loss", "norm"})
        self.assertEqual(self.causes(diverging, **said, changes_in_validation=True), {"valid_loss"})

    def test_what_is_decided_before_a_validation_explains_its_batches(self) -> None:
        reads = says("reads", depends_on=("norm",))
        diverging = {"norm": (VALIDATED, 4), "reads": (VALIDATION, 4)}
        self.assertEqual(self.causes(diverging, reads, depends_on=()), {"norm", "reads"})
        self.assertEqual(self.causes(diverging, reads, depends_on=(), decided_before_validation=True), {"norm"})

    def test_where_it_says_nothing_it_follows_from_whatever_came_before(self) -> None:
        for metric in DEFAULT_RECORDERS:
            self.assertEqual(self.causes({metric: (STATE, 4), "norm": (STATE, 4)}), {metric})
        self.assertEqual(self.causes({"parameters": (STATE, 5), "norm": (STATE, 4)}), {"parameters", "norm"})

    def test_where_it_says_nothing_what_is_computed_from_it_does_not_explain_it_at_once(self) -> None:
        user = says("of_norm", depends_on=("norm",))
        self.assertEqual(self.causes({"norm": (BATCH, 5), "of_norm": (BATCH, 5)}, user), {"norm"})
        self.assertEqual(self.causes({"norm": (BATCH, 6), "of_norm": (BATCH, 5)}, user), {"of_norm"})

    def test_metrics_that_say_nothing_do_not_explain_each_other(self) -> None:
        silent = says("silent")
        self.assertEqual(self.causes({"norm": (BATCH, 5), "silent": (BATCH, 6)}, silent), {"norm", "silent"})

    def test_metrics_that_depend_on_each_other_do_not_hide_each_other(self) -> None:
        other = says("other", depends_on=("norm",))
        diverging = {"other": (BATCH, 5), "norm": (BATCH, 5)}
        self.assertEqual(len(self.causes(diverging, other, depends_on=("other",))), 1)


NAMES = ("a", "b", "c", "d", "e")
SAID = st.fixed_dictionaries(
    {
        "depends_on": st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
        "changes_in_validation": st.booleans(),
        "decided_before_validation": st.booleans(),
    }
)


class TestAnyGraph(unittest.TestCase):
    @given(
        st.fixed_dictionaries(dict.fromkeys(NAMES, SAID)),
        st.dictionaries(
            st.sampled_from(NAMES), st.tuples(st.sampled_from(list(Moment)), st.integers(3, 6)), min_size=1
        ),
    )
    def test_what_diverges_has_a_root_cause(self, said: dict[str, dict[str, object]], diverging: Diverging) -> None:
        known = {name: says(name, **attributes) for name, attributes in said.items()}
        found = causes(diverging, known)
        self.assertTrue(found)
        self.assertLessEqual(found, set(diverging))


if __name__ == "__main__":
    unittest.main()
