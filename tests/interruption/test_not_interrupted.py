"""Why a run that was to be interrupted was not: each mistake has words of its own, and an advice that helps."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader

from stopgo_mixins import AfterValidation, AmidAccumulation, AtEpochEnd, AtStep, InsideValidation, Mode, Preemption
from tests.bridge.test_loop import TinyLoopMixin
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders

NEVER = "Subject: the stop phase was not interrupted: it ended after 5 of 5 steps, before AfterValidation(number=1)"


class SubjectMixin(TinyMixin, abstract=True):
    interruption = AfterValidation()
    module: ClassVar[type[LightningModule]] = TinyModule
    changes: ClassVar[dict[str, Any]] = {}

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(), tiny_loaders()

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        return Trainer(**{**cls.trainer_arguments(mode), **cls.changes})


class WithoutValidationStep(TinyModule):
    validation_step = LightningModule.validation_step


class OnlyTraining(LightningDataModule):
    def train_dataloader(self) -> DataLoader[Any]:
        return tiny_loaders()[0]


class EmptyValidation(OnlyTraining):
    def val_dataloader(self) -> list[DataLoader[Any]]:
        return []


class TestNoValidation(unittest.TestCase):
    def check(self, why: str, **attributes: Any) -> None:
        self.assertIn(f"{NEVER} was due. {why} Write, for example, interruption = AtStep(2).", self.error(**attributes))
        outcome = run(concrete(SubjectMixin, **{**attributes, "interruption": AtStep(2)}), ["resume_point"])
        self.assertEqual((outcome.passed, outcome.error), ({"resume_point"}, ""))

    def error(self, **attributes: Any) -> str:
        return run(concrete(SubjectMixin, **attributes)).error

    def data(self, made: Any) -> Any:
        return classmethod(lambda cls, mode: (cls.module(), made()))

    def test_the_module_has_no_step_for_it(self) -> None:
        self.check("No validation ran: WithoutValidationStep has no validation_step.", module=WithoutValidationStep)

    def test_there_is_no_loader(self) -> None:
        sentence = "No validation ran: there is no validation loader: let setup_model return one with the data."
        self.check(sentence, setup_model=self.data(lambda: tiny_loaders()[0]))
        self.check(sentence, setup_model=self.data(OnlyTraining))

    def test_the_loader_is_empty(self) -> None:
        self.check("No validation ran: the validation loader has no batch.", setup_model=self.data(EmptyValidation))

    def test_the_limit_of_batches_is_none(self) -> None:
        sentence = "No validation ran: the trainer has limit_val_batches = 0."
        self.check(sentence, limit_val_batches=0)
        self.check(sentence, changes={"limit_val_batches": 0})

    def test_the_interval_is_too_long(self) -> None:
        self.check(
            "No validation ran: the trainer validates every 100 batches, and the run has 5.", val_check_interval=100
        )
        epochs = {"val_check_interval": None, "check_val_every_n_epoch": 3}
        self.check("No validation ran: the trainer validates every 3 epochs, and the run has 2.", changes=epochs)

    def test_a_loop_that_does_not_tell_why(self) -> None:
        error = run(concrete(TinyLoopMixin, interruption=AfterValidation(), val_check_interval=100)).error
        self.assertIn(
            "No validation ran, since none was due: let val_check_interval be small enough for 1 of them before the "
            "last step. Write, for example, interruption = AtStep(3).",
            error,
        )


class TestOtherwise(unittest.TestCase):
    def error(self, **attributes: Any) -> str:
        return run(concrete(SubjectMixin, **attributes)).error

    def test_the_trainer_ended_by_itself(self) -> None:
        for limit in ({"max_steps": 2}, {"limit_train_batches": 2, "max_epochs": 1, "max_steps": -1}):
            error = self.error(interruption=AtStep(3), changes=limit)
            self.assertIn(
                "the stop phase was not interrupted: it ended after 2 of 5 steps, before AtStep(step=3) was due. The "
                "trainer ended by itself: let the one that setup_trainer returns make cls.num_steps updates, and let "
                "no smaller limit of epochs, batches or time end it before.",
                error,
            )

    def test_too_few_validations(self) -> None:
        error = self.error(interruption=AfterValidation(3))
        self.assertIn("The run has had 2 validations, counting one that came with its last step.", error)
        error = self.error(interruption=AfterValidation(1), val_check_interval=5)
        self.assertIn("The run has had 1 validation, counting one that came with its last step.", error)
        error = self.error(interruption=InsideValidation(1, batches=3))
        self.assertIn("The run has had 2 validations", error)

    def test_too_few_epochs(self) -> None:
        error = self.error(interruption=AtEpochEnd(2))
        self.assertIn("The run has had 2 epochs, counting one that ended with its last step. Write, for", error)

    def test_a_place_that_there_is_not(self) -> None:
        error = self.error(interruption=AmidAccumulation(2))
        self.assertIn("It is not due at any moment before the last step at which a checkpoint can be written.", error)

    def test_of_a_continuous_run_that_does_not_come_past(self) -> None:
        error = self.error(stop_phase=False, interruption=AfterValidation(9))
        self.assertIn("it ended after 5 of 5 steps, before AfterValidation(number=9) was due. The run has had 2", error)


class TestAnInterruptionThatOnlyOneTrainerCanCarryOut(unittest.TestCase):
    def test_is_refused_by_the_others(self) -> None:
        for attributes, attribute in (
            ({"interruption": Preemption(3)}, "interruption"),
            ({"interruptions": (AtStep(1), Preemption(3))}, r"interruptions\[1\]"),
        ):
            for mixin in (TinyMixin, TinyLoopMixin):
                with self.assertRaisesRegex(
                    TypeError,
                    rf"\.{attribute} is Preemption\(step=3.*\), which would never be due: only MegatronStopAndGoMixin "
                    r"can carry it out\. Write AtStep\(k, by=signal\.SIGTERM\) for a signal",
                ):
                    concrete(mixin, **attributes)


if __name__ == "__main__":
    unittest.main()
