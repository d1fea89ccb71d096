"""Names of a user's class: none of them hides what decides about a test, and a typing error is refused."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from parameterized import parameterized_class

from stopgo_mixins import LightningStopAndGoMixin, Mode, StopAndGoMixin, Tolerance
from stopgo_mixins.backends.megatron.mixin import MegatronStopAndGoMixin
from tests.outcome import concrete, run
from tests.tiny import TinyMixin

CLASSES = (StopAndGoMixin, LightningStopAndGoMixin, MegatronStopAndGoMixin)

FOR_USERS = {
    *("num_steps", "val_check_interval", "limit_val_batches", "lr", "precision", "interruption", "metrics"),
    *("tolerances", "output_tensor_atol", "output_tensor_rtol", "declared", "require_evidence", "noise_floor"),
    *("cold_start", "seed", "resume_seed", "deterministic", "value_budget", "left_out", "unsaved", "stop_phase"),
    *("isolation", "devices", "resume_devices", "devices_of", "phase_timeout", "zoom"),
    *("setup_model", "setup_trainer", "trainer_arguments", "fit_arguments", "strategy_arguments", "setup_logger"),
    *(
        "setup_resume",
        "get_default_callbacks",
        "make_recorder",
        "resume_checkpoint",
        "assertCatches",
        "find_checkpoint",
    ),
    *("exp_name", "tempdir", "metadata_dir", "callbacks", "nemo_logger"),
    *("stop", "resume", "continuous", "run_stop_and_go", "run_directory", "interruptions"),
}
"""What is documented for those who write a test class."""

FOR_BACKENDS = {
    *("train", "fit", "plan", "legs", "make_model", "make_trainer", "trainer_callback", "lightning"),
    *("read_checkpoint", "change_loaders", "move_validations"),
}
"""What a trainer's own mixin defines, or calls; a user's helper of that name is refused."""


def do_nothing(*_: Any, **__: Any) -> None:
    """Stands in for a helper of a suite."""


class TestNamesOfOurs(unittest.TestCase):
    def test_every_public_one_is_documented_or_refused(self) -> None:
        for mixin in CLASSES:
            names = {name for base in mixin.__mro__ for name in (*vars(base), *vars(base).get("__annotations__", {}))}
            public = {name for name in names if not name.startswith("_")} - {*dir(unittest.TestCase)}
            for name in sorted(public - FOR_USERS - FOR_BACKENDS):
                with self.subTest(name), self.assertRaisesRegex(TypeError, rf"Tiny\.{name} is a name that the library"):
                    concrete(TinyMixin, **{name: do_nothing})

    def test_none_is_one_of_unittest(self) -> None:
        of_unittest = {*vars(unittest.TestCase("run")), *dir(unittest.TestCase)}
        for mixin in CLASSES:
            ours = {name for base in mixin.__mro__[:-1] for name in vars(base) if not name.startswith("__")}
            self.assertEqual(ours & of_unittest, {"setUpClass"})


class TestHelpersOfASuite(unittest.TestCase):
    def test_one_that_would_decide_about_tests_is_refused_on_either_side(self) -> None:
        for name in ("comparison", "runs", "examination", "trace", "_report_path", "_failure", "_assert_metric"):
            helper = {name: do_nothing}
            suite = type("SuiteCase", (unittest.TestCase,), helper)
            before = type("Helpers", (), helper)
            for make, owner in (
                (lambda helper=helper: concrete(TinyMixin, **helper), "Tiny"),
                (lambda suite=suite: type("Case", (TinyMixin, suite), {}), "SuiteCase"),
                (lambda before=before: type("Case", (before, TinyMixin, unittest.TestCase), {}), "Helpers"),
            ):
                with (
                    self.subTest(name=name, owner=owner),
                    self.assertRaisesRegex(
                        TypeError,
                        rf"^{owner}\.{name} is a name that the library needs for itself: choose another one for ",
                    ),
                ):
                    make()

    def test_assertions_of_the_suite_decide_nothing(self) -> None:
        class LenientCase(unittest.TestCase):
            log: ClassVar[list[str]] = []

            def fail(self, msg: Any = None) -> None:  # type: ignore[override]
                self.log.append(msg)

            def assert_metric(self, metric: str) -> None:
                self.log.append(metric)

            def setUp(self) -> None:
                self.comparison = self.runs = self.examination = self.require_evidence = do_nothing

            skipTest = subTest = assert_metric  # noqa: N815 - unittest's own names

        case = type("Case", (TinyMixin, LenientCase), {"tolerances": {"parameters": Tolerance(rtol=0.99)}})
        outcome = run(case, ["parameters", "number_of_steps", "buffers", "extra_state"])
        self.assertEqual(outcome.passed, {"number_of_steps", "buffers"})
        self.assertEqual(set(outcome.skipped_for), {"parameters", "extra_state"})
        case.require_evidence = True
        self.assertEqual(set(run(case, ["parameters"]).failed), {"parameters"})
        self.assertEqual(LenientCase.log, [])


MISSPELLED = {
    "num_step": "num_steps",
    "num_setps": "num_steps",
    "val_check_intervall": "val_check_interval",
    "limit_val_batch": "limit_val_batches",
    "tolerance": "tolerances",
    "metric": "metrics",
    "required_evidence": "require_evidence",
    "determinstic": "deterministic",
    "resume_seeds": "resume_seed",
    "noisefloor": "noise_floor",
    "interuption": "interruption",
    "get_default_callback": "get_default_callbacks",
    "setup_trainers": "setup_trainer",
}

OF_ONES_OWN = (
    *("seeds", "steps", "lrs", "lr_", "n_steps", "max_steps", "batch_size", "learning_rate", "optimizer_class"),
    *("num_workers", "num_layers", "num_samples", "val_batches", "setup_data", "setup_loaders", "setup_optimizer"),
    *("expected_metrics", "extra_callbacks", "data_dir", "checkpoint_dir", "stopped", "interrupted", "model_name"),
    *("logger", "budget", "noise", "start", "stops", "precise", "trainer", "callback_class", "_num_step"),
)


class TestMisspelledNames(unittest.TestCase):
    def test_are_refused_with_the_closest_name(self) -> None:
        for name, meant in MISSPELLED.items():
            with (
                self.subTest(name),
                self.assertRaisesRegex(
                    TypeError,
                    rf"^Tiny\.{name} is ignored\. Did you mean '{meant}'\? If it is a name of your own, use it in the "
                    r"class, or let it start with an underscore\.$",
                ),
            ):
                concrete(TinyMixin, **{name: 3})

    def test_names_of_ones_own_are_not(self) -> None:
        concrete(TinyMixin, **dict.fromkeys(OF_ONES_OWN, 3))

    def test_also_in_a_base_and_in_generated_classes(self) -> None:
        class Base(TinyMixin, abstract=True):
            tolerance = 0.1

        with self.assertRaisesRegex(TypeError, r"Base\.tolerance is ignored|Member\.tolerance is ignored"):
            type("Member", (Base, unittest.TestCase), {})
        with self.assertRaisesRegex(TypeError, r"num_step is ignored"):
            parameterized_class([{"num_step": 4}])(concrete(TinyMixin))

    def test_a_name_that_is_used_is_meant(self) -> None:
        class Case(TinyMixin, unittest.TestCase):
            tolerance = 0.1
            metric = "loss"
            precisions: ClassVar[dict[str, int]] = {}

            @classmethod
            def setup_model(cls, mode: Mode) -> Any:
                return [cls.tolerance for _ in range(2)]

            @property
            def used(self) -> Any:
                return lambda: self.metric

            def test_by_hand(self) -> None:
                self.assertTrue(self.precisions)

    def test_a_name_of_the_suite_is_the_suites(self) -> None:
        suite = type("SuiteCase", (unittest.TestCase,), {"tolerance": 0.1})
        type("Case", (TinyMixin, suite), {"tolerance": 0.2})


if __name__ == "__main__":
    unittest.main()
