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


def declared(
    from_step: int = 4, cause: str | None = "RNG not restored", paths: tuple[str, ...] = ("*",)
) -> DeclaredDivergence:
    return DeclaredDivergence(paths=paths, from_step=from_step, cause=cause, reference=REFERENCE)


class DeclarationCase(SyntheticCase):
    def rng(self) -> Phases:
        """The random numbers are not restored, and the loss follows."""
        phases = self.phases()
        phases.state("rng_state", lambda step: {"torch": weights(step)}, lambda step: {"torch": weights(step + 9)})
        return phases.behaviour("train_loss", float, lambda step: step + 1.0).state("global_step", lambda step: step)

    def problem(self, metric: str, *declarations: DeclaredDivergence, phases: Phases | None = None) -> str | None:
        resumption = (phases or self.rng()).resumption()
        comparisons = {name: compare(resumption.runs, name) for name in sorted(resumption.runs.metrics)}
        return declaration_problem(
            declarations, comparisons[metric], lambda part: find(resumption, {**comparisons, metric: part})
        )


class TestDeclaration(DeclarationCase):
    def test_as_declared(self) -> None:
        self.assertIsNone(self.problem("rng_state", declared()))

    def test_a_consequence_has_the_cause_of_what_it_follows_from(self) -> None:
        self.assertIsNone(self.problem("train_loss", declared(from_step=5)))

    def test_no_divergence(self) -> None:
        self.assertRegex(
            self.problem("global_step", declared()) or "", r"\), but it does not diverge: remove the declaration$"
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
                r"declared to diverge in \* from step \d on because of 'zeros' \(issue 17.*\), "
                "but the cause is another one: 'RNG not restored'",
            )

    def test_a_message_says_what_is_known(self) -> None:
        resumption = self.rng().resumption()
        (cause,) = find(resumption, {"rng_state": compare(resumption.runs, "rng_state")}).root_causes
        self.assertIn(f"  known: {declared()}", root_cause_lines(cause, {"rng_state": [declared()]}))
        elsewhere = declared(paths=("['numpy']",))
        self.assertNotIn("known", "".join(root_cause_lines(cause, {"rng_state": [elsewhere]})))

    def test_what_cannot_be_declared(self) -> None:
        for arguments, message in (
            ({"from_step": -1}, "from_step=-1"),
            ({"cause": "rng"}, "no such cause. .*Known: cold start, "),
            ({"cause": "zeroes"}, "Did you mean 'zeros'"),
            ({"reference": ""}, "say where the reason is written down"),
            ({"paths": ()}, r"paths=\(\)\): name the paths that differ"),
            ({"paths": "['a']"}, r"name the paths that differ as the message shows them, .*paths=\(\"\*\",\)"),
            ({"paths": (4,)}, r"paths=\(4,\)\): name the paths"),
        ):
            good = {"paths": ("",), "from_step": 1, "cause": "zeros", "reference": REFERENCE}
            with self.assertRaisesRegex(ValueError, message):
                DeclaredDivergence(**{**good, **arguments})
        with self.assertRaisesRegex(TypeError, "paths"):
            DeclaredDivergence(from_step=1, cause="zeros", reference=REFERENCE)  # type: ignore[call-arg]  # on purpose

    def test_every_cause_can_be_declared(self) -> None:
        for cause in Cause:
            self.assertEqual(declared(cause=str(cause)).cause, cause)


