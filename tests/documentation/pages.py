"""Runs the Python blocks of a page, and compares the output it shows with what they printed.

A comment on the line above a block says what is special about it::

    <!-- not run: REASON -->            the block is only compiled
    <!-- needs: megatron -->            the page is skipped where this cannot be imported
    <!-- root causes: rng_state -->     its tests fail, for these root causes
    <!-- raises: TypeError -->          it ends with this error, which counts as printed
    <!-- output -->                     (above a ``text`` block) the blocks before it printed these lines
    <!-- output of: examples.demo -->   (the same) ``python -m examples.demo`` did
    <!-- output by a newer Lightning of: examples.real_runs -->     (the same) it does not do so with Lightning 2.4

In an output, ``[...]`` stands for any text; numbers with a fraction, and what else differs from one machine
to the next, are not compared.
All blocks of a page share one module, as if they stood in one file.
"""

from __future__ import annotations

import functools
import importlib
import io
import re
import sys
import types
import unittest
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = {
    path.stem.lower(): path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""Short name -> page."""

REPEATS_VALIDATIONS = version("lightning").startswith("2.4.")
"""Whether this Lightning's own bug adds a failure to classes that are interrupted in a validation."""

_BLOCK = re.compile(
    r"(?:^<!-- (?P<remark>[^\n]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_ROOT_CAUSE = re.compile(r"root cause of this run: (\w+)")
_DIFFERS_BY_MACHINE = re.compile(
    r"(?<![\w.])-?\d+\.\d+(?:e[-+]?\d+)?s?"  # numbers with a fraction
    r"|-?\d+e[-+]\d+|\d+ ulp"
    r"|at \[[\d, ]*\]|\d+ of \d+ elements"  # where tensors differ most, and in how many elements
    r"|\((?:\w+\.)+\w+\)"  # the full name of a test: with the method's name or without, by Python's version
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: where it stands.
        line: the line of the page on which its text begins, counted from 1.
        language: what stands behind the opening fence.
        text: what it holds.
        remark: what the comment above it says.
    """

    page: Path
    line: int
    language: str
    text: str
    remark: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    def remark_after(self, word: str) -> str | None:
        """What the remark says behind ``word:``; ``None`` where it says something else."""
        head, _, rest = self.remark.partition(":")
        return rest.strip() if head == word else None


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        yield Block(page, line, match["language"], match["text"], match["remark"] or "")


def missing_requirement(page: Path) -> str | None:
    """A module that a page needs and that is not installed."""
    needed = (block.remark_after("needs") for block in blocks_of(page))
    return next((module for module in needed if module and find_spec(module) is None), None)


@dataclass
class PageRun:
    """One run through a page.

    Args:
        page: which one.

    Attributes:
        printed: what its blocks printed so far, the reports of their tests included.
        problems: what was not as the page says, each with its place.
    """

    page: Path
    printed: str = ""
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        name = "documentation_" + re.sub(r"\W", "_", self.page.stem.lower())
        self._module = sys.modules[name] = types.ModuleType(name)
        try:
            for block in blocks_of(self.page):
                self._visit(block)
        finally:
            del sys.modules[name]

    def _visit(self, block: Block) -> None:
        if block.language == "python":
            # Empty lines in front let a traceback name the line of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
            if block.remark_after("not run") is None:
                self._execute(block, code)
        elif program := block.remark_after("output of"):
            self._compare(block, output_of(program))
        elif program := block.remark_after("output by a newer Lightning of"):
            if not REPEATS_VALIDATIONS:
                self._compare(block, output_of(program))
        elif block.remark == "output" and not REPEATS_VALIDATIONS:
            self._compare(block, self.printed)

    def _compare(self, block: Block, printed: str) -> None:
        if not shows(printed, block.text):
            missing = (line for line in block.text.splitlines() if not shows(printed, line))
            what = next(missing, "these lines in this order, although each of them was")
            self.problems.append(f"{block.place}: not printed: {what}")

    def _execute(self, block: Block, code: types.CodeType) -> None:
        known = set(self._cases())
        expected = block.remark_after("raises")
        with redirect_stdout(io.StringIO()) as stream:
            try:
                exec(code, self._module.__dict__)
                raised = None
            except Exception as error:  # compared with what the page says
                raised = f"{type(error).__name__}: {error}"
        self.printed += stream.getvalue() + (raised or "") + "\n"
        if (raised or "").partition(":")[0] != (expected or ""):
            self.problems.append(f"{block.place}: raised {raised}, expected {expected}")
        for case in self._cases():
            if case not in known:
                self._test(block, case)

    def _cases(self) -> list[type[unittest.TestCase]]:
        """The concrete test cases that the page has defined so far."""
        return [
            value
            for value in self._module.__dict__.values()
            if isinstance(value, type)
            and issubclass(value, unittest.TestCase)
            and value.__module__ == self._module.__name__
        ]

    def _test(self, block: Block, case: type[unittest.TestCase]) -> None:
        stream = io.StringIO()
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        result = unittest.TextTestRunner(stream, verbosity=2).run(suite)
        self.printed += stream.getvalue()
        expected = set(filter(None, (block.remark_after("root causes") or "").split(", ")))
        self.problems += [f"{block.place}: {message}" for _, message in result.errors]
        found = {cause for _, message in result.failures for cause in root_causes(message)}
        if REPEATS_VALIDATIONS:
            found -= {"validation_schedule"}
        if found != expected:
            shown = result.failures[0][1] if result.failures else "nothing failed"
            what = f"{case.__name__} has the root causes {found}, expected {expected}"
            self.problems.append(f"{block.place}: {what}\n{shown}")


@functools.cache
def output_of(program: str) -> str:
    """What a module's ``main`` prints."""
    with redirect_stdout(io.StringIO()) as stream:
        problem = importlib.import_module(program).main()
    if problem:
        raise AssertionError(f"{program}: {problem}")
    return stream.getvalue()


def root_causes(message: str) -> list[str]:
    """The metric whose message says that it is a root cause; the name of the test where it says nothing of causes."""
    if ": consequence of " in message:
        return []
    return _ROOT_CAUSE.findall(message) or re.findall(r"\btest_\w+(?=: )", message)[:1] or [message]


def shows(printed: str, text: str) -> bool:
    """Whether the lines of a page were printed."""
    parts = re.split(r"\[\.\.\.\]\n?", _masked(text))
    return re.search(".*?".join(map(re.escape, parts)), _masked(printed), re.DOTALL) is not None


def _masked(text: str) -> str:
    return _DIFFERS_BY_MACHINE.sub("#", text)
