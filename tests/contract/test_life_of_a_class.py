"""What a class has of its own, from one run to the next, and beside the suite it was taken into."""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import Mode, RngStateCallback
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin

NEVER_RUN = (
    "no training phase has run. Either the runner never called setUpClass, or a setUpClass of this class or of one of "
    "its bases does not call super().setUpClass()."
)


class RestoringMixin(TinyMixin, abstract=True):
    """Restores random numbers if it is told to."""

    restores = True

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        if not cls.restores:
            for registered in callbacks.values():
                del registered[RngStateCallback]
        return callbacks


class LegacyMixin:
    def __init_subclass__(cls, **kwargs: object) -> None:
        """Does not call ``super()``, so that a class made of it is not checked and has no state of its own."""


class TestState(unittest.TestCase):
    def test_a_class_that_runs_twice_starts_anew(self) -> None:
        case = concrete(RestoringMixin, restores=False)
        first, directory = run(case), case.tempdir
        case.restores = True
        second = run(case)
        self.assertIn("rng_state", first.failed)
        self.assertEqual((second.failed, second.error), ({}, ""))
        self.assertIsNot(case.tempdir, directory)

    def test_a_child_does_not_read_what_its_parent_recorded(self) -> None:
        parent = concrete(RestoringMixin, restores=False)
        child = type("Child", (parent,), {"restores": True})
        unchecked = type("Unchecked", (LegacyMixin, parent), {})
        self.assertIn("rng_state", run(parent).failed)
        for case in (child, unchecked):
            never_set_up = unittest.TestResult()
            case("test_rng_state").run(never_set_up)
            self.assertIn(f"{case.__name__}: {NEVER_RUN}", never_set_up.failures[0][1])
        self.assertIn("rng_state", run(child).passed)

    def test_a_class_that_nobody_set_up(self) -> None:
        result = unittest.TestResult()
        concrete(TinyMixin)("test_train_loss").run(result)
        self.assertIn(f"Tiny: {NEVER_RUN}", result.failures[0][1])

    def test_a_class_whose_set_up_does_not_call_super_fails_once(self) -> None:
        case = concrete(TinyMixin, setUpClass=classmethod(lambda cls: None))
        for names in (None, None, ["train_loss"], ["rng_state", "train_loss"]):  # each time anew
            outcome = run(case, names)
            (first,) = outcome.failed
            self.assertEqual(first, names[0] if names else "additional_callbacks")
            self.assertIn(f"Tiny: {NEVER_RUN}", outcome.failed[first])
            self.assertEqual(outcome.passed, set())
            self.assertEqual(len(outcome.skipped_for), outcome.testsRun - 1)
            self.assertLessEqual(
                set(outcome.skipped_for.values()), {f"no training phase has run: test_{first} says why"}
            )

    def test_the_test_that_failed_for_all_fails_again_without_any_suite(self) -> None:
        case = concrete(TinyMixin, setUpClass=classmethod(lambda cls: None))
        for _ in range(2):
            result = unittest.TestResult()
            case("test_train_loss").run(result)
            self.assertEqual(len(result.failures), 1)


SUITE = """
class SuiteCase(unittest.TestCase):
    log = []

    @classmethod
    def setUpClass(cls):
        unittest.TestCase.setUpClass()
        cls.resource = "made by the suite"
        cls.log.append("class set up")

    @classmethod
    def tearDownClass(cls):
        cls.log.append("class torn down")

    def setUp(self):
        super(SuiteCase, self).setUp()
        self.log.append("test set up")

    def assert_resource(self, resource):
        self.assertEqual(self.resource, resource)


class TestMember({bases}):
    @classmethod
    def setUpClass(cls):
        super(TestMember, cls).setUpClass()
        cls.log.append("member set up")

    def test_by_hand(self):
        self.assert_resource("made by the suite")
"""


class TestExistingSuite(unittest.TestCase):
    """A suite older than ``super()`` without arguments, whose base never heard of mixins."""

    def run_suite(self, bases: str) -> tuple[Outcome, list[str]]:
        namespace: dict[str, Any] = {"__name__": __name__, "unittest": unittest, "TinyMixin": TinyMixin}
        exec(SUITE.replace("{bases}", bases), namespace)
        return run(namespace["TestMember"]), namespace["SuiteCase"].log

    def test_takes_the_mixin_in_by_its_list_of_bases_only(self) -> None:
        before, log = self.run_suite("SuiteCase")
        self.assertEqual(before.passed, {"by_hand"})
        self.assertEqual(log, ["class set up", "member set up", "test set up", "class torn down"])

        after, log = self.run_suite("TinyMixin, SuiteCase")
        self.assertEqual((after.failed, after.error), ({}, ""))
        self.assertLessEqual({"by_hand", "train_loss", "rng_state", "resume_point"}, after.passed)
        self.assertEqual(log[:3], ["class set up", "member set up", "test set up"])
        self.assertEqual(log.count("test set up"), after.testsRun)
        self.assertEqual(log[-1], "class torn down")


if __name__ == "__main__":
    unittest.main()
