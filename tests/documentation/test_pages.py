"""The code blocks of README and docs run, and print what the pages say that they print."""

from __future__ import annotations

import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from parameterized import parameterized

from tests.documentation.links import dead_links
from tests.documentation.pages import PAGES, ROOT, PageRun, blocks_of, missing_requirement, shows

TEST_CASE = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"


class TestPages(unittest.TestCase):
    @parameterized.expand(PAGES)
    def test_blocks_run_as_told(self, name: str) -> None:
        if missing := missing_requirement(PAGES[name]):
            self.skipTest(f"{name} needs {missing}")
        run = PageRun(PAGES[name])
        run.run()
        if run.problems:
            self.fail("\n\n".join(run.problems))

    @parameterized.expand(PAGES)
    def test_make_targets_exist(self, name: str) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        named = set(re.findall(r"\bmake ([a-z-]+)", _code(PAGES[name].read_text(encoding="utf-8"))))
        self.assertEqual(named - targets, set())

    @parameterized.expand(PAGES)
    def test_links_lead_somewhere(self, name: str) -> None:
        self.assertEqual(dead_links(PAGES[name]), [])


def _code(text: str) -> str:
    """What stands in backquotes or in a block."""
    return "\n".join(re.findall(r"`+[^`]+`+", text))


class TestTheRunnerOfPages(unittest.TestCase):
    """It must see what is wrong with a page."""

    def problems(self, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "page.md"
            page.write_text(text, encoding="utf-8")
            run = PageRun(page)
            with mock.patch("tests.documentation.pages.REPEATS_VALIDATIONS", False):
                run.run()
        return run.problems

    def test_a_block_that_raises(self) -> None:
        (problem,) = self.problems("First\n\n```python\n1 / 0\n```\n")
        self.assertRegex(problem, r"page\.md:4: raised ZeroDivisionError: .*, expected None")

    def test_an_announced_error_is_printed(self) -> None:
        page = "<!-- raises: ZeroDivisionError -->\n```python\n1 / 0\n```\n<!-- output -->\n```text\n{}\n```\n"
        self.assertEqual(self.problems(page.format("ZeroDivisionError: division by zero")), [])
        self.assertEqual(len(self.problems(page.format("ValueError: division by zero"))), 1)

    def test_an_announced_error_that_does_not_come(self) -> None:
        (problem,) = self.problems("<!-- raises: ZeroDivisionError -->\n```python\n1 / 1\n```\n")
        self.assertIn("raised None, expected ZeroDivisionError", problem)

    def test_a_test_that_fails(self) -> None:
        page = f"{{}}```python\n{TEST_CASE}        self.fail({{!r}})\n```\n"
        self.assertEqual(len(self.problems(page.format("", "x"))), 1)
        named = "root cause of this run: rng_state at state 4"
        self.assertEqual(self.problems(page.format("<!-- root causes: rng_state -->\n", named)), [])
        self.assertEqual(self.problems(page.format("", "test_train_loss: consequence of rng_state; 3 of 4")), [])
        (problem,) = self.problems(page.format("<!-- root causes: train_input -->\n", named))
        self.assertIn("T has the root causes {'rng_state'}, expected {'train_input'}", problem)

    def test_a_test_that_does_not_fail(self) -> None:
        page = f"<!-- root causes: rng_state -->\n```python\n{TEST_CASE}        pass\n```\n"
        self.assertEqual(len(self.problems(page)), 1)

    def test_code_that_is_not_run_is_compiled(self) -> None:
        self.assertEqual(self.problems("<!-- not run: dangerous -->\n```python\n1 / 0\n```\n"), [])
        with self.assertRaises(SyntaxError):
            self.problems("<!-- not run: dangerous -->\n```python\n1 /\n```\n")

    def test_output_leaves_out_lines_only_where_it_says_so(self) -> None:
        printed = "one\ntwo\nthree\n"
        self.assertTrue(shows(printed, "one\n[...]\nthree\n"))
        self.assertTrue(shows(printed, "two\nthree\n"))
        self.assertFalse(shows(printed, "one\nthree\n"))
        self.assertFalse(shows(printed, "three\n[...]\none\n"))

    def test_output_compares_steps_and_words_but_not_measured_numbers(self) -> None:
        printed = "first at step 5\n  interrupted 2.29   continuous 2.31   |diff| 1.4e-02   56740 ulp\n"
        self.assertTrue(shows(printed, printed.replace("2.29", "-1.7e-03").replace("56740", "3")))
        self.assertFalse(shows(printed, printed.replace("step 5", "step 6")))
        self.assertFalse(shows(printed, printed.replace("interrupted", "resumed")))


class TestTheCheckOfLinks(unittest.TestCase):
    def dead(self, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "page.md"
            page.write_text(text, encoding="utf-8")
            (page.parent / "other.md").write_text(
                "# A `word`, and more\n\n```text\n# no heading\n```\n", encoding="utf-8"
            )
            return dead_links(page)

    def test_a_file_and_a_heading(self) -> None:
        text = "# Here\n[a](other.md) [b](other.md#a-word-and-more) [c](#here) [d](https://example.org) [e](genindex)"
        self.assertEqual(self.dead(text), [])

    def test_what_there_is_not(self) -> None:
        dead = ["another.md", "other.md#word", "other.md#no-heading", "#there"]
        self.assertEqual(self.dead("".join(f"[x]({link}) ![y]({link})\n" for link in dead)), [*sorted(dead * 2)])


class TestTheExtractor(unittest.TestCase):
    def test_finds_the_blocks_of_the_readme(self) -> None:
        blocks = list(blocks_of(PAGES["readme"]))
        self.assertTrue(blocks)
        for block in blocks:
            lines = block.page.read_text(encoding="utf-8").splitlines()
            self.assertEqual(lines[block.line - 1], block.text.splitlines()[0])
