"""Why a fault survives, or does not apply: what is said is true, and following the advice helps."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stopgo_mixins import AtStep, Mode, faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults import Fault
from stopgo_mixins.trials.outcome import Outcome, Status
from stopgo_mixins.trials.survey import survey
from tests.tiny import BATCHES_PER_EPOCH, TinyMixin, TinyModule, tiny_loaders, tiny_samples


class ScheduledByEpoch(TinyModule):
    """The learning rate changes at the end of an epoch; there are two groups."""

    weight_decay = 0.01

    def configure_optimizers(self) -> Any:
        groups = [
            {"params": self.body.parameters(), "weight_decay": self.weight_decay},
            {"params": self.head.parameters()},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.lr)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
        per_epoch = {"scheduler": scheduler, "interval": "step", "frequency": BATCHES_PER_EPOCH}
        return {"optimizer": optimizer, "lr_scheduler": per_epoch}


class SeveralWeightDecays(ScheduledByEpoch):
    weight_decay = 0.1


class ConstantBuffer(TinyModule):
    """Its only buffer is never written to."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
        self.register_buffer("scale", torch.ones(1))


class Subject(TinyMixin, abstract=True):
    module: ClassVar[type[TinyModule]] = TinyModule
    validation_samples: ClassVar[int] = 4

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        training, _ = tiny_loaders()
        return cls.module(cls.lr), (training, DataLoader(tiny_samples(cls.validation_samples), batch_size=2))


def outcome_of(fault: Fault, **attributes: Any) -> Outcome:
    subject = type("Subject", (Subject, unittest.TestCase), {"__module__": __name__, **attributes})
    (outcome,) = survey(subject, [fault]).outcomes
    return outcome


class TestSurvivors(unittest.TestCase):
    def assert_survives(self, fault: Fault, reason: str, **attributes: Any) -> None:
        outcome = outcome_of(fault, **attributes)
        self.assertEqual(outcome.status, Status.SURVIVED)
        self.assertIn(reason, outcome.reason)

    def assert_caught(self, fault: Fault, **attributes: Any) -> None:
        outcome = outcome_of(fault, **attributes)
        self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()), outcome.reason)

    def test_every_group_has_the_weight_decay_of_the_constructor(self) -> None:
        fault = faults.HYPER_PARAMETERS_FROM_CONSTRUCTOR
        self.assert_survives(fault, "every parameter group has the weight decay 0.01", module=ScheduledByEpoch)
        self.assert_caught(fault, module=SeveralWeightDecays)

    def test_the_schedule_is_at_its_start(self) -> None:
        fault = faults.SCHEDULER_NOT_RESTORED
        reason = "the schedule at the resume point 3 is where it was at step 0"
        self.assert_survives(fault, reason, module=ScheduledByEpoch)
        self.assert_caught(fault, module=ScheduledByEpoch, num_steps=10, interruption=AtStep(BATCHES_PER_EPOCH + 1))

    def test_no_buffer_has_changed(self) -> None:
        self.assert_survives(faults.BUFFERS_LOST, "no buffer has changed before the resume", module=ConstantBuffer)
        self.assert_caught(faults.BUFFERS_LOST)

    def test_a_validation_of_one_batch(self) -> None:
        for fault in (faults.VALIDATION_READS_OTHERS, faults.VALIDATION_CUT):
            self.assert_survives(fault, "each validation reads one batch only", validation_samples=2)
            self.assert_caught(fault)

    def test_a_stream_from_which_nothing_is_drawn(self) -> None:
        for fault in (faults.PYTHON_RNG_NOT_RESTORED, faults.NUMPY_RNG_NOT_RESTORED):
            self.assert_survives(fault, "nothing has drawn from the stream")
            self.assert_caught(fault, resume_seed=7)

    def test_the_run_ends_with_the_epoch_that_is_resumed(self) -> None:
        fault = faults.SKIPPED_IN_EVERY_EPOCH
        reason = "which lasts until step 4. Set num_steps = 8, for a whole one after it."
        outcome = outcome_of(fault, num_steps=4)
        self.assertEqual(outcome.status, Status.NOT_APPLICABLE)
        self.assertIn(reason, outcome.reason)
        self.assert_caught(fault, num_steps=8)

    def test_the_same_of_a_second_epoch_and_windows_of_two(self) -> None:
        class Windows(Subject, unittest.TestCase):
            interruption = AtStep(3)
            val_check_interval = None

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                return {**super().trainer_arguments(mode), "accumulate_grad_batches": 2}

        for num_steps, status in ((4, Status.NOT_APPLICABLE), (6, Status.CAUGHT)):
            case = type("Windows", (Windows,), {"num_steps": num_steps, "__module__": __name__})
            (outcome,) = survey(case, [faults.SKIPPED_IN_EVERY_EPOCH]).outcomes
            self.assertEqual(outcome.status, status, outcome.reason)
            self.assertIn("" if outcome.tests else "until step 4. Set num_steps = 6", outcome.reason)

    def test_data_that_restart_by_another_seed(self) -> None:
        self.assert_caught(faults.DATA_RESTARTED, resume_seed=7)

    def test_a_scaler_that_is_back_where_it_began(self) -> None:
        run = mock.Mock(resume_point=3)
        run.digests.side_effect = lambda metric, step: {"[0]['scale']": "1"}
        self.assertIn("what they were at step 0", faults.SCALER_LOST.unseen(run) or "")
        run.digests.side_effect = lambda metric, step: {"[0]['scale']": str(step)}
        self.assertIsNone(faults.SCALER_LOST.unseen(run))


