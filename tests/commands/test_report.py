"""A report can be made from traces that were kept."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from stopgo_mixins.__main__ import main
from tests.report.test_report import ReportCase


class TestReport(ReportCase):
    def test_beside_the_traces_or_where_it_is_told(self) -> None:
        phases = self.usual()
        self.subject(phases).keep(phases.directory)
        for arguments, path in (([], "report.html"), (["-o", f"{phases.directory}/other.html"], "other.html")):
            with redirect_stdout(io.StringIO()) as stream:
                self.assertEqual(main(["report", str(phases.directory), *arguments]), 0)
            self.assertEqual(stream.getvalue(), f"{phases.directory / path}\n")
            self.assertTrue((phases.directory / path).exists())

    def test_where_there_are_no_traces(self) -> None:
        with redirect_stderr(io.StringIO()) as stream:
            self.assertEqual(main(["report", "nowhere"]), 2)
        self.assertIn("nowhere has no class.json", stream.getvalue())
