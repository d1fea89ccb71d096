"""What a module has to keep: parameters, buffers, extra state."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins import Mode
from stopgo_mixins.events import TrainingState
from stopgo_mixins.recorders.model import ExtraStateRecorder
from tests.recorders.breaking import FIRST_RESUMED, RESTORED, EditedCheckpointMixin, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class Scale(nn.Module):
    """Multiplies by a number that grows with every training batch, kept as fp8 recipes keep theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 1.0

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.scale *= 1.25
        return inputs * self.scale

    def get_extra_state(self) -> dict[str, float]:
        return {"scale": self.scale}

    def set_extra_state(self, state: dict[str, float]) -> None:
        self.scale = state["scale"]


class _ScaledModule(TinyModule):
    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.body.append(Scale())


class _ExtraStateMixin(EditedCheckpointMixin, abstract=True):
    extra_state: dict[str, float] | None = None

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _ScaledModule(cls.lr), tiny_loaders()

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        if cls.extra_state is not None:
            checkpoint["state_dict"]["body.3._extra_state"] = cls.extra_state


class _LostTensorMixin(EditedCheckpointMixin, abstract=True):
    name: str

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        torch.nn.init.zeros_(checkpoint["state_dict"][cls.name])


class TestExtraState(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_ExtraStateMixin), "extra_state")

    def test_lost(self) -> None:
        outcome = self.outcome_of(_ExtraStateMixin, extra_state={"scale": 1.0})
        self.assert_fails_first(outcome, "extra_state", RESTORED, "['body.3']['scale']")
        self.assertEqual(self.first_place("train_output"), FIRST_RESUMED)

    def test_not_applicable(self) -> None:
        outcome = self.outcome_of(TinyMixin)
        self.assertEqual(
            outcome.skipped_for["extra_state"], "extra_state is not applicable: no module has an extra state"
        )

    def test_a_stream_of_bytes_is_recorded_as_its_bytes(self) -> None:
        class Streaming(nn.Module):
            def get_extra_state(self) -> io.BytesIO:
                return io.BytesIO(b"scales")

        class State(TrainingState):
            model = Streaming()

        self.assertEqual(ExtraStateRecorder().read(State()), {"": b"scales"})


class TestTensors(MetricCase):
    def test_a_buffer_lost(self) -> None:
        outcome = self.outcome_of(_LostTensorMixin, name="body.1.running_mean")
        self.assert_fails_first(outcome, "buffers", RESTORED, "['body.1.running_mean']")
        # Statistics are read in validation only, so nothing that is trained goes wrong.
        self.assertEqual(set(outcome.failed), {"buffers", "valid_output", "valid_loss", "logged_metrics"})

    def test_a_parameter_lost(self) -> None:
        outcome = self.outcome_of(_LostTensorMixin, name="head.bias")
        self.assert_fails_first(outcome, "parameters", RESTORED, "['head.bias']")
        self.assertEqual(self.first_place("optimizer_state"), "state 4")
