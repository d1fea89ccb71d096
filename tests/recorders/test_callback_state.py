"""The state of the user's callbacks, without what two equal runs may differ in."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, Timer

from stopgo_mixins import Mode, RngStateCallback
from tests.recorders.breaking import RESTORED, EditedCheckpointMixin, ExtraCallbacksMixin, MetricCase
from tests.tiny import TRUSTING, TinyMixin


class _Unrecordable(Callback):
    def state_dict(self) -> dict[str, object]:
        return {"handle": object}


class _CallbacksMixin(ExtraCallbacksMixin, EditedCheckpointMixin, abstract=True):
    entry = ""

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        stopping = [EarlyStopping(metric, patience=9) for metric in ("val_loss", "again")]
        return [*stopping, Timer(), ModelCheckpoint(monitor="val_loss", save_top_k=2, save_last=True)]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        model, loaders = super().setup_model(mode)
        model.on_validation_epoch_end = lambda: model.log("again", float(model.global_step))
        return model, loaders

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        states = checkpoint["callbacks"]
        if cls.entry:
            states[next(name for name in states if name.startswith("EarlyStopping"))][cls.entry] += 5


class _CountingRngState(RngStateCallback):
    """A user's own: it also counts, and loses its count if it is told to."""

    count = 0
    forgets = False

    def on_train_batch_end(self, *_: Any) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.count = 0 if self.forgets else state_dict["count"]


class _CountingMixin(TinyMixin, abstract=True):
    forgets = False

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[RngStateCallback] = _CountingRngState()
            registered[RngStateCallback].forgets = cls.forgets
        return callbacks


class _UnrecordableMixin(ExtraCallbacksMixin, abstract=True):
    fit_arguments = TRUSTING

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [_Unrecordable()]


class TestCallbackState(MetricCase):
    def test_restored(self) -> None:
        outcome = self.outcome_of(_CallbacksMixin)
        self.assert_clean(outcome, "callback_state")
        paths = set(self.case.comparison("callback_state").series)
        stopping = {f"[{name!r}]['wait_count']" for name in ("EarlyStopping", "EarlyStopping 2")}
        self.assertLessEqual({*stopping, "['ModelCheckpoint']['best_k_models'][1]"}, paths)
        for left_out in ("path", "Timer", "Bridge", "Recorder", "RngState"):
            self.assertEqual([path for path in paths if left_out in path], [])

    def test_patience_lost(self) -> None:
        outcome = self.outcome_of(_CallbacksMixin, entry="wait_count")
        self.assert_fails_only(outcome, "callback_state", RESTORED, "['EarlyStopping']['wait_count']")

    def test_what_a_user_makes_of_a_callback_of_the_library(self) -> None:
        self.assert_clean(self.outcome_of(_CountingMixin), "callback_state")
        outcome = self.outcome_of(_CountingMixin, forgets=True)
        self.assert_fails_only(outcome, "callback_state", RESTORED, "['_CountingRngState']['count']")

    def test_not_applicable(self) -> None:
        outcome = self.outcome_of(TinyMixin)
        self.assertIn("no callback has a state", outcome.skipped_for["callback_state"])

    def test_what_cannot_be_read_is_not_verified_and_the_phase_goes_on(self) -> None:
        outcome = self.outcome_of(_UnrecordableMixin)
        self.assertEqual(outcome.failed, {})
        reason = outcome.skipped_for["callback_state"]
        self.assertIn("NOT VERIFIED: not all of it could be recorded: ", reason)
        self.assertIn("callback_state ['_Unrecordable']['handle']", reason)
        self.assertIn("(a type in which nothing can be read.", reason)
        self.assertIn("left_out = {'callback_state': {path: reason}}", reason)

    def test_what_cannot_be_read_is_a_failure_where_evidence_is_demanded(self) -> None:
        outcome = self.outcome_of(_UnrecordableMixin, require_evidence=True)
        self.assertIn("not all of it could be recorded", outcome.failed["callback_state"])
