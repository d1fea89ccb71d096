"""What a recorder says of its metric: where it is wrong the class is not made, where it is right the run shows it."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar
from unittest import mock

from parameterized import parameterized

from stopgo_mixins import LightningStopAndGoMixin, MetricKind, Mode, Recorder
from stopgo_mixins.events import TrainingState
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.recorders.stages import FORWARD_PASS
from tests.outcome import concrete, run
from tests.tiny import TinyMixin


def recorder(metric: object, **said: object) -> type[Recorder]:
    return type("OddRecorder", (Recorder,), {"metric": metric, **said})


def adding(*recorders: type[Recorder]) -> type[LightningStopAndGoMixin]:
    """Adds recorders that ``metrics`` does not know."""

    class AddingMixin(TinyMixin, abstract=True):
        @classmethod
        def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
            callbacks = super().get_default_callbacks()
            for registered in callbacks.values():
                registered |= {added: cls.make_recorder(added) for added in recorders}
            return callbacks

    return AddingMixin


class RefusedCase(unittest.TestCase):
    """Nothing is trained for these."""

    def assert_refused_in_metrics(self, odd: type[Recorder], sentence: str) -> None:
        with self.assertRaises(TypeError) as caught:
            concrete(TinyMixin, metrics={odd.metric: odd})
        self.assertEqual(str(caught.exception), f"Tiny.metrics[{odd.metric!r}]: {sentence}")

    def assert_refused_in_callbacks(self, odd: type[Recorder], sentence: str) -> None:
        with mock.patch.object(TrainingPhasesMixin, "run_stop_and_go", side_effect=AssertionError("trained")):
            outcome = run(concrete(adding(odd)))
        self.assertEqual(outcome.passed, set())
        self.assertIn(f"TypeError: Adding.get_default_callbacks: {sentence}\n", outcome.error)


TAKEN = (
    *((name, "a file that every trace has") for name in ("phase", "values")),
    *(
        (name, f"a test that every class has, test_{name}")
        for name in ("number_of_steps", "resume_point", "train_val_init_consumed_samples", "additional_callbacks")
    ),
    ("process_state", "the test of phases that share a process, test_process_state"),
)
NO_IDENTIFIERS = (
    ("../../x", "x"),
    ("a/b", "a_b"),
    ("", "my_metric"),
    ("grad norm", "grad_norm"),
    ("3rd", "my_3rd"),
    (7, "my_7"),
)


class TestNames(RefusedCase):
    @parameterized.expand(TAKEN)
    def test_of_a_file_or_of_a_test_of_the_run(self, name: str, taken: str) -> None:
        sentence = f'OddRecorder.metric is {name!r}, which is the name of {taken}: write metric = "{name}_recorded".'
        self.assert_refused_in_metrics(recorder(name), sentence)
        self.assert_refused_in_callbacks(recorder(name), sentence)

    @parameterized.expand(NO_IDENTIFIERS)
    def test_that_are_none(self, name: object, instead: str) -> None:
        sentence = (
            f"OddRecorder.metric is {name!r}, but it names a test and a file, so it may hold only letters, digits and "
            f'underscores: write metric = "{instead}".'
        )
        self.assert_refused_in_metrics(recorder(name), sentence)
        self.assert_refused_in_callbacks(recorder(name), sentence)

    def test_that_is_missing(self) -> None:
        sentence = 'NamelessRecorder.metric is not defined: write metric = "..." in NamelessRecorder.'
        self.assert_refused_in_callbacks(type("NamelessRecorder", (Recorder,), {}), sentence)

    def test_what_is_proposed_instead_is_accepted(self) -> None:
        for instead in (*(f"{name}_recorded" for name, _ in TAKEN), *(instead for _, instead in NO_IDENTIFIERS)):
            self.assertTrue(concrete(TinyMixin, metrics={instead: recorder(instead)}))


class TestDeclarations(RefusedCase):
    @parameterized.expand(
        [
            (
                "an unknown metric",
                {"depends_on": ("gradient",)},
                "depends_on names 'gradient', and there is no such metric. Did you mean 'gradients'? Known names: ",
            ),
            ("one name", {"depends_on": "gradients"}, "depends_on is 'gradients': write a tuple, depends_on = ("),
            (
                "a list",
                {"depends_on": ["gradients"]},
                "depends_on is ['gradients']: write a tuple, depends_on = (..., ",
            ),
            (
                "at once, yet not at all",
                {"depends_on": ("gradients",), "at_once": ("parameters",)},
                "at_once names 'parameters', which depends_on does not: add it there.",
            ),
            (
                "at once, yet on nothing that was said",
                {"at_once": ("parameters",)},
                "at_once names 'parameters', which depends_on does not: add it there.",
            ),
            ("no kind", {"kinds": ("counters",)}, "kinds holds 'counters': choose among MetricKind.COUNTERS, "),
            ("one kind", {"kinds": MetricKind.COUNTERS}, "kinds is <MetricKind.COUNTERS: 'counters'>: write a tup"),
        ]
    )
    def test_that_cannot_be(self, _: str, said: dict[str, object], sentence: str) -> None:
        with self.assertRaises(TypeError) as caught:
            concrete(TinyMixin, metrics={"odd": recorder("odd", **said)})
        self.assertIn(f"Tiny.metrics['odd']: OddRecorder.{sentence}", str(caught.exception))
        outcome = run(concrete(adding(recorder("odd", **said))))
        self.assertIn(f"TypeError: Adding.get_default_callbacks: OddRecorder.{sentence}", outcome.error)

    def test_what_may_be_depended_on(self) -> None:
        """Metrics of any base, also where they were taken away, and those that ``get_default_callbacks`` adds."""
        base = concrete(TinyMixin, metrics={"first": recorder("first"), "second": recorder("second")})
        third = recorder("third", depends_on=("first", "second", "rng_state"))
        self.assertTrue(type("Child", (base,), {"metrics": {"third": third, "second": None, "rng_state": None}}))
        added = adding(recorder("fourth"), recorder("fifth", depends_on=("fourth", "third")))
        case = concrete(added, metrics={"third": recorder("third"), "rng_state": None})
        with mock.patch.object(TrainingPhasesMixin, "run_stop_and_go", side_effect=unittest.SkipTest("not trained")):
            self.assertEqual([reason for _, reason in run(case).skipped], ["not trained"])


class MeanInputRecorder(Recorder):
    """What a step reads, in one number, and a fault of the resume phase."""

    metric = "mean_input"
    depends_on: Any = ("train_input",)
    fault = 0.0

    def micro_batch_start(self, state: TrainingState, batch: Any) -> None:
        self.record(batch[0].mean() + self.fault)


class EchoRecorder(MeanInputRecorder):
    metric = "echo"
    depends_on: Any = ("mean_input",)


class EchoOfNothingRecorder(EchoRecorder):
    depends_on = FORWARD_PASS


class FaultyMixin(TinyMixin, abstract=True):
    """Two metrics beside the default ones; only these diverge, since the run itself resumes exactly."""

    metrics: ClassVar[Any] = {"mean_input": MeanInputRecorder, "echo": EchoRecorder, "validation_schedule": None}

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for callback in callbacks[Mode.RESUME].values():
            if isinstance(callback, MeanInputRecorder):
                callback.fault = 1.0
        return callbacks


class TestInTheMessages(unittest.TestCase):
    def failed(self, **attributes: object) -> dict[str, str]:
        outcome = run(concrete(FaultyMixin, **attributes))
        self.assertEqual((outcome.error, set(outcome.failed)), ("", {"mean_input", "echo"}))
        return outcome.failed

    def test_a_metric_is_a_consequence_of_what_it_depends_on(self) -> None:
        failed = self.failed()
        message = failed["mean_input"]
        self.assertIn("root cause of this run: mean_input at step 4 (the first after the resume at 3)", message)
        self.assertIn("no known pattern fits; up to there it agrees in train_input\n", message)
        self.assertIn("consequences: echo\n", message)
        self.assertIn("test_echo: consequence of mean_input (no known cause); ", failed["echo"])
        self.assertNotIn("root cause of this run", failed["echo"])

    def test_a_metric_is_a_root_cause_where_nothing_diverges_that_it_depends_on(self) -> None:
        for metric, message in self.failed(metrics={"echo": EchoOfNothingRecorder}).items():
            self.assertIn(f"test_{metric}: no known cause; ", message)
            self.assertIn(f"root cause of this run: {metric} at step 4", message)
            self.assertNotIn("consequence", message)

    def test_so_does_one_that_only_get_default_callbacks_adds(self) -> None:
        class AddingMixin(FaultyMixin, adding(EchoRecorder), abstract=True):
            metrics: ClassVar[Any] = {"echo": None}

        outcome = run(concrete(AddingMixin))
        self.assertIn("consequences: echo\n", outcome.failed["mean_input"])


if __name__ == "__main__":
    unittest.main()
