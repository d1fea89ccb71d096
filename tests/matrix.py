"""What a trainer resumes exactly and what not, cell by cell."""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from unittest import mock

from tests.outcome import concrete, run

_ROOT_CAUSE = re.compile(r"root cause of this run: (\w+) at (\w+ \d+)")


@dataclass(frozen=True)
class Cell:
    """A row of a matrix; a subclass says of which mixin.

    Attributes:
        name: what the page calls it.
        root_causes: the metrics that must be named, with where each differs first; none where all is exact.
        attributes: what of the class is not as usual: interrupted amid the second epoch.
        error: that with which the resume phase must fail.
    """

    name: str
    root_causes: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    mixin: ClassVar[type]

    def test_class(self, **changed: Any) -> type[unittest.TestCase]:
        return concrete(self.mixin, **self.attributes, **changed)

    @property
    def verdict(self) -> str:
        """As the page says it."""
        if self.error:
            return f"the resume phase fails: `{self.error}`"
        return ", ".join(f"`{metric}` at {where}" for metric, where in self.root_causes.items()) or "exact"


def name_of(function: Callable[..., None], number: str, _parameters: Any) -> str:
    return f"{function.__name__}_{number}"


class MatrixCase(unittest.TestCase):
    def setUp(self) -> None:
        # How long a loader that is deleted waits, 5 s, for each of its persistent workers before it ends it.
        patch = mock.patch("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.1)
        patch.start()
        self.addCleanup(patch.stop)

    def assert_as_documented(self, cell: Cell) -> None:
        outcome = run(cell.test_class())
        if cell.error:
            loaded = "the checkpoint that it was to load: .*-6"
            self.assertRegex(outcome.error, rf"the resume phase failed: {cell.error}: .*(\n.*)*{loaded}")
            return
        self.assertEqual(outcome.error, "", cell.name)
        named = {cause for message in outcome.failed.values() for cause in _ROOT_CAUSE.findall(message)}
        self.assertEqual(dict(named), cell.root_causes, f"{cell.name}: {outcome.failed}")
        self.assertEqual(bool(outcome.failed), bool(cell.root_causes), cell.name)
