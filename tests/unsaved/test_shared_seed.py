"""What is right only because all phases start from one seed, and what a start from another one leaves behind."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import Callback
from parameterized import parameterized

from stopgo_mixins import Mode
from tests.outcome import Outcome, concrete, run
from tests.recorders.breaking import ExtraCallbacksMixin
from tests.unsaved import seeds
from tests.unsaved.seeds import Features, SeedMixin

LOST = {
    seeds.Features: ("unsaved_state", "model.projection"),
    seeds.Ordered: ("unsaved_state", "model.columns"),
    seeds.Masked: ("buffers", "['mask']"),
    seeds.Backbone: ("parameters", "['backbone.weight'], ['backbone.bias']"),
}
"""Module -> the metric that is right only by the seed, and in which paths."""


class LeavesTraces(Callback):
    """Writes into the run directory whenever a phase fails or is interrupted, and over what lies there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        for path in self._directory.rglob("*.ckpt"):
            if "restored" in str(exception):
                path.write_bytes(b"nothing")
        (self._directory / "failed").write_text("yes")


class LeavingMixin(ExtraCallbacksMixin, abstract=True):
    """Where the reseeded start leaves something, the resume phase does not find it."""

    found: ClassVar[list[bool]]

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [] if mode is Mode.STOP else [LeavesTraces(cls.run_directory(mode))]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.found.append((cls.run_directory(mode) / "failed").exists())
        return super().setup_model(mode)


class KeepsFindingsMixin(SeedMixin, abstract=True):
    """Keeps what is read of the traces while they are there."""

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        cls.not_observed = cls.examination().findings.not_observed


class NeedsItsSeedMixin(KeepsFindingsMixin, abstract=True):
    """Resumes from its own seed, and from no other."""

    drawn = int(torch.randint(2**40, (), generator=torch.Generator().manual_seed(42)))

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        if int(torch.randint(2**40, ())) != cls.drawn and mode is Mode.RESUME:
            raise RuntimeError("another seed")
        return super().setup_model(mode)


_READ: list[int] = []


class RemembersMixin(KeepsFindingsMixin, abstract=True):
    """A global of the module counts the batches of all phases."""

    class Counting(Features):
        def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
            _READ.append(batch_idx)
            return super().training_step(batch, batch_idx)

    module = Counting


class TestSharedSeed(unittest.TestCase):
    def outcome_of(self, base: type, **attributes: object) -> Outcome:
        self.case: Any = concrete(base, **attributes)
        outcome = run(self.case)
        self.assertEqual(outcome.error, "")
        return outcome

    @parameterized.expand([(module.__name__, module) for module in LOST])
    def test_named(self, _: str, module: type) -> None:
        metric, paths = LOST[module]
        outcome = self.outcome_of(SeedMixin, module=module)
        self.assertEqual(set(outcome.failed), {metric})
        self.assertIn(
            f"test_{metric}: shared seed; {paths} at state 3 (restored), rank 0: right only because every phase starts "
            "from seed 42. Started once more from seed 43, the resume phase loaded the same checkpoint and had "
            "something else there.\n    how to fix it: ",
            outcome.failed[metric],
        )
        self.assertIn('explain "shared seed"', outcome.failed[metric])

    def test_what_does_not_depend_on_the_seed_passes(self) -> None:
        self.assertEqual(self.outcome_of(SeedMixin).failed, {})

    def test_the_seed_as_part_of_the_contract(self) -> None:
        outcome = self.outcome_of(SeedMixin, module=Features, resume_seed=42)
        self.assertEqual(outcome.failed, {})
        self.assertEqual(
            outcome.skipped_for["unsaved_state"],
            "unsaved_state is NOT VERIFIED: model.projection at state 3 (restored), rank 0: right only because every "
            "restart gets seed 42, as resume_seed says",
        )
        outcome = self.outcome_of(SeedMixin, module=Features, resume_seed=42, require_evidence=True)
        self.assertIn("(a failure because require_evidence is set)", outcome.failed["unsaved_state"])

    def test_left_out(self) -> None:
        reason = {"model.projection": "any will do"}
        outcome = self.outcome_of(SeedMixin, module=Features, unsaved=reason)
        self.assertEqual(outcome.failed, {})

    def test_the_first_batch(self) -> None:
        outcome = self.outcome_of(seeds.DrawnOrderMixin)
        self.assertEqual(set(outcome.failed), {"train_input", "unsaved_state"})
        self.assertIn("train_dataloader._order at state 3 (restored)", outcome.failed["unsaved_state"])
        self.assertIn(
            "test_train_input: shared seed, as a consequence of unsaved_state: [0], [1] at step 4, rank 0.",
            outcome.failed["train_input"],
        )

    def test_another_seed_of_the_resume_phase_shows_it_by_itself(self) -> None:
        outcome = self.outcome_of(SeedMixin, module=Features, resume_seed=7)
        self.assertIn("train_loss", outcome.failed)
        self.assertIsNone(self.case._reseeded)

    def test_in_fresh_processes(self) -> None:
        outcome = run(seeds.FeaturesInProcesses)
        self.assertEqual((set(outcome.failed), outcome.error), ({"unsaved_state"}, ""))
        self.assertIn("shared seed; model.projection at state 3 (restored)", outcome.failed["unsaved_state"])
        outcome = run(seeds.SeededInProcesses)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_it_leaves_nothing(self) -> None:
        outcome = self.outcome_of(LeavingMixin, found=[])
        self.assertEqual(outcome.failed, {})
        self.assertEqual(self.case.found, [False] * 4)

    def test_a_phase_that_fails_from_another_seed(self) -> None:
        outcome = self.outcome_of(NeedsItsSeedMixin)
        self.assertEqual(outcome.failed, {})
        (what,) = self.case.not_observed
        self.assertRegex(
            what,
            r"what is right only because every phase starts from seed 42 "
            r"\(another start: \w+: the resume phase failed: RuntimeError: another seed\)",
        )

    def test_where_the_process_itself_remembers(self) -> None:
        outcome = self.outcome_of(RemembersMixin)
        self.assertEqual(outcome.failed, {})
        self.assertIn("_READ", outcome.skipped_for["process_state"])
        self.assertIn(
            '(another start: training has changed what only this process holds; isolation = "process" shows it)',
            self.case.not_observed[0],
        )

    def test_a_phase_that_loads_something_else(self) -> None:
        checkpoint = classmethod(lambda cls: None if cls._is_reseeded else cls._checkpoint_left_by(0))
        outcome = self.outcome_of(KeepsFindingsMixin, module=Features, resume_checkpoint=checkpoint)
        self.assertEqual(outcome.failed, {})
        self.assertIn("(another start: it did not load the checkpoint of step 3)", self.case.not_observed[0])


if __name__ == "__main__":
    unittest.main()
