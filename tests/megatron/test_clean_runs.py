"""No false alarm on the real stack: every metric passes bit by bit."""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import AtStep, Mode, require_nemo
from tests.megatron import cases
from tests.megatron.cases import NOT_VARYING, GPTMixin
from tests.outcome import Outcome, run


class _CleanCase(unittest.TestCase):
    def assert_clean(self, case: type[GPTMixin], *skipped: str) -> Outcome:
        outcome = run(case)
        self.assertEqual(outcome.error, "")
        self.assertEqual(outcome.failed, {})
        self.assertEqual(set(outcome.skipped_for), {*NOT_VARYING, *skipped})
        for test, reason in NOT_VARYING.items():
            self.assertIn(reason, outcome.skipped_for[test])
        return outcome


@require_nemo
class TestCleanRuns(_CleanCase):
    def test_fp32(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            """As little as a user would write."""

        self.assert_clean(Case, "precision_state")

    def test_bf16_with_dropout_and_another_seed_for_the_resume(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            precision = "bf16-mixed"
            dropout = 0.1
            resume_seed = 7

        self.assert_clean(Case, "precision_state")

    def test_fp16_keeps_the_gradient_scaler(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            precision = "16-mixed"
            interruption = AtStep(step=5)  # between two validations; the bridge writes the checkpoint itself

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "num_sanity_val_steps": 2}  # as NeMo has it by default

        outcome = self.assert_clean(Case)
        self.assertIn("precision_state", outcome.passed)

    def test_legs_in_fresh_processes(self) -> None:
        self.assert_clean(cases.InProcesses, "precision_state")

    def test_a_mixture_of_experts(self) -> None:
        outcome = run(cases.MixtureOfExperts)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertLessEqual({"parameters", "optimizer_state", "train_loss"}, outcome.passed)


@require_nemo
class TestWhatIsRecorded(unittest.TestCase):
    """What the metrics of a clean run are made of."""

    class Case(GPTMixin, unittest.TestCase):
        precision = "bf16-mixed"

        @classmethod
        def run_stop_and_go(cls) -> None:
            super().run_stop_and_go()
            cls.paths = {metric: cls._paths(metric) for metric in cls.trace(Mode.CONTINUOUS).metrics}
            cls.horizons = {mode: cls._values("scheduler_state", "[0]['max_steps']", mode) for mode in Mode}

        @classmethod
        def _paths(cls, metric: str) -> set[str]:
            return {record.key.path for record in cls.trace(Mode.CONTINUOUS).ranks[0].records(metric)}

        @classmethod
        def _values(cls, metric: str, path: str, mode: Mode) -> set[object]:
            records = cls.trace(mode).ranks[0].records(metric)
            return {record.leaf.scalar for record in records if record.key.path == path}

    @classmethod
    def setUpClass(cls) -> None:
        run(cls.Case)

    def test_optimizer_state_by_parameter_name_with_main_copies_and_step(self) -> None:
        name = "decoder.layers.1.mlp.linear_fc2.weight"
        entries = {f"[0]['{name}']['{entry}']" for entry in ("main_parameter", "exp_avg", "exp_avg_sq", "step")}
        self.assertLessEqual(entries, self.Case.paths["optimizer_state"])

    def test_compute_weights_and_their_gradients_under_the_same_name(self) -> None:
        name = "['decoder.layers.1.mlp.linear_fc2.weight']"
        self.assertIn(name, self.Case.paths["parameters"])
        self.assertIn(name, self.Case.paths["gradients"])

    def test_every_child_of_the_model_is_observed(self) -> None:
        children = {"module['embedding'](0)", "module['decoder'](0)", "module['output_layer'](0)[0]", "returned"}
        self.assertLessEqual(children, self.Case.paths["train_output"])
        self.assertLessEqual(children, self.Case.paths["valid_output"])

    def test_inputs_are_those_of_the_model(self) -> None:
        inputs = {f"['{name}']" for name in ("tokens", "labels", "loss_mask", "position_ids", "attention_mask")}
        self.assertEqual(self.Case.paths["train_input"], inputs)

    def test_stopping_early_keeps_the_horizon_of_the_schedule(self) -> None:
        self.assertEqual(self.Case.horizons, {mode: {8} for mode in Mode})