class TwoOptimizers(TinyModule):
    """In manual optimization, in which Lightning counts the steps of both."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.automatic_optimization = False

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()
        return loss

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), lr=self.lr) for part in (self.body, self.head)]


class TestTwoOptimizers(unittest.TestCase):
    def test_a_resume_that_trains_nothing(self) -> None:
        outcome = outcome_of(faults.NOTHING_TRAINED, module=TwoOptimizers)
        self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
        self.assertEqual(outcome.tests[0].name, "test_number_of_steps")

    def test_a_global_step_that_is_one_too_large(self) -> None:
        outcome = outcome_of(faults.GLOBAL_STEP_OFF_BY_ONE, module=TwoOptimizers)
        self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
        named = {cause.metric: cause.cause for cause in outcome.root_causes}
        self.assertEqual(named["global_step"], Cause.COUNTER_SHIFTED)


class TestNotApplicable(unittest.TestCase):
    def assert_not_applicable(self, fault: Fault, reason: str, **attributes: Any) -> None:
        outcome = outcome_of(fault, **attributes)
        self.assertEqual((outcome.status, outcome.tests), (Status.NOT_APPLICABLE, ()))
        self.assertIn(reason, outcome.reason)

    def test_nothing_to_break(self) -> None:
        for fault, reason in (
            (faults.EXTRA_STATE_LOST, "no module has an extra state"),
            (faults.AVERAGED_WEIGHTS_LOST, "no averaged weights were found"),
            (faults.ATTRIBUTES_LOST, "apart from what has a metric of its own, nothing that is reached has changed"),
            (faults.SCALER_LOST, "the checkpoint holds no gradient scaler"),
            (faults.MASTER_WEIGHTS_ROUNDED, "the optimizers keep no master weights"),
            (faults.OLDER_CHECKPOINT, "the stop phase left no older checkpoint"),
            (faults.FIRST_PERMUTATION_REUSED, "interrupted in its first epoch: interrupt it in a later one"),
            (faults.EPOCH_REPLAYED, "not interrupted at the end of an epoch: interrupt it there"),
        ):
            with self.subTest(fault=fault.id):
                self.assert_not_applicable(fault, reason)

    def test_an_interruption_at_the_end_of_an_epoch(self) -> None:
        at_end = AtStep(BATCHES_PER_EPOCH)
        for fault in (faults.SKIPPED_IN_EVERY_EPOCH, faults.RESHUFFLED_THEN_SKIPPED):
            self.assert_not_applicable(fault, "interrupt it within one", interruption=at_end, val_check_interval=3)

    def test_a_run_that_ends_in_the_epoch_of_the_interruption(self) -> None:
        fault, reason = faults.SKIPPED_IN_EVERY_EPOCH, "the run ends in the epoch in which it is interrupted"
        for num_steps in (BATCHES_PER_EPOCH - 1, BATCHES_PER_EPOCH):
            self.assert_not_applicable(fault, reason, num_steps=num_steps, interruption=AtStep(2), val_check_interval=1)
        self.assertEqual(outcome_of(fault, num_steps=BATCHES_PER_EPOCH + 1).status, Status.CAUGHT)

    def test_validations_after_every_batch(self) -> None:
        reason = "validations come too often"
        self.assert_not_applicable(faults.VALIDATION_SHIFTED, reason, val_check_interval=1)