class TestPaths(DeclarationCase):
    """A count is lost, a mean is replaced by something that no pattern fits, and one entry is right."""

    COUNT = declared(4, "counter lost", ("['count']",))
    MEAN = declared(6, None, ("['mean.*",))

    def buffers(self) -> Phases:
        def expected(step: int) -> dict[str, object]:
            mean = {"mean.a": weights(step), "mean.b": weights(step, "b")}
            return {"count": step, **mean, "right": weights(step, "r")}

        def resumed(step: int) -> dict[str, object]:
            wrong = {"mean.a": weights(step) * 1.25, "mean.b": weights(step, "b") * 1.25} if step >= 6 else {}
            return {**expected(step), "count": step - 4, **wrong}

        return self.phases().state("buffers", expected, resumed)

    def check(self, expected: str | None, *declarations: DeclaredDivergence) -> None:
        problem = self.problem("buffers", *declarations, phases=self.buffers())
        if expected is None:
            self.assertIsNone(problem)
        else:
            self.assertRegex(problem or "", expected)

    def test_each_declaration_has_its_own_paths_step_and_cause(self) -> None:
        self.check(None, self.COUNT, self.MEAN)
        self.check(None, self.MEAN, self.COUNT)

    def test_a_path_that_nothing_declares(self) -> None:
        self.check(
            r"^declared to diverge in \['count'\] from step 4 on .*, but it diverges in \['mean\.a'\], "
            r"\['mean\.b'\] as well, from step 6 on, which nothing declares$",
            self.COUNT,
        )
        self.check(r"diverges in \['count'\] as well, from step 4 on, which nothing declares$", self.MEAN)
        only_one = declared(6, None, ("['mean.a']",))
        self.check(r"diverges in \['mean\.b'\] as well, from step 6 on", self.COUNT, only_one)

    def test_paths_that_match_nothing(self) -> None:
        right = declared(4, "zeros", ("['right']",))
        self.check(
            r"in \['right'\] .*, but it does not diverge, which it does elsewhere: \['count'\], \['mean\.a'\], "
            r"\['mean\.b'\]: remove the declaration$",
            *(self.COUNT, self.MEAN, right),
        )
        superfluous = declared(6, None, ("['mean.*", "['var.*"))
        self.check(r"but nothing diverges in \['var\.\*: remove it from paths$", self.COUNT, superfluous)

    def test_a_prefix_is_no_exact_path(self) -> None:
        self.check(r"does not diverge, which it does elsewhere", self.COUNT, declared(6, None, ("['mean.",)))

    def test_the_step_is_that_of_the_paths(self) -> None:
        self.check("it diverges later: from step 6 on", self.COUNT, declared(4, None, ("['mean.*",)))

    def test_a_cause_that_is_known_must_be_named(self) -> None:
        unnamed = declared(4, None, ("['count']",))
        self.check("without a known cause .*, but the cause is another one: 'counter lost'$", unnamed, self.MEAN)
        named = declared(6, "zeros", ("['mean.*",))
        self.check("because of 'zeros' .* the cause is another one: no known pattern fits$", self.COUNT, named)

    def test_one_declaration_of_everything_has_one_cause_and_one_step(self) -> None:
        self.check(None, declared(4, "counter lost"))
        self.check("diverges earlier: from step 4 on", declared(6, None))


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
        self.assertIn("consequence of rng_state (RNG not restored, declared); ", outcome.failed["train_output"])
        outcome = run(Wrong, ["rng_state", "train_loss"])
        self.assertEqual(outcome.passed, {"rng_state"})
        self.assertRegex(
            outcome.failed["train_loss"], "test_train_loss: declared to .*, but it diverges later: from step 4"
        )

    def test_mistakes_are_told_when_the_class_is_made(self) -> None:
        for value, message in (
            ({"rng_stat": declared()}, r"declared\['rng_stat'\]: there is no such metric\. Did you mean 'rng_state'"),
            ({"rng_state": 4}, r"declared\['rng_state'\] is 4: write DeclaredDivergence\(paths=.* in a tuple"),
            ({"rng_state": ()}, r"declared\['rng_state'\] is \(\): write DeclaredDivergence\("),
            ({"rng_state": (declared(), 4)}, r"declared\['rng_state'\] is \(Declared.*, 4\): write"),
            ({"rng_state": [declared(3), declared(6)]}, "diverges from step 6 on, but num_steps is 5"),
            ({"rng_state": declared(from_step=6)}, "diverges from step 6 on, but num_steps is 5"),
        ):
            with self.assertRaisesRegex(TypeError, message):
                type("Mistaken", (TinyMixin, unittest.TestCase), {"declared": value})


if __name__ == "__main__":
    unittest.main()
