"""Which tests a class gets."""

from __future__ import annotations

import types
import unittest
from typing import Any

from stopgo_mixins import Recorder
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.recorders.model import BuffersRecorder
from stopgo_mixins.recorders.optimizer import OptimizerStateRecorder
from tests.outcome import concrete
from tests.tiny import TinyMixin

OF_THE_RUN = {"resume_point", "number_of_steps", "train_val_init_consumed_samples", "additional_callbacks"}
OF_THE_PROCESS = {"process_state"}


class GradNormRecorder(Recorder):
    metric = "grad_norm"


class OtherOptimizerStateRecorder(OptimizerStateRecorder):
    pass


def names(case: type[unittest.TestCase], **loader_settings: Any) -> set[str]:
    loader = unittest.TestLoader()
    for name, value in loader_settings.items():
        setattr(loader, name, value)
    return {name.removeprefix("test_") for name in loader.getTestCaseNames(case)}


def by_hand(self: unittest.TestCase) -> None:
    pass


class TestNames(unittest.TestCase):
    def test_one_for_each_metric_four_for_the_run_and_one_for_its_process(self) -> None:
        self.assertEqual(names(concrete(TinyMixin)), DEFAULT_RECORDERS.keys() | OF_THE_RUN | OF_THE_PROCESS)

    def test_none_for_the_process_where_the_legs_have_their_own(self) -> None:
        apart = concrete(concrete(TinyMixin), isolation="process")
        self.assertEqual(names(apart), DEFAULT_RECORDERS.keys() | OF_THE_RUN)

    def test_verbose_runners_show_what_one_process_hides(self) -> None:
        shown = str(concrete(TinyMixin)("test_process_state").shortDescription())
        self.assertIn('hash() and the order of sets change; isolation = "process" shows it', shown)

    def test_verbose_runners_show_the_name(self) -> None:
        test = concrete(TinyMixin)("test_train_loss")
        self.assertIsNone(test.shortDescription())
        self.assertTrue(test.id().endswith(".Tiny.test_train_loss"))
        self.assertEqual(type(test).test_train_loss.__name__, "test_train_loss")

    def test_patterns_select_them(self) -> None:
        case = concrete(TinyMixin)
        self.assertEqual(
            names(case, testNamePatterns=["*Tiny.test_valid*"]), {n for n in names(case) if n.startswith("valid")}
        )
        self.assertEqual(names(case, testNamePatterns=["*rng_state*"]), {"rng_state"})

    def test_an_id_selects_one(self) -> None:
        module = types.ModuleType("suite")
        module.TestTiny = concrete(TinyMixin)  # type: ignore[attr-defined]
        suite = unittest.defaultTestLoader.loadTestsFromName("TestTiny.test_rng_state", module)
        self.assertEqual([test.id().rpartition(".")[2] for test in suite], ["test_rng_state"])


class TestMetrics(unittest.TestCase):
    def test_a_new_metric_has_its_test(self) -> None:
        case = concrete(TinyMixin, metrics={"grad_norm": GradNormRecorder})
        self.assertEqual(names(case), names(concrete(TinyMixin)) | {"grad_norm"})

    def test_a_removed_metric_has_none(self) -> None:
        case = concrete(TinyMixin, metrics={"optimizer_state": None})
        self.assertEqual(names(case), names(concrete(TinyMixin)) - {"optimizer_state"})

    def test_a_removed_metric_does_not_keep_its_inherited_test(self) -> None:
        parent = concrete(TinyMixin)
        child = type("Child", (parent,), {"metrics": {"optimizer_state": None}})
        self.assertEqual(names(child), names(parent) - {"optimizer_state"})
        self.assertIsNone(child.test_optimizer_state)

    def test_metrics_are_merged_and_the_nearest_class_wins(self) -> None:
        parent = concrete(TinyMixin, metrics={"grad_norm": GradNormRecorder, "optimizer_state": None, "buffers": None})
        child = type("Child", (parent,), {"metrics": {"optimizer_state": OtherOptimizerStateRecorder}})
        self.assertEqual(names(child), names(concrete(TinyMixin)) - {"buffers"} | {"grad_norm"})
        self.assertIs(child.recorder_types()["optimizer_state"], OtherOptimizerStateRecorder)


class TestFreshFunctions(unittest.TestCase):
    """Pytest drops tests whose function it has collected before."""

    def test_no_two_classes_share_one(self) -> None:
        parent = concrete(TinyMixin)
        classes = [parent, concrete(TinyMixin), type("Child", (parent,), {})]
        for name in names(parent):
            functions = {id(getattr(case, f"test_{name}")) for case in classes}
            self.assertEqual(len(functions), len(classes), name)


class TestHandWrittenTests(unittest.TestCase):
    def test_win_wherever_they_stand(self) -> None:
        before = type("Before", (), {"test_buffers": by_hand})
        behind = type("Behind", (unittest.TestCase,), {"test_gradients": by_hand})
        case = type("Case", (before, TinyMixin, behind), {"test_train_loss": by_hand})
        child = type("Child", (case,), {})
        for tested in (case, child):
            for name in ("test_buffers", "test_gradients", "test_train_loss"):
                self.assertIs(getattr(tested, name), by_hand, (tested, name))
            self.assertIsNot(tested.test_train_output, by_hand)

    def test_one_written_in_a_child_wins_over_what_the_parent_was_given(self) -> None:
        child = type("Child", (concrete(TinyMixin),), {"test_train_loss": by_hand})
        self.assertIs(child.test_train_loss, by_hand)

    def test_what_is_no_test_does_not_take_one_away(self) -> None:
        suite = type("Suite", (unittest.TestCase,), {"test_parameters": [1, 2]})
        for make, found in (
            (lambda: concrete(TinyMixin, test_parameters={"lr": 0.1}), r"Tiny\.test_parameters is \{'lr': 0\.1\}"),
            (lambda: type("Case", (TinyMixin, suite), {}), r"Case\.test_parameters is \[1, 2\]"),
            (lambda: concrete(TinyMixin, test_parameters=dict), r"Tiny\.test_parameters is <class 'dict'>"),
            (lambda: concrete(TinyMixin, test_parameters=None), r"Tiny\.test_parameters is None"),
        ):
            with self.assertRaisesRegex(
                TypeError,
                rf"^{found}, where a test of the library belongs: only a method can stand in its place\. Give it "
                r"another name, or write metrics = \{'parameters': None\} to do without that test\.$",
            ):
                make()

    def test_nothing_takes_a_test_of_the_run_away(self) -> None:
        with self.assertRaisesRegex(TypeError, r"Tiny\.test_resume_point is None, .* Give it another name\.$"):
            concrete(TinyMixin, test_resume_point=None)

    def test_a_metric_that_is_taken_back_has_its_test_again(self) -> None:
        without = type("Without", (concrete(TinyMixin),), {"metrics": {"buffers": None}})
        again = type("Again", (without,), {"metrics": {"buffers": BuffersRecorder}})
        self.assertEqual(names(again) - names(without), {"buffers"})

    def test_an_abstract_class_with_tests_of_its_own_parent_as_a_template(self) -> None:
        class Template(concrete(TinyMixin), abstract=True):
            pass

        namespace = {**vars(Template)}  # as parameterized_class makes its classes
        self.assertEqual(names(type("Template_0", (Template,), namespace)), names(concrete(TinyMixin)))


if __name__ == "__main__":
    unittest.main()
