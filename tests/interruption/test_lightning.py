"""Where Lightning's stop phase ends, which checkpoint it leaves, and what resuming from it compares."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any, ClassVar

import lightning
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from stopgo_mixins import AfterValidation, AmidAccumulation, AtEpochEnd, AtStep, InsideValidation, Mode
from stopgo_mixins.trace.store import Trace
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin, TinyModule

REPEATS_VALIDATION = {"validation_schedule"} if lightning.__version__.startswith("2.4.") else set()
"""What a run interrupted at a validation fails on 2.4, which runs that validation again; see the matrix in the docs."""


class NotingMixin(TinyMixin, abstract=True):
    """Notes where the phases began and ended; the trainer can be given callbacks of its own."""

    make_callbacks: ClassVar[Callable[[], list[Any]]] = staticmethod(list)
    changes: ClassVar[dict[str, Any]] = {}
    made: ClassVar[dict[Mode, list[int]]]
    interrupted: ClassVar[dict[str, Any]]
    saved: ClassVar[list[str]]
    loaded: ClassVar[str]
    provoked: ClassVar[set[int]]
    ended: ClassVar[dict[Mode, list[int]]]

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        arguments = cls.trainer_arguments(mode)
        arguments["callbacks"] += cls.make_callbacks()
        return Trainer(**{**arguments, **cls.changes})

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        traces = {mode: cls.trace(mode) for mode in Mode}
        cls.made = {mode: [event["update"] for event in trace.events("step_end")] for mode, trace in traces.items()}
        (cls.interrupted,) = traces[Mode.STOP].events("interrupted")
        cls.saved = [event["path"].rpartition("/")[2] for event in traces[Mode.STOP].events("checkpoint_saved")]
        losses = traces[Mode.STOP].ranks[0].records("valid_loss")
        cls.provoked = {record.key.step for record in losses if record.provoked}
        cls.ended = {mode: [event["update"] for event in trace.events("phase_end")] for mode, trace in traces.items()}
        cls.loaded = traces[Mode.RESUME].events("checkpoint_loaded")[0]["path"]


class ChainMixin(TinyMixin, abstract=True):
    """Interrupted twice; notes what each leg made and loaded, and may forget its data's position the second time."""

    num_steps = 7
    interruptions = (AtStep(1), AtStep(5))
    forgets_second: ClassVar[bool] = False
    made: ClassVar[list[list[int]]]
    loaded: ClassVar[list[str]]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        model, (train, validation) = super().setup_model(mode)
        if cls.forgets_second and mode is Mode.RESUME and "step-5" in str(cls.resume_checkpoint()):
            train.load_state_dict = lambda state: None
        return model, (train, validation)

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        traces = [Trace(directory) for _, directory in cls.legs()]
        cls.made = [[event["update"] for event in trace.events("step_end")] for trace in traces]
        loaded = [event["path"] for trace in traces for event in trace.events("checkpoint_loaded")]
        cls.loaded = [path.rpartition("/")[2] for path in loaded]


class InterruptionCase(unittest.TestCase):
    def assert_clean(self, outcome: Outcome, failed: set[str] = frozenset()) -> None:
        self.assertEqual((set(outcome.failed), outcome.error), (failed, ""))


class TestMoments(InterruptionCase):
    def test_at_a_step(self) -> None:
        case = concrete(NotingMixin)
        self.assert_clean(run(case))
        self.assertEqual(case.made, {Mode.STOP: [1, 2, 3], Mode.RESUME: [4, 5], Mode.CONTINUOUS: [1, 2, 3, 4, 5]})
        self.assertEqual(case.ended, {Mode.STOP: [3], Mode.RESUME: [5], Mode.CONTINUOUS: [5]})
        self.assertEqual(case.interrupted["update"], 3)
        self.assertEqual(case.loaded, case.interrupted["path"])
        self.assertTrue(case.loaded.endswith("/interrupted/stopgo-checkpoints/step-3.ckpt"), case.loaded)

    def test_after_a_later_validation(self) -> None:
        case = concrete(NotingMixin, interruption=AfterValidation(2))
        self.assert_clean(run(case), REPEATS_VALIDATION)
        self.assertEqual(case.made[Mode.STOP], [1, 2, 3, 4])

    def test_without_any_validation_at_an_epochs_end(self) -> None:
        case = concrete(NotingMixin, val_check_interval=None, interruption=AtStep(4))
        outcome = run(case)
        self.assert_clean(outcome)
        self.assertEqual(outcome.skipped_for["valid_loss"], "valid_loss is not applicable: no validation ran")
        self.assertEqual(case.made[Mode.RESUME], [5])

    def test_a_module_that_logs_nothing(self) -> None:
        class Silent(TinyModule):
            log = LightningModule.log_dict  # would raise
            validation_step = TinyModule.training_step

        case = concrete(
            NotingMixin,
            interruption=AfterValidation(),
            setup_model=classmethod(lambda cls, mode: (Silent(), TinyMixin.setup_model(mode)[1])),
        )
        outcome = run(case)
        self.assert_clean(outcome, REPEATS_VALIDATION)
        self.assertIn("valid_loss", outcome.passed)

    def test_inside_an_accumulation_window_gradients_are_lost(self) -> None:
        """A bug of Lightning: what was accumulated before the checkpoint is not in it."""
        case = concrete(
            NotingMixin,
            num_steps=4,
            val_check_interval=3,
            interruption=AfterValidation(),
            changes={"accumulate_grad_batches": 2},
        )
        message = run(case).failed["gradients"]
        self.assertEqual(case.interrupted["update"], 1)
        self.assertRegex(message, r"root cause of this run: gradients at step 2 \(the first after the resume at 1\)")


