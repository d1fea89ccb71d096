"""The tables of the reference, and of the README, say what the code says."""

from __future__ import annotations

import re
import unittest

from stopgo_mixins import AfterValidation, LightningStopAndGoMixin, Metric, StopAndGoMixin
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from tests.documentation.tables import rows


def documented_attributes() -> set[str]:
    """The names below ``Attributes:`` in the docstrings of the mixins."""
    names = set()
    for base in StopAndGoMixin.__mro__:
        _, _, listed = (vars(base).get("__doc__") or "").partition("Attributes:\n")
        names |= set(re.findall(r"^ +(\w+): ", listed, re.MULTILINE))
    return names


class TestReference(unittest.TestCase):
    def test_every_attribute_is_listed(self) -> None:
        listed = {
            row[0].strip("`") for heading in ("Attributes", "Set in `setUpClass`") for row in rows("reference", heading)
        }
        self.assertEqual(documented_attributes() - listed - {"trainer_callback"}, set())

    def test_attributes_have_the_defaults_that_are_listed(self) -> None:
        for cell, default, _ in rows("reference", "Attributes"):
            name = cell.strip("`")
            with self.subTest(attribute=name):
                if default == "required":
                    self.assertFalse(hasattr(LightningStopAndGoMixin, name))
                else:
                    expected = eval(default.strip("`"), {"AfterValidation": AfterValidation})
                    self.assertEqual(getattr(LightningStopAndGoMixin, name), expected)

    def test_hooks_are_classmethods(self) -> None:
        for row in rows("reference", "Hooks"):
            name, _, _ = row[0].strip("`").partition("(")
            self.assertIsInstance(getattr(LightningStopAndGoMixin, name).__self__, type, name)

    def test_what_a_recorder_says_is_listed_with_its_defaults(self) -> None:
        listed = {row[0].strip("`"): row[1].strip("`") for row in rows("reference", "What a recorder says")}
        said = {
            name: repr(vars(Metric)[name]) if name in vars(Metric) else "required" for name in Metric.__annotations__
        }
        self.assertEqual(listed, said)

    def test_every_metric_is_listed_once_and_nothing_else(self) -> None:
        listed = [row[0].strip("`") for row in rows("reference", "Metrics")]
        self.assertEqual(sorted(listed), sorted(DEFAULT_RECORDERS))

    def test_every_metric_is_in_the_readme_and_nothing_else(self) -> None:
        listed = [name for row in rows("readme", "What is compared") for name in re.findall(r"`(\w+)`", row[1])]
        self.assertEqual(sorted(listed), sorted(DEFAULT_RECORDERS))

    def test_every_test_of_a_run_is_listed(self) -> None:
        class TestX(StopAndGoMixin, unittest.TestCase):
            num_steps, val_check_interval, noise_floor = 2, 1, True

            @classmethod
            def setup_model(cls, mode: object) -> tuple[()]:
                return ()

        tests = set(unittest.defaultTestLoader.getTestCaseNames(TestX)) - {
            f"test_{metric}" for metric in DEFAULT_RECORDERS
        }
        self.assertEqual({row[0].strip("`") for row in rows("reference", "Tests of the run")}, tests)
