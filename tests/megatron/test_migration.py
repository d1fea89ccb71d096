"""The class that the page about BioNeMo's harness ports; the page's own test runs what it becomes."""

from __future__ import annotations

import difflib
import re
import sys
import types
import unittest
from unittest import mock

from stopgo_mixins import MegatronStopAndGoMixin, Mode, get_callback, require_nemo
from tests.documentation.pages import PAGES, blocks_of

PAGE = PAGES["migration"]


class TestPage(unittest.TestCase):
    def setUp(self) -> None:
        self.before, self.after = (block.text for block in blocks_of(PAGE))

    def test_says_how_many_lines_change(self) -> None:
        lines = difflib.ndiff(*(text.splitlines() for text in (self.before, self.after)))
        marks = [line[0] for line in lines if line[2:].strip()]
        (said,) = re.findall(r"Of the lines before, (\d+) go, and (\d+) come", PAGE.read_text(encoding="utf-8"))
        self.assertEqual(said, (str(marks.count("-")), str(marks.count("+"))))

    @require_nemo
    def test_what_would_prepare_nothing_is_refused(self) -> None:
        with mock.patch.dict(sys.modules, bionemo()), self.assertRaises(TypeError) as raised:
            exec(self.before, {"__name__": __name__})
        self.assertIn("TestMyModel.setup_class is never called before the phases run", str(raised.exception))
        self.assertIn("rename it to setUpClass, and end it with super().setUpClass()", str(raised.exception))


def bionemo() -> dict[str, types.ModuleType]:
    """The modules that the class before imports, with this library's mixin in them and nothing else ported."""

    class StopAndGoHarness(MegatronStopAndGoMixin, unittest.TestCase, abstract=True):
        """Only the base class has changed."""

    harnesses = types.ModuleType("bionemo.testing.harnesses")
    modules = {"mode": {"Mode": Mode}, "stop_and_go": {"StopAndGoHarness": StopAndGoHarness}}
    modules["stop_and_go"]["get_callback"] = get_callback
    for name, content in modules.items():
        module = types.ModuleType(f"{harnesses.__name__}.{name}")
        vars(module).update(content)
        setattr(harnesses, name, module)
    parents = {name: types.ModuleType(name) for name in ("bionemo", "bionemo.testing")}
    children = {f"{harnesses.__name__}.{name}": getattr(harnesses, name) for name in modules}
    return {**parents, harnesses.__name__: harnesses, **children}


if __name__ == "__main__":
    unittest.main()