class TestShouldStop(InterruptionCase):
    def test_ends_the_run_by_itself(self) -> None:
        case = concrete(NotingMixin, interruption=AtStep(3, by="should_stop"))
        self.assert_clean(run(case))
        self.assertEqual((case.made[Mode.STOP], case.provoked), ([1, 2, 3], set()))
        self.assertEqual(case.ended[Mode.STOP], [3])

    def test_what_only_stopping_provokes_is_left_out(self) -> None:
        """Told to stop where a user's callback has written a checkpoint, Lightning validates once more."""
        case = concrete(
            NotingMixin,
            interruption=AtStep(3, by="should_stop"),
            make_callbacks=lambda: [ModelCheckpoint(every_n_train_steps=3)],
        )
        outcome = run(case)
        self.assertEqual((case.made[Mode.STOP], case.provoked), ([1, 2, 3], {3}))
        self.assertIn("valid_loss", outcome.passed)
        self.assertIn("validation_schedule", outcome.passed)


class TestCheckpointsOfTheUser(InterruptionCase):
    def test_the_one_just_written_is_loaded(self) -> None:
        case = concrete(
            NotingMixin,
            num_steps=7,
            interruption=AfterValidation(2),
            make_callbacks=lambda: [ModelCheckpoint(save_last=True, monitor="val_loss", save_top_k=2)],
        )
        self.assert_clean(run(case), REPEATS_VALIDATION)
        self.assertIn(case.loaded.rpartition("/")[2], case.saved)
        self.assertNotIn("stopgo-checkpoints", case.loaded)

    def test_weights_alone_are_nothing_to_resume_from(self) -> None:
        case = concrete(
            NotingMixin, make_callbacks=lambda: [ModelCheckpoint(every_n_train_steps=1, save_weights_only=True)]
        )
        self.assert_clean(run(case))
        self.assertEqual(case.saved, ["step-3.ckpt"])

    def test_an_older_one_is_caught(self) -> None:
        case = concrete(
            NotingMixin,
            make_callbacks=lambda: [ModelCheckpoint(filename="{step}", every_n_train_steps=2, save_top_k=-1)],
            resume_checkpoint=classmethod(_oldest_checkpoint),
        )
        outcome = run(case)
        self.assertRegex(
            outcome.failed["resume_point"],
            r"test_resume_point: the resume phase loaded .*/step=2\.ckpt of step 2; the newest checkpoint that the "
            r"stop phase wrote is .*/step-3\.ckpt of step 3\.",
        )
        self.assertEqual(case.made[Mode.RESUME], [3, 4, 5])


def _oldest_checkpoint(cls: Any) -> str:
    return str(cls.trace(Mode.STOP).events("checkpoint_saved")[0]["path"])


