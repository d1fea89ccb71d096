"""Every cause that a message names can be read about where the package is installed."""

from __future__ import annotations

import io
import unittest
from contextlib import redirect_stderr, redirect_stdout

from stopgo_mixins.__main__ import main
from stopgo_mixins.commands.explain import section
from stopgo_mixins.comparison.diagnosis.cause import Cause
from tests.documentation.pages import PAGES


def printed(*arguments: str) -> str:
    with redirect_stdout(io.StringIO()) as stream:
        main(arguments)
    return stream.getvalue()


class TestExplain(unittest.TestCase):
    def test_every_cause_is_told_whole_and_alone(self) -> None:
        for cause in Cause:
            with self.subTest(cause=str(cause)):
                text = section(cause)
                self.assertEqual(text.splitlines()[0], cause.section)
                for part in ("How it looks. ", "Why. ", "Elsewhere. "):
                    self.assertEqual(text.count(part), 1)
                self.assertNotRegex(text, r"\*\*|\{py:|\]\(|^## |```|<!--")

    def test_the_code_of_the_remedy_stands_below(self) -> None:
        self.assertIn("\n    trainer = Trainer(callbacks=[RngStateCallback()])\n", section(Cause.RNG_NOT_RESTORED))

    def test_every_section_of_the_page_has_code(self) -> None:
        _, *sections = PAGES["fixing-a-divergence"].read_text(encoding="utf-8").split("\n## ")
        self.assertEqual([text.splitlines()[0] for text in sections if "```python" not in text], [])

    def test_one_by_its_name_in_any_case(self) -> None:
        self.assertEqual(printed("explain", "rng NOT restored"), section(Cause.RNG_NOT_RESTORED))

    def test_all_of_them_with_what_helps(self) -> None:
        text = printed("explain")
        self.assertEqual([cause for cause in Cause if f"\n{cause} " not in f"\n{text}"], [])
        self.assertIn("zeros  ", text)

    def test_one_that_there_is_not(self) -> None:
        with redirect_stderr(io.StringIO()) as stream, self.assertRaises(SystemExit):
            main(["explain", "zeroes"])
        self.assertIn("there is no cause 'zeroes'. Did you mean 'zeros'?", stream.getvalue())


if __name__ == "__main__":
    unittest.main()
