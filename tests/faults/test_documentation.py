"""The page about faults shows what the program prints, and lists what there is."""

from __future__ import annotations

import contextlib
import io
import re
import unittest

from stopgo_mixins import __main__ as program
from stopgo_mixins import faults
from tests.documentation.pages import PAGES, blocks_of

NAMES = {value.id: name for name, value in vars(faults).items() if isinstance(value, faults.Fault)}


def must_fail(fault: faults.Fault) -> str:
    if fault.ends_the_phase:
        return "the resume phase, whose error names the checkpoint"
    places = ((symptom.metric, f" at {symptom.point.value}" if symptom.point else "") for symptom in fault.symptoms)
    return "; ".join(f"`test_{metric}`{place}" for metric, place in places)


def entry(fault: faults.Fault) -> str:
    """All that the page says of a fault but where it was seen."""
    lines = [
        f"#### {fault.id}: {fault.name}",
        "",
        f"`{NAMES[fault.id]}`: {fault.what}.",
        "",
        f"- what must fail: {must_fail(fault)}",
    ]
    named = " or ".join(cause.value for cause in fault.causes)
    return "\n".join([*lines, f"- cause named: {named}"] if named else lines)


class TestPage(unittest.TestCase):
    maxDiff = None

    def test_every_fault_has_an_entry_and_nothing_else_has(self) -> None:
        text = PAGES["faults"].read_text(encoding="utf-8")
        entries = {key: entry(fault) for key, fault in faults.ALL_FAULTS.items()}
        self.assertEqual([key for key, said in entries.items() if f"\n\n{said}\n" not in text], [])
        self.assertEqual(sorted(re.findall(r"^#### (\w+): ", text, re.MULTILINE)), sorted(entries))

    def test_the_output_is_what_the_command_prints(self) -> None:
        command, shown = list(blocks_of(PAGES["faults"]))[:2]
        *_, name, subject = command.text.split()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = program.main([name, subject])
        self.assertEqual(printed.getvalue(), shown.text)
        self.assertEqual(status, 1)
