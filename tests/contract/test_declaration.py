"""A mistake in a test class speaks when the class is created, before anything is trained."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from stopgo_mixins import AfterValidation, AtStep, LightningStopAndGoMixin, Recorder, Tolerance
from tests.outcome import concrete, run
from tests.tiny import TinyMixin


class SuiteCase(unittest.TestCase):
    """The base of someone's suite."""


class OtherRecorder(Recorder):
    metric = "other"


def hook(cls: type, mode: object) -> Any:
    raise NotImplementedError


class TestOrderOfBases(unittest.TestCase):
    def test_testcase_before_the_mixin(self) -> None:
        with self.assertRaisesRegex(
            TypeError,
            r"^class Wrong\(TestCase, TinyMixin\): TestCase stands before the mixin, so setUpClass would never run a "
            r"phase\. Write class Wrong\(TinyMixin, TestCase\)\.$",
        ):
            type("Wrong", (unittest.TestCase, TinyMixin), {})

    def test_a_base_of_ones_own_before_the_mixin(self) -> None:
        with self.assertRaisesRegex(TypeError, r"Write class Wrong\(TinyMixin, SuiteCase\)\.$"):
            type("Wrong", (SuiteCase, TinyMixin), {})

    def test_also_in_an_abstract_base(self) -> None:
        with self.assertRaisesRegex(TypeError, r"Write class Wrong\(TinyMixin, TestCase\)\.$"):

            class Wrong(unittest.TestCase, TinyMixin, abstract=True):
                pass

    def test_the_right_orders(self) -> None:
        for bases in ((TinyMixin, SuiteCase), (concrete(TinyMixin),), (TinyMixin, SuiteCase, unittest.TestCase)):
            with self.subTest(bases=bases):
                self.assertTrue(type("Right", bases, {}).test_train_loss)


