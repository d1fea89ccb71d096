"""A training run that resumes exactly, and the same run as people usually write it: ``python -m examples.demo``.

Exits with 0 if the first passes and the second fails for the two reasons that it has.
"""

from __future__ import annotations

import inspect
import io
import os
import re
import sys
import textwrap
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from examples.digits import DigitsClassifier, DigitsDataModule
from examples.test_digits import TestDigits
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode

COLUMNS = 100

REPORTS = Path("build/demo")

INTRODUCTION = """\
Is a training run that was interrupted and resumed still the same run?

A convolutional classifier learns scikit-learn's handwritten digits: 18 updates, three epochs.
Each test class trains it three times from the same seed, building everything anew:
  stop        is interrupted after update 9, as soon as a checkpoint is written
  resume      loads that checkpoint and trains to the end
  continuous  trains to the end without interruption
Then one test per metric asks whether stop and resume did, bit for bit, what continuous did."""

FIRST = """\
1. With what it takes to resume exactly
Its training loader is a StatefulDataLoader, and an RngStateCallback keeps the random numbers.
This is the whole test (examples/test_digits.py):"""

SECOND = """\
2. The same classifier as people usually write it
Its training loader is a plain DataLoader, and nobody keeps the random numbers."""

ROOT_CAUSES = {
    "train_input": """\
The data restarted. A DataLoader does not know where it was: after the resume it serves the
epoch from its beginning, so some digits are seen twice and others never.
Remedy: torchdata's StatefulDataLoader, whose position goes into the checkpoint.""",
    "rng_state": """\
The random numbers were not restored. Lightning's checkpoints hold the state of no generator,
so after the resume dropout draws other masks.
Remedy: stopgo_mixins' RngStateCallback among the trainer's callbacks.""",
}


class TestDigitsAsUsuallyWritten(LightningStopAndGoMixin, unittest.TestCase):
    num_steps = 18
    val_check_interval = 4
    lr = 1e-3
    interruption = AtStep(9)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[DigitsClassifier, DigitsDataModule]:
        return DigitsClassifier(lr=cls.lr), DigitsDataModule(stateful=False)


class _Report(unittest.TextTestResult):
    """unittest's own report, a test being called by its method's name; failures are shown by the demo."""

    def getDescription(self, test: unittest.TestCase) -> str:  # noqa: N802 - unittest's own name
        return test.id().rpartition(".")[2]

    def printErrors(self) -> None:  # noqa: N802 - unittest's own name
        self.stream.writeln()


@dataclass
class Outcome:
    """How the tests of one class ended.

    Attributes:
        report: what unittest printed.
        passed: the names of those that passed.
        failed: name -> message.
        skipped: the names of those that were skipped.
        errors: what went wrong outside of the tests, such as a phase that could not train.
    """

    report: str = ""
    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


def run(case: type[unittest.TestCase]) -> Outcome:
    """Runs all tests of a class."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    names = {_name(test) for test in suite if isinstance(test, unittest.TestCase)}
    stream = io.StringIO()
    # The stubs want a result class for any stream; the runner hands it none but its own.
    runner = unittest.TextTestRunner(stream, verbosity=2, resultclass=_Report)  # type: ignore[arg-type]
    with mock.patch.dict(os.environ, {"STOPGO_REPORT": str(REPORTS)}):
        result = runner.run(suite)
    failed = {_name(test): message for test, message in result.failures}
    skipped = {_name(test) for test, _ in result.skipped}
    errors = [message for _, message in result.errors]
    passed = set() if errors else names - failed.keys() - skipped
    return Outcome(stream.getvalue(), passed, failed, skipped, errors)


def _name(test: unittest.TestCase) -> str:
    return test.id().rpartition(".")[2]


def objection(exact: Outcome, usual: Outcome) -> str | None:
    """Says what is not as it should be; ``None`` if everything is."""
    for outcome in (exact, usual):
        if outcome.errors:
            return f"a test class could not be run:\n{outcome.errors[0]}"
    if exact.failed:
        return f"the run that takes care of its state does not resume exactly: {_listed(exact.failed)}."
    named = {cause for message in usual.failed.values() for cause in root_causes(message)}
    if named != ROOT_CAUSES.keys():
        return f"the usual run should diverge because of {_listed(ROOT_CAUSES)}; named were: {_listed(named)}."
    if unproven := usual.failed.keys() - exact.passed:
        return f"{_listed(unproven)} failed in the usual run, but did not pass in the exact one."
    return None


def root_causes(message: str) -> list[str]:
    """The metrics that a failure message names as root causes."""
    return re.findall(r"root cause of this run: (\w+)", message)


def _listed(names: object) -> str:
    return ", ".join(sorted(map(str, names))) if isinstance(names, set | dict) and names else "nothing"


def say(text: str) -> None:
    """Prints a text and an empty line, wrapping what is too long for the terminal."""
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        print(textwrap.fill(line, COLUMNS, subsequent_indent=indent))
    print()


def heading(text: str) -> None:
    """Prints a text whose first line is underlined."""
    first, _, rest = text.partition("\n")
    say(f"{first}\n{'=' * len(first)}\n{rest}")


def reports() -> str:
    """Where the reports of both classes lie."""
    cases = (TestDigits, TestDigitsAsUsuallyWritten)
    return "\n".join(str(REPORTS / f"{case.__module__}.{case.__qualname__}.html") for case in cases)


def summary(exact: Outcome, usual: Outcome) -> str:
    """What was seen, in plain words."""
    lines = [
        f"1. {len(exact.passed)} tests passed and none failed: the resumed run is, bit for bit, the run that was",
        f"   never interrupted. {len(exact.skipped)} were skipped, and say why: what does not exist or never changes",
        "   proves nothing, so it does not count as passed.",
        f"2. {len(usual.failed)} tests failed, although nothing had crashed. There are two root causes:",
    ]
    for cause, explanation in ROOT_CAUSES.items():
        lines += [f"   - test_{cause}", textwrap.indent(explanation, "     ")]
    lines.append(f"   The other {len(usual.failed) - len(ROOT_CAUSES)} failures are consequences of these two.")
    return "\n".join(lines)


def main() -> str | None:
    """Shows both runs; returns what is wrong with them, for ``sys.exit``."""
    say(INTRODUCTION)
    heading(FIRST)
    say(textwrap.indent(inspect.getsource(TestDigits), "    "))
    exact = run(TestDigits)
    say(exact.report)
    heading(SECOND)
    usual = run(TestDigitsAsUsuallyWritten)
    say(usual.report)
    if problem := objection(exact, usual):
        return f"\nThe demo did not go as it should: {problem}"
    say("Each failure names the first divergence, and of what it is a consequence:")
    say(textwrap.indent(usual.failed["test_train_loss"], "    "))
    say("The root causes say what was seen and what helps. One of them:")
    say(textwrap.indent(usual.failed["test_rng_state"], "    "))
    heading(f"What this shows\n{summary(exact, usual)}")
    say(f"Both runs as pictures, for a browser:\n{textwrap.indent(reports(), '  ')}")
    say("Next: docs/tutorial.md, a first test for a model of your own.")
    return None


if __name__ == "__main__":
    sys.exit(main())
