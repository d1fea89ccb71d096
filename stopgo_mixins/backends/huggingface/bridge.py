"""Tells of a run of ``transformers.Trainer``: of its events, and of what it offers no event for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from stopgo_mixins.backends.huggingface.logged import is_summary, without_clock
from stopgo_mixins.backends.huggingface.state import TransformersState
from stopgo_mixins.bridge.gradients import gradients_of
from stopgo_mixins.bridge.run import PhaseRun
from stopgo_mixins.bridge.wrapping import wrapped

if TYPE_CHECKING:
    from transformers import Trainer

    from stopgo_mixins.bridge.plan import PhasePlan

OWN_FILE = "stopgo_mixins.pt"
"""What a checkpoint directory holds of ours; the trainer reads no file that it did not write."""


class TransformersBridge:
    """Listens to one phase of a trainer, by standing in for a few of its methods while it lasts.

    It is no callback: the trainer identifies those by their classes, and builds some anew when it resumes.

    Args:
        trainer: the trainer, ready to train.
        plan: the phase.

    Attributes:
        run: the phase, while somebody listens.
    """

    run: PhaseRun

    def __init__(self, trainer: Trainer, plan: PhasePlan) -> None:
        self._trainer: Any = trainer
        self._plan = plan
        self._state = TransformersState(trainer)
        self._checkpoint: str | None = None
        self._has_gradients = False
        self._validating: int | None = None
        self._validation_batch = 0
        self._held_logs: list[dict[str, Any]] = []
        self._ended = False
        self._heard: Mapping[str, Callable[..., None]] = {
            "on_train_begin": self._on_train_begin,
            "on_epoch_begin": self._on_epoch_begin,
            "on_pre_optimizer_step": self._on_gradients,
            "on_step_end": self._on_step_end,
            "on_epoch_end": self._on_epoch_end,
            "on_log": self._on_log,
            "on_train_end": self._on_end,
        }

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Surrounds ``trainer.train()``; afterwards nothing is attached to anything."""
        trainer = self._trainer
        stand_ins = (
            (trainer.callback_handler, "call_event", self._call_event),
            (trainer.accelerator, "clip_grad_norm_", self._clip_grad_norm),
            (trainer, "training_step", self._training_step),
            (trainer, "evaluate", self._evaluate),
            (trainer, "prediction_step", self._prediction_step),
            (trainer, "_load_optimizer_and_scheduler", self._load_optimizer_and_scheduler),
            (trainer, "_maybe_log_save_evaluate", self._maybe_log_save_evaluate),
            (trainer, "_save_checkpoint", self._save_checkpoint),
            (trainer, "_load_best_model", self._load_best_model),
        )
        with ExitStack() as phase:
            self.run = phase.enter_context(PhaseRun(self._plan, self._state, self._save, self._stop))
            for owner, method, stand_in in stand_ins:
                phase.enter_context(wrapped(owner, method, stand_in))
            yield

    def _call_event(
        self, call_event: Callable[..., Any], event: str, args: Any, state: Any, control: Any, **details: Any
    ) -> Any:
        """Hears an event when all callbacks have: what they do at it has been done, saving included."""
        control = call_event(event, args, state, control, **details)
        if event in self._heard:
            self._heard[event](**details)
        return control

    # Training, in the order in which it happens

    def _load_optimizer_and_scheduler(self, load: Callable[..., None], checkpoint: str | None) -> None:
        load(checkpoint)
        self._checkpoint = checkpoint

    def _on_train_begin(self) -> None:
        if self._checkpoint is not None:
            self.run.checkpoint_loaded(self._checkpoint, own_state(self._checkpoint), self._state.global_step)
        self.run.training_started()

    def _on_epoch_begin(self) -> None:
        self._state.amid_epoch = True

    def _training_step(
        self, step: Callable[..., torch.Tensor], model: Any, inputs: Any, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        self.run.micro_batch_started(inputs)
        loss = step(model, inputs, *args, **kwargs)
        self.run.micro_batch_ended(loss, loss)
        return loss

    def _clip_grad_norm(self, clip: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._on_gradients()
        return clip(*args, **kwargs)

    def _on_gradients(self) -> None:
        """Before clipping; where nothing is clipped, before the update."""
        if not self._has_gradients:
            self._has_gradients = True
            (optimizer,) = self._state.optimizers
            self.run.gradients_ready(gradients_of(self._state, optimizer) if self.run.wants_gradients else {})

    def _on_step_end(self) -> None:
        self._has_gradients = False
        self.run.step_ended()

    def _on_epoch_end(self) -> None:
        if self._state.is_between_epochs:  # else the training ends here, amid the epoch
            self._state.amid_epoch = False
            self.run.epoch_ended()

    def _on_log(self, logs: dict[str, Any]) -> None:
        if self._validating is not None:
            self._held_logs.append(dict(logs))
        elif not is_summary(logs):
            self.run.logged(self._state.global_step, without_clock(logs))

    def _maybe_log_save_evaluate(self, log_save_evaluate: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Runs at the end of each step, and again at that of each epoch: the latest moments before the next batch."""
        log_save_evaluate(*args, **kwargs)
        if not (self._state.amid_epoch and self._state.is_between_epochs):
            self.run.interrupt_if_due()
            if not self._plan.is_of_a_real_run:
                _wait_for_just_in_time_checkpoint()

    def _load_best_model(self, load: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        self._on_end()
        load(*args, **kwargs)

    def _on_end(self) -> None:
        if not self._ended:
            self._ended = True
            if self._plan.is_of_a_real_run and self._state.global_step < self._trainer.state.max_steps:
                self.run.stopping()
            self.run.training_ended()

    # Validation

    def _evaluate(self, evaluate: Callable[..., dict[str, float]], *args: Any, **kwargs: Any) -> dict[str, float]:
        if not self._trainer.is_in_train:
            return evaluate(*args, **kwargs)
        if self._validating is not None:  # one of several data sets, for each of which the trainer calls itself
            return self._evaluate_one(evaluate, *args, **kwargs)
        self.run.validation_started()
        self._validating, self._validation_batch = 0, 0
        values = evaluate(*args, **kwargs)
        self._validating = None
        if self.run.validation_ended(without_clock(values)):
            for logs in self._held_logs:
                self._on_log(logs)
        self._held_logs.clear()
        return values

    def _evaluate_one(self, evaluate: Callable[..., dict[str, float]], *args: Any, **kwargs: Any) -> dict[str, float]:
        values = evaluate(*args, **kwargs)
        self._validating, self._validation_batch = (self._validating or 0) + 1, 0
        return values

    def _prediction_step(self, step: Callable[..., Any], model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if self._validating is None:
            return step(model, inputs, *args, **kwargs)
        self.run.validation_batch_started(inputs, self._validating, self._validation_batch)
        output = step(model, inputs, *args, **kwargs)
        self.run.validation_batch_ended(output, output[0])
        self._validation_batch += 1
        return output

    # Checkpoints, and the end

    def _save(self, name: str) -> None:
        """Saves apart from the trainer's own checkpoints, of which it deletes older ones when there is a new one."""
        trainer, directory = self._trainer, self._trainer.args.output_dir
        trainer.args.output_dir = str(self._plan.checkpoint_directory / name)
        try:
            trainer._save_checkpoint(trainer.model_wrapped, trial=None)
            trainer.control = trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
        finally:
            trainer.args.output_dir = directory

    def _stop(self) -> None:
        self._trainer.control.should_training_stop = True

    def _save_checkpoint(self, save: Callable[..., None], model: Any, trial: Any) -> None:
        save(model, trial=trial)
        path = Path(self._trainer._get_output_dir(trial=trial), f"{PREFIX_CHECKPOINT_DIR}-{self._state.global_step}")
        own = self.run.state_dict()
        if self._trainer.args.should_save:
            torch.save(own, path / OWN_FILE)
        self.run.checkpoint_saved(str(path.absolute()))


def own_state(checkpoint: str) -> dict[str, Any] | None:
    """What a bridge saved, if one took part when the checkpoint was written."""
    file = Path(checkpoint, OWN_FILE)
    own: dict[str, Any] | None = torch.load(file) if file.exists() else None
    return own


def _wait_for_just_in_time_checkpoint() -> None:
    """Lets the grace period pass in which the trainer, having got a signal, would make a few more steps or not."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.function.__name__ == "_enable_checkpoint":
            thread.join()