class TestAttributes(unittest.TestCase):
    def assert_rejected(self, sentence: str, **attributes: object) -> None:
        with self.assertRaisesRegex(TypeError, sentence):
            concrete(TinyMixin, **attributes)

    def test_num_steps(self) -> None:
        write = r"write num_steps = 12 \(an integer of at least 2\) in the class\. .* abstract=True"
        for value, found in (
            (None, "is not defined"),
            (1, "is 1"),
            (True, "is True"),
            ("12", "is '12'"),
            (4.0, "is 4.0"),
        ):
            with self.subTest(value=value):
                self.assert_rejected(f"Tiny.num_steps {found}: {write}", num_steps=value)
        with self.assertRaisesRegex(TypeError, "LightningStopAndGo.num_steps is not defined"):
            concrete(LightningStopAndGoMixin)

    def test_val_check_interval(self) -> None:
        self.assert_rejected("Tiny.val_check_interval is 0: write val_check_interval = 4", val_check_interval=0)

    def test_an_interruption_after_a_validation_that_there_is_not(self) -> None:
        self.assert_rejected(
            r"Tiny is to be interrupted after a validation, but val_check_interval is not defined: write "
            r"val_check_interval = 4 \(training batches\), or interruption = AtStep\(k\)\.",
            val_check_interval=None,
            interruption=AfterValidation(),
        )

    def test_an_interruption_that_leaves_nothing_to_resume(self) -> None:
        self.assert_rejected(
            r"interruption = AtStep\(5\) leaves nothing to resume: num_steps is 5, so the step must be at most 4",
            interruption=AtStep(5),
        )

    def test_an_interruption_that_is_none(self) -> None:
        self.assert_rejected("Tiny.interruption is 3: write AfterValidation", interruption=3)

    def test_tolerances(self) -> None:
        self.assert_rejected(
            r"Tiny\.tolerances\['train_los'\]: there is no such metric\. Did you mean 'train_loss'\? "
            "Known names: .*buffers, ",
            tolerances={"train_los": Tolerance(rtol=1e-3)},
        )
        self.assert_rejected(
            r"Tiny\.tolerances\['train_loss'\] is 0\.1: write Tolerance\(rtol=\.\.\., atol=\.\.\.\)\.",
            tolerances={"train_loss": 0.1},
        )

    def test_left_out(self) -> None:
        self.assert_rejected(
            r"Tiny\.left_out\['logged'\]: there is no such metric\. Did you mean 'logged_metrics'",
            left_out={"logged": {"['values']['loss']": "a reason"}},
        )
        for paths in ("['values']['loss']", {"['values']['loss']": ""}, {"['values']['loss']": None}):
            self.assert_rejected(
                r"Tiny\.left_out\['logged_metrics'\] is .*: write \{.*\}, with a reason for each path\.",
                left_out={"logged_metrics": paths},
            )

        self.assert_rejected(r"Tiny\.left_out is 'x': write left_out = \{metric: \{", left_out="x")

    def test_what_nobody_need_save(self) -> None:
        self.assert_rejected(
            r"Tiny\.left_out\['unsaved_state'\]: what nobody need save is written unsaved = \{'model\.cache'",
            left_out={"unsaved_state": {"model.cache": "rebuilt"}},
        )
        for paths in ({"model.cache": ""}, ["model.cache"]):
            self.assert_rejected(
                r"Tiny\.unsaved is .*: write \{'model\.cache': .*\}, with a reason for each path\.", unsaved=paths
            )

        class Base(TinyMixin, abstract=True):
            unsaved: ClassVar[Any] = {"model.cache": "of the base", "model.log": "of the base"}

        case: Any = concrete(Base, unsaved={"model.log": "nearer"})
        self.assertEqual(case._left_out, {"unsaved_state": {"model.cache": "of the base", "model.log": "nearer"}})

    def test_left_out_is_merged_over_the_bases(self) -> None:
        class Base(TinyMixin, abstract=True):
            left_out: ClassVar[Any] = {"buffers": {"['a']": "of the base", "['b']": "of the base"}}

        case: Any = concrete(Base, left_out={"buffers": {"['b']": "nearer"}, "parameters": {"['c']": "another"}})
        buffers = {"['a']": "of the base", "['b']": "nearer"}
        self.assertEqual(case._left_out, {"buffers": buffers, "parameters": {"['c']": "another"}})

    def test_what_is_no_mapping(self) -> None:
        self.assert_rejected(
            r"Tiny\.tolerances is 0\.1: write tolerances = \{metric: Tolerance\(rtol=\.\.\., atol=\.\.\.\)\}\.",
            tolerances=0.1,
        )

    def test_only_one_of_the_output_tolerances(self) -> None:
        self.assert_rejected(
            "Tiny: output_tensor_rtol is None but the other one is given; give both or neither.",
            output_tensor_atol=1e-3,
            output_tensor_rtol=None,
        )

    def test_metrics(self) -> None:
        for metrics, sentence in (
            (
                {"optimizer_stat": None},
                r"Tiny\.metrics\['optimizer_stat'\] = None removes a metric that does not exist\. "
                "Did you mean 'optimizer_state'[?] Known names: .*buffers, ",
            ),
            (
                {"other": "OtherRecorder"},
                r"metrics\['other'\] is 'OtherRecorder': give a subclass of Recorder, or None",
            ),
            ({"othr": OtherRecorder}, r"metrics\['othr'\]: OtherRecorder\.metric is 'other'; it must be 'othr'\."),
        ):
            with self.subTest(metrics=metrics):
                self.assert_rejected(sentence, metrics=metrics)


