"""The page about faults shows what the program prints, and lists what there is."""

from __future__ import annotations

import contextlib
import io
import unittest

from stopgo_mixins import __main__ as program
from stopgo_mixins import faults
from tests.documentation.pages import PAGES, blocks_of
from tests.documentation.tables import rows

NAMES = {value.id: name for name, value in vars(faults).items() if isinstance(value, faults.Fault)}


def must_fail(fault: faults.Fault) -> str:
    if fault.ends_the_phase:
        return "the resume phase, whose error names the checkpoint"
    phase = " or the resume phase, whose error names the checkpoint" if fault.may_end_the_phase else ""
    places = ((symptom.metric, f" at {symptom.point.value}" if symptom.point else "") for symptom in fault.symptoms)
    return "; ".join(f"`test_{metric}`{place}" for metric, place in places) + phase


class TestPage(unittest.TestCase):
    maxDiff = None

    def test_the_table_lists_every_fault(self) -> None:
        expected = [
            [key, f"`{NAMES[key]}`", fault.what, must_fail(fault), " or ".join(cause.value for cause in fault.causes)]
            for key, fault in faults.ALL_FAULTS.items()
        ]
        self.assertEqual([row[:5] for row in rows("faults", "The faults")], expected)

    def test_the_output_is_what_the_command_prints(self) -> None:
        command, shown = list(blocks_of(PAGES["faults"]))[:2]
        *_, name, subject = command.text.split()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = program.main([name, subject])
        self.assertEqual(printed.getvalue(), shown.text)
        self.assertEqual(status, 1)
