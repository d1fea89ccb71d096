"""The digits model: what its tests say about three real faults."""

from __future__ import annotations

import unittest
from importlib.metadata import version
from typing import Any

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import LightningStopAndGoMixin, Mode, RngStateCallback
from tests.outcome import run

REPEATS_VALIDATIONS = version("lightning").startswith("2.4.")


class _DigitsMixin(LightningStopAndGoMixin, abstract=True):
    """Two epochs of six batches, interrupted in the first."""

    num_steps = 12
    val_check_interval = 4
    lr = 1e-3

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return DigitsClassifier(lr=cls.lr), DigitsDataModule()

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[RngStateCallback] = RngStateCallback()
        return callbacks


class TestDigits(unittest.TestCase):
    def test_as_usually_written(self) -> None:
        class Usual(_DigitsMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                return DigitsClassifier(lr=cls.lr), DigitsDataModule(stateful=False)

            @classmethod
            def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
                return LightningStopAndGoMixin.get_default_callbacks.__func__(cls)

        failed = run(Usual, ["train_loss", "rng_state", "train_input"]).failed
        repeated = r"validation_schedule \(validation repeated\), " if REPEATS_VALIDATIONS else ""
        causes = rf"{repeated}rng_state \(RNG not restored\), train_input \((data restarted|other samples)\)"
        self.assertRegex(failed["train_loss"], rf"^AssertionError: test_train_loss: consequence of {causes}; ")
        self.assertIn("\n  first at step 5 (the first after the resume at 4)", failed["train_loss"])
        self.assertIn('explain "RNG not restored"', failed["rng_state"])
        self.assertRegex(failed["train_input"], 'explain "(data restarted|other samples)"')
        for message in failed.values():
            self.assertLessEqual(len(message.splitlines()), 8)

    def test_a_resume_that_silently_starts_over(self) -> None:
        class Scratch(_DigitsMixin, unittest.TestCase):
            @classmethod
            def resume_checkpoint(cls) -> str | None:
                return None

        outcome = run(Scratch)
        sentence = (
            "the resume phase loaded no checkpoint: its bridge never called checkpoint_loaded. The stop phase wrote"
        )
        self.assertRegex(outcome.failed["resume_point"], sentence)
        self.assertRegex(
            outcome.failed["number_of_steps"], r"the resume phase ran 12 steps, expected 8 \(from 4 to 12\)"
        )
        self.assertRegex(
            outcome.skipped_for["train_loss"], "NOT VERIFIED: .* loaded no checkpoint: .*; .* is no evidence"
        )
        self.assertEqual(outcome.passed & {"train_loss", "parameters", "optimizer_state", "rng_state"}, set())

    def test_weights_that_were_saved_in_half_precision(self) -> None:
        class Half(_DigitsMixin, unittest.TestCase):
            @classmethod
            def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
                model, data = super().setup_model(mode)
                if mode is Mode.RESUME:
                    model.on_load_checkpoint = _rounded
                return model, data

        message = run(Half, ["parameters"]).failed["parameters"]
        self.assertIn(
            "root cause of this run: parameters at state 4 (restored), rank 0: ['features.0.weight']", message
        )
        self.assertRegex(message, r"\['features.0.weight'\].*: equal to .* after rounding them to bfloat16")


def _rounded(checkpoint: dict[str, Any]) -> None:
    weights = checkpoint["state_dict"]
    parameters = {name: value for name, value in weights.items() if name.endswith(("weight", "bias"))}
    weights.update({name: value.bfloat16().float() for name, value in parameters.items()})


if __name__ == "__main__":
    unittest.main()
