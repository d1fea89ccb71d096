"""A declaration is strict both ways."""

from __future__ import annotations

import unittest
from typing import ClassVar

from stopgo_mixins import DeclaredDivergence, Mode, RngStateCallback
from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.declared import declaration_problem
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.findings import find
from stopgo_mixins.comparison.message import root_cause_lines
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_diagnosis_of_state import weights
from tests.outcome import run
from tests.tiny import TinyMixin

REFERENCE = "issue 17 of the trainer, version 1.2"


def declared(from_step: int = 4, cause: str = "RNG not restored") -> DeclaredDivergence:
    return DeclaredDivergence(from_step=from_step, cause=cause, reference=REFERENCE)


class TestDeclaration(SyntheticCase):
    def rng(self) -> Phases:
        """The random numbers are not restored, and the loss follows."""
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step + 9)})
        return phases.behaviour("train_loss", float, lambda step: step + 1.0).state("global_step", lambda step: step)

    def problem(self, metric: str, declaration: DeclaredDivergence) -> str | None:
        resumption = self.rng().resumption()
        comparisons = {name: compare(resumption.runs, name) for name in sorted(resumption.runs.metrics)}
        return declaration_problem(declaration, comparisons[metric], find(resumption, comparisons))

    def test_as_declared(self) -> None:
        self.assertIsNone(self.problem("rng_state", declared()))

    def test_a_consequence_has_the_cause_of_what_it_follows_from(self) -> None:
        self.assertIsNone(self.problem("train_loss", declared(from_step=5)))

    def test_no_divergence(self) -> None:
        self.assertRegex(
            self.problem("global_step", declared()) or "", "but it does not diverge: take the declaration away"
        )

    def test_another_step(self) -> None:
        self.assertRegex(
            self.problem("rng_state", declared(from_step=5)) or "", "but it diverges earlier: from step 4 on"
        )
        self.assertRegex(
            self.problem("rng_state", declared(from_step=3)) or "", "but it diverges later: from step 4 on"
        )

    def test_another_cause(self) -> None:
        for metric, step in (("rng_state", 4), ("train_loss", 5)):
            self.assertRegex(
                self.problem(metric, declared(step, "zeros")) or "",
                r"declared to diverge from step \d on because of 'zeros' \(issue 17.*\), "
                "but the cause is another one: 'RNG not restored'",
            )

    def test_a_message_says_what_is_known(self) -> None:
        resumption = self.rng().resumption()
        findings = find(resumption, {"rng_state": compare(resumption.runs, "rng_state")})
        self.assertIn(f"  known: {declared()}", root_cause_lines(findings, {"rng_state": declared()}))

    def test_what_cannot_be_declared(self) -> None:
        for arguments, message in (
            ({"from_step": -1}, "from_step=-1"),
            ({"cause": "rng"}, "no such cause. .*Known: cold start, "),
            ({"cause": "zeroes"}, "Did you mean 'zeros'"),
            ({"reference": ""}, "say where the reason is written down"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                DeclaredDivergence(**{"from_step": 1, "cause": "zeros", "reference": REFERENCE, **arguments})

    def test_every_cause_can_be_declared(self) -> None:
        for cause in Cause:
            self.assertEqual(declared(cause=str(cause)).cause, cause)


class _Base(TinyMixin, abstract=True):
    """The resume phase forgets the random numbers."""

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        del callbacks[Mode.RESUME][RngStateCallback]
        return callbacks


class TestOfAClass(unittest.TestCase):
    def test_declared_merged_over_the_bases_and_strict(self) -> None:
        class Base(_Base, abstract=True):
            declared: ClassVar = {"rng_state": declared(from_step=3), "train_loss": declared(from_step=3)}

        class Nearest(Base, unittest.TestCase):
            declared: ClassVar = {"train_loss": declared(from_step=4)}

        class Wrong(Base, unittest.TestCase):
            pass

        outcome = run(Nearest, ["rng_state", "train_loss", "train_output"])
        self.assertEqual(outcome.passed, {"rng_state", "train_loss"})
        self.assertIn(f"known: {declared(from_step=3)}", outcome.failed["train_output"])
        outcome = run(Wrong, ["rng_state", "train_loss"])
        self.assertEqual(outcome.passed, {"rng_state"})
        self.assertRegex(
            outcome.failed["train_loss"], "test_train_loss: declared to .*, but it diverges later: from step 4"
        )

    def test_mistakes_are_told_when_the_class_is_made(self) -> None:
        for value, message in (
            ({"rng_stat": declared()}, r"declared\['rng_stat'\]: there is no such metric\. Did you mean 'rng_state'"),
            ({"rng_state": 4}, r"declared\['rng_state'\] is 4: write DeclaredDivergence\("),
            ({"rng_state": declared(from_step=6)}, "diverges from step 6 on, but num_steps is 5"),
        ):
            with self.assertRaisesRegex(TypeError, message):
                type("Mistaken", (TinyMixin, unittest.TestCase), {"declared": value})


if __name__ == "__main__":
    unittest.main()
