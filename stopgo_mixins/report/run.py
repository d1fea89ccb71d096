"""The report of a run whose phases all came to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.report.contents import Contents
from stopgo_mixins.report.data import data
from stopgo_mixins.report.files import Report
from stopgo_mixins.report.page import page
from stopgo_mixins.report.summary import summary

if TYPE_CHECKING:
    from stopgo_mixins.report.subject import Subject


def report_of_run(subject: Subject) -> Report:
    """Compares and judges everything.

    Raises:
        TraceError: when a trace is damaged.
    """
    contents = Contents.of(subject)
    return Report(page(contents), data(contents), summary(contents))
