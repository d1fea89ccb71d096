"""Negative controls on the real stack: each fault fails where it should, and its root cause is named."""

from __future__ import annotations

import io
import pickle
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from stopgo_mixins import Mode, Preemption, require_nemo
from tests.megatron.cases import GPTMixin, first_differences, root_causes
from tests.outcome import Outcome, run

CONSEQUENCES = {
    "train_loss",
    "train_output",
    "gradients",
    "optimizer_state",
    "parameters",
    "valid_loss",
    "valid_output",
    "logged_metrics",
}


class _FaultCase(unittest.TestCase):
    def outcome(self, case: type[GPTMixin]) -> Outcome:
        outcome = run(case)
        self.assertEqual(outcome.error, "")
        return outcome

    def assert_root_causes(self, outcome: Outcome, *metrics: str) -> None:
        """Demands that just these metrics are root causes, and all others follow from them."""
        self.assertEqual(root_causes(outcome.failed), set(metrics))


@require_nemo
class TestFaults(_FaultCase):
    def test_data_module_forgets_its_consumed_samples(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                from examples.megatron_text import ByteTextDataModule

                class Forgetful(ByteTextDataModule):
                    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
                        pass

                model, _, optimizer = super().setup_model(mode)
                return model, Forgetful(), optimizer

        outcome = self.outcome(Case)
        first = first_differences(outcome.failed)
        self.assertEqual(first.pop("consumed_samples"), "state 4")
        self.assertEqual(first.pop("train_input"), "step 5")
        self.assertLessEqual(set(first), CONSEQUENCES | {"sample_exposure"})
        self.assertIn("the data restarted", outcome.failed["train_input"])
        self.assertIn("claims 0 consumed training samples", outcome.failed["train_val_init_consumed_samples"])
        self.assert_root_causes(outcome, "consumed_samples", "train_input")

    def test_data_module_saves_more_samples_than_were_consumed(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                from examples.megatron_text import ByteTextDataModule

                class CountsFromTheStart(ByteTextDataModule):
                    init_global_step = 0

                    def state_dict(self) -> dict[str, Any]:
                        steps = self.trainer.global_step - self.init_global_step
                        return {"consumed_samples": self.data_sampler.compute_consumed_samples(steps)}

                model, _, optimizer = super().setup_model(mode)
                return model, CountsFromTheStart(), optimizer

        outcome = self.outcome(Case)
        # The sampler is right, and with it everything that this resume trains on.
        self.assertEqual(first_differences(outcome.failed), {"consumed_samples": "state 4"})
        self.assertIn("['data module'] is 32 instead of 16", outcome.failed["consumed_samples"])
        self.assert_root_causes(outcome, "consumed_samples")

    def test_a_data_module_without_a_count_claims_nothing(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                from examples.megatron_text import ByteTextDataModule

                class KeepsNothing(ByteTextDataModule):
                    def state_dict(self) -> dict[str, Any]:
                        return {}

                model, _, optimizer = super().setup_model(mode)
                return model, KeepsNothing(), optimizer

        outcome = self.outcome(Case)
        self.assertIn("the counter is back at 0 instead of 16", outcome.failed["consumed_samples"])
        self.assertNotIn("data module", outcome.failed["consumed_samples"])

    def test_optimizer_is_not_loaded(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            precision = "bf16-mixed"

            @classmethod
            def strategy_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().strategy_arguments(mode), "ckpt_load_optimizer": False}

        outcome = self.outcome(Case)
        first = first_differences(outcome.failed)
        self.assertEqual(first.pop("optimizer_state"), "state 4")
        self.assertEqual(first.pop("learning_rate"), "state 4")
        # The first resumed loss is equal: the weights are restored, and the update is what goes wrong.
        self.assertEqual(first.pop("parameters"), "state 5")
        self.assertEqual(first.pop("train_loss"), "step 6")
        self.assertLessEqual(set(first), CONSEQUENCES)
        self.assert_root_causes(outcome, "optimizer_state", "learning_rate")

    def test_dropout_without_the_remedy(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            dropout = 0.1
            rng_remedy = False

        outcome = self.outcome(Case)
        first = first_differences(outcome.failed)
        self.assertEqual(first.pop("rng_state"), "state 4")
        self.assertEqual(first.pop("train_output"), "step 5")
        self.assertLessEqual(set(first), CONSEQUENCES)
        self.assertNotIn("train_input", outcome.failed)
        self.assertIn("torch: the generator was not restored", outcome.failed["rng_state"])
        self.assert_root_causes(outcome, "rng_state")

    def test_resume_silently_starts_from_scratch(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def setup_resume(cls, mode: Mode) -> Any:
                return super().setup_resume(Mode.STOP if mode is Mode.RESUME else mode)

        outcome = self.outcome(Case)
        self.assertEqual(set(outcome.failed), {"resume_point", "number_of_steps", "train_val_init_consumed_samples"})
        self.assertIn("loaded no checkpoint", outcome.failed["resume_point"])
        # All losses are equal, and yet none of them is believed.
        self.assertIn("loaded no checkpoint", outcome.skipped_for["train_loss"])
        self.assertEqual(outcome.passed, {"process_state"})  # which is no metric of the run

    def test_checkpoint_before_the_validation_of_the_same_step(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruption = Preemption(step=4)

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "check_val_every_n_epoch": 1}

        outcome = self.outcome(Case)
        first = first_differences(outcome.failed)
        self.assertEqual(first["validation_schedule"], "step 4")
        self.assertEqual(set(first) & {"parameters", "train_loss", "optimizer_state", "train_input"}, set())

    def test_one_tensor_of_the_checkpoint_changed_on_disk(self) -> None:
        name = "decoder.final_layernorm.bias"

        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def resume(cls) -> None:
                change_tensor(Path(cls.resume_checkpoint()) / "weights", f"module.{name}")
                super().resume()

        outcome = self.outcome(Case)
        first = first_differences(outcome.failed)
        self.assertEqual(first.pop("parameters"), "state 4")
        self.assertIn(f"['{name}']", outcome.failed["parameters"].splitlines()[1])
        self.assertEqual(first.pop("train_loss"), "step 5")
        self.assertLessEqual(set(first), CONSEQUENCES)
        self.assert_root_causes(outcome, "parameters")


def change_tensor(checkpoint: Path, name: str) -> None:
    """Adds one to the first element of a tensor in a ``torch_dist`` checkpoint, where it lies on disk."""
    metadata = pickle.loads((checkpoint / ".metadata").read_bytes())
    [place] = [place for index, place in metadata.storage_data.items() if index.fqn == name]
    with (checkpoint / place.relative_path).open("r+b") as file:
        file.seek(place.offset)
        tensor = torch.load(io.BytesIO(file.read(place.length)), weights_only=True)
        tensor.view(-1)[0] += 1
        changed = io.BytesIO()
        torch.save(tensor, changed)
        if len(changed.getvalue()) != place.length:
            raise ValueError(f"{name} would take another number of bytes than it has in {place.relative_path}")
        file.seek(place.offset)
        file.write(changed.getvalue())