class TestHooks(unittest.TestCase):
    def test_a_missing_hook_is_shown_as_it_must_be_written(self) -> None:
        with self.assertRaisesRegex(
            TypeError,
            r"^LightningStopAndGo does not define setup_model\. Write:\n\n    @classmethod\n    def setup_model\(cls, "
            r"mode\):\n        return Model\(lr=cls\.lr\), DataModule\(\)\n\nA base class .* abstract=True\)\.$",
        ):
            concrete(LightningStopAndGoMixin, num_steps=4, interruption=AtStep(2))

    def test_a_hook_that_is_no_classmethod(self) -> None:
        for name, arguments in (
            ("setup_model", "cls, mode"),
            ("setup_trainer", "cls, mode"),
            ("get_default_callbacks", "cls"),
            ("resume_checkpoint", "cls"),
            ("train", "cls, mode"),
        ):
            sentence = (
                rf"Tiny\.{name} is not a classmethod: write @classmethod above def {name}\({arguments}\)\. If it is"
            )
            with self.subTest(name), self.assertRaisesRegex(TypeError, sentence):
                concrete(TinyMixin, **{name: hook})

    def test_a_helper_of_the_suite_with_the_name_of_a_hook(self) -> None:
        suite = type("SuiteWithFit", (unittest.TestCase,), {"train": lambda self: None})
        with self.assertRaisesRegex(
            TypeError, r"^SuiteWithFit\.train is not a classmethod: .* give it another name\.$"
        ):
            type("Case", (TinyMixin, suite), {})

    def test_a_static_method_will_do(self) -> None:
        self.assertTrue(concrete(TinyMixin, setup_model=staticmethod(hook)))


class TestAbstractBases(unittest.TestCase):
    def test_need_nothing_and_have_no_tests(self) -> None:
        class TeamBase(LightningStopAndGoMixin, unittest.TestCase, abstract=True):
            pass

        self.assertEqual(unittest.defaultTestLoader.getTestCaseNames(TeamBase), [])

    def test_what_is_made_of_them_is_checked(self) -> None:
        class TeamBase(LightningStopAndGoMixin, unittest.TestCase, abstract=True):
            num_steps = 4

        with self.assertRaisesRegex(
            TypeError, "Member is to be interrupted after a validation|does not define setup_model"
        ):
            type("Member", (TeamBase,), {})

    def test_a_mixin_without_testcase_is_not_checked(self) -> None:
        class TeamMixin(LightningStopAndGoMixin):
            pass

        self.assertFalse(hasattr(TeamMixin, "test_train_loss"))

    def test_one_made_of_a_concrete_class_has_no_tests_either(self) -> None:
        class TeamBase(concrete(TinyMixin), abstract=True):
            pass

        self.assertEqual(unittest.defaultTestLoader.getTestCaseNames(TeamBase), [])
        self.assertIn("test_train_loss", unittest.defaultTestLoader.getTestCaseNames(type("Member", (TeamBase,), {})))

    def test_hand_written_tests_of_an_abstract_base_are_skipped_there(self) -> None:
        class TeamBase(LightningStopAndGoMixin, unittest.TestCase, abstract=True):
            def test_by_hand(self) -> None:
                raise AssertionError

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(TeamBase).run(result)
        self.assertEqual([reason for _, reason in result.skipped], ["TeamBase is an abstract base for other classes"])
        self.assertTrue(result.wasSuccessful())


class TestLegacyBases(unittest.TestCase):
    """A base whose ``__init_subclass__`` does not call ``super()`` takes the checks away; they cannot know."""

    def test_behind_the_mixin_it_does_no_harm(self) -> None:
        class Legacy:
            def __init_subclass__(cls, **kwargs: object) -> None:
                pass

        case = type("Case", (TinyMixin, Legacy, unittest.TestCase), {})
        self.assertIn("test_train_loss", unittest.defaultTestLoader.getTestCaseNames(case))

    def test_before_the_mixin_every_test_that_is_left_is_an_error(self) -> None:
        class Legacy:
            def __init_subclass__(cls, **kwargs: object) -> None:
                pass

        # Behind a concrete class: otherwise unittest itself misses what TestCase's __init_subclass__ does since 3.11.
        outcome = run(type("Case", (Legacy, concrete(TinyMixin)), {"test_by_hand": lambda self: None}))
        self.assertEqual(outcome.passed, set())
        self.assertIn(
            "Case was not checked, got no tests, and no training phase has run: __init_subclass__ of Legacy does not "
            "call super().__init_subclass__(**kwargs). Add that call, or let the mixin stand before it.",
            outcome.error,
        )


if __name__ == "__main__":
    unittest.main()