class TestFurtherPlaces(InterruptionCase):
    """Where a checkpoint can be written, although no trainer would choose it; what it does to the run is measured."""

    def test_exactly_at_an_epochs_end(self) -> None:
        case = concrete(NotingMixin, interruption=AtEpochEnd())
        self.assert_clean(run(case), REPEATS_VALIDATION)
        self.assertEqual(case.made, {Mode.STOP: [1, 2, 3, 4], Mode.RESUME: [5], Mode.CONTINUOUS: [1, 2, 3, 4, 5]})

    def test_amid_accumulation_the_gradients_so_far_are_lost(self) -> None:
        case = concrete(
            NotingMixin,
            num_steps=4,
            val_check_interval=None,
            interruption=AmidAccumulation(2),
            changes={"accumulate_grad_batches": 2},
        )
        message = run(case).failed["gradients"]
        self.assertEqual(case.made[Mode.STOP], [1])
        self.assertRegex(message, r"root cause of this run: gradients at step 2 \(the first after the resume at 1\)")
        self.assertIn('explain "accumulated gradients lost"', message)

    def test_inside_a_validation(self) -> None:
        case = concrete(NotingMixin, num_steps=7, interruption=InsideValidation(2))
        outcome = run(case)
        self.assertEqual((outcome.error, case.made[Mode.STOP]), ("", [1, 2, 3, 4]))
        self.assertIn("parameters", outcome.passed)

    def test_updates_past_the_checkpoint_are_made_again(self) -> None:
        case = concrete(NotingMixin, num_steps=7, val_check_interval=4, interruption=AtStep(5, past=1))
        self.assert_clean(run(case))
        self.assertEqual((case.made[Mode.STOP], case.made[Mode.RESUME]), ([1, 2, 3, 4, 5, 6], [6, 7]))
        self.assertEqual((case.interrupted["update"], case.interrupted["saved_at"]), (6, 5))

    def test_a_checkpoint_that_the_trainer_writes_meanwhile_is_the_newest(self) -> None:
        case = concrete(NotingMixin, num_steps=7, interruption=AtStep(3, past=2))
        self.assert_clean(run(case), REPEATS_VALIDATION)
        self.assertEqual((case.interrupted["update"], case.interrupted["saved_at"]), (5, 4))
        self.assertEqual(case.made[Mode.RESUME], [5, 6, 7])


class TestChains(InterruptionCase):
    def test_each_leg_continues_from_the_one_before(self) -> None:
        case: Any = concrete(ChainMixin)
        self.assert_clean(run(case))
        self.assertEqual(case.made, [[1], [2, 3, 4, 5], [6, 7]])
        self.assertEqual(case.loaded, ["step-1.ckpt", "step-5.ckpt"])

    def test_validations_and_epochs_are_counted_over_all_legs(self) -> None:
        case: Any = concrete(ChainMixin, interruptions=(AtStep(1), AfterValidation(2), AtEpochEnd(2)), num_steps=10)
        outcome = run(case)
        # Lightning logs validations one step too late once a checkpoint was written behind the one that ends an epoch.
        self.assert_clean(outcome, REPEATS_VALIDATION | {"logged_metrics"})
        self.assertIn("at step 10 of resume phase 3, validation end 0", outcome.failed["logged_metrics"])
        self.assertEqual([leg[-1] for leg in case.made], [1, 4, 8, 10])

    def test_a_data_restart_after_the_second_resume_only(self) -> None:
        outcome = run(concrete(ChainMixin, forgets_second=True))
        self.assertIn("the data restarted", outcome.failed["train_input"])
        self.assertIn("resume phase 2", outcome.failed["train_input"])

    def test_the_first_checkpoint_loaded_again(self) -> None:
        outcome = run(concrete(ChainMixin, resume_checkpoint=classmethod(_oldest_checkpoint)))
        self.assertRegex(outcome.failed["resume_point"], r"loaded .*/step-1\.ckpt of step 1; the newest checkpoint")

    def test_what_cannot_be_a_chain(self) -> None:
        with self.assertRaisesRegex(TypeError, r"interruptions is \[.*\]: write a tuple, such as"):
            concrete(ChainMixin, interruptions=[AtStep(2)])
        with self.assertRaisesRegex(TypeError, r"interruptions are at the steps 4, 2: each must come after"):
            concrete(ChainMixin, interruptions=(AtStep(4), AtStep(2)))
        with self.assertRaisesRegex(TypeError, r"interruptions\[1\] = AtStep\(6, past=1\) leaves nothing to resume"):
            concrete(ChainMixin, interruptions=(AtStep(4), AtStep(6, past=1)))

    def test_a_leg_that_is_not_interrupted(self) -> None:
        outcome = run(concrete(ChainMixin, interruptions=(AtStep(1), AfterValidation(9))))
        self.assertIn("the resume phase was not interrupted: it ended after 7 of 7 steps", outcome.error)


class TestArguments(unittest.TestCase):
    def test_by_what(self) -> None:
        with self.assertRaisesRegex(ValueError, r"AtStep\(by='kill'\): by is 'exception', 'should_stop', or a signal"):
            AtStep(3, by="kill")
        with self.assertRaisesRegex(ValueError, r"AfterValidation\(past=-1\): past is an integer of at least 0"):
            AfterValidation(past=-1)

    def test_a_number_is_at_least_one(self) -> None:
        for kind, name in ((AtStep, "step"), (AfterValidation, "number"), (AtEpochEnd, "number")):
            for value in (0, -1, True, 1.0, "2"):
                with self.subTest(kind=kind, value=value):
                    sentence = rf"{kind.__name__}\({name}={value!r}\): {name} is an integer of at least 1\."
                    with self.assertRaisesRegex(ValueError, sentence):
                        kind(value)


if __name__ == "__main__":
    unittest.main()
