"""The only class that knows Lightning's hooks; it turns them into the neutral events."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from stopgo_mixins.backends.lightning.logged import LoggedValues
from stopgo_mixins.backends.lightning.run import LightningRun
from stopgo_mixins.backends.lightning.values import length_of, loss_of
from stopgo_mixins.events import Moment
from stopgo_mixins.recorders.recorder import EventDispatcher

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch import Tensor, nn
    from torch.optim import Optimizer


class LightningBridge(LightningRun):
    """Listens to one phase.

    It is a checkpoint callback because Lightning calls those last: at each hook, what the user's callbacks do has
    been done.
    """

    def __init__(self) -> None:
        super().__init__()
        self._step_started = -1
        self._inside: Moment | None = None
        self._repeating = False
        self._validated = False
        self._validation_place = (0, 0, 0)
        self._validation_batches: Counter[int] = Counter()
        self._calls: Counter[str] = Counter()
        self._observed: set[str] = set()
        self._logged: LoggedValues

    def _let_go(self, trainer: Any) -> None:  # whose callbacks Trainer does not declare
        """Forgets the model, which would live on in the registry: Lightning gives each callback the model's ``log``."""
        for name in ("_state", "_logged"):
            vars(self).pop(name, None)  # where the phase failed early, there is none yet
        for callback in trainer.callbacks:
            for name in ("log", "log_dict"):
                vars(callback).pop(name, None)

    # Lightning's hooks, in the order in which they are called

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._stand_last(trainer)
        self._state = self.state_class(trainer, pl_module)
        self._attached.callback(self._let_go, trainer)
        writer = self.plan.open_trace(trainer.global_rank)
        self._attached.callback(writer.close)
        self._events = EventDispatcher(self.plan.recorders, writer)
        writer.event("phase_start", mode=self.plan.mode.value, world_size=trainer.world_size)
        self._emit("phase_start")
        self._replace(trainer, "save_checkpoint", self._save_checkpoint)
        self._logged = LoggedValues(trainer)
        self._replace(self._logged.training_results, "log", self._logged.note)

    def _stand_last(self, trainer: Any) -> None:
        """Lets the user's checkpoint callbacks write theirs first, in whatever order they were passed."""
        # A new list: Lightning walks through the old one at this moment.
        trainer.callbacks = [*(callback for callback in trainer.callbacks if callback is not self), self]

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        own = checkpoint.get("callbacks", {}).get(self.state_key)
        if own is not None:
            self._updates, self._micro_batch = own["update"], own["micro_batch"]
            self._validations[self._updates] = own["validations"]
        else:  # written without this bridge: Lightning counts one step per optimizer
            self._updates = checkpoint["global_step"] // max(1, len(checkpoint.get("optimizer_states", ())))
        path = str(trainer.ckpt_path)
        self._events.writer.event("checkpoint_loaded", path=path, update=self._updates)
        self._emit("checkpoint_loaded", path)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "update": self.update,
            "micro_batch": 0 if self.update > self._updates else self._micro_batch,
            "validations": self._validations[self.update],
        }

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._replace(trainer.fit_loop.epoch_loop, "on_advance_end", self._on_advance_end)
        if len(trainer.optimizers) > 1:
            # Lightning's limit counts every optimizer's steps, and a resume beyond it would train nothing; the run's
            # end is set when the last update is made. No limit at all (-1) would change how Lightning restarts.
            trainer.fit_loop.epoch_loop.max_steps = sys.maxsize

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._global_step = trainer.global_step
        self._observe_children()
        self._replace(pl_module, "training_step", self._training_step)
        self._replace(pl_module, "validation_step", self._validation_step)

    def _training_step(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        batch = next(iter((*args, *kwargs.values())))
        self._enter_micro_batch(batch)
        self._inside = Moment.MICRO_BATCH
        output = step(*args, **kwargs)
        self._inside = None
        self._emit("micro_batch_end", output, loss_of(output))
        self._micro_batch += 1
        return output

    def _enter_micro_batch(self, batch: object) -> None:
        self._state.batch_size = self._state.batch_size or self._samples_of(batch)
        if not self._batches_run:
            self._note_first_step()
        if self._step_started != self.update and not self._micro_batch:  # else the window was cut by a resume
            self._step_started = self.update
            self._at(Moment.STEP_START, self.update)
            self._emit("step_start")
        self._step = self.update + 1
        self._gradient_calls = 0
        self._calls.clear()
        self._at(Moment.MICRO_BATCH, self._step, self._micro_batch)
        self._emit("micro_batch_start", batch)

    def _note_first_step(self) -> None:
        self._events.writer.event(
            "first_step",
            update=self.update,
            global_step=self._state.global_step,
            consumed_samples=self._state.consumed_samples,
        )

    @override
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        names = self._state.parameter_names()
        self._at(Moment.GRADIENTS, self._step, self._gradient_calls)
        self._gradient_calls += 1
        gradients = {
            names[id(parameter)]: parameter.grad
            for group in optimizer.param_groups
            for parameter in group["params"]
            if id(parameter) in names
        }
        self._emit("gradients_ready", gradients)

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._batches_run += 1
        if self.update > self._updates:
            self._end_step()
        if self._updates >= self.plan.num_steps:
            trainer.fit_loop.epoch_loop.max_steps = trainer.global_step
        if self._is_amid_epoch() and self._has_just_saved():
            self._interrupt_if_due()

    def _on_advance_end(self, on_advance_end: Callable[..., None], *args: Any) -> None:
        """The latest moment before the next batch.

        From a checkpoint that was written in ``on_train_batch_end`` Lightning 2.4 resumes with the index of the batch,
        and the step for loggers, one too low.
        """
        on_advance_end(*args)
        if self._is_amid_epoch():
            self._interrupt_if_due()

    def _is_amid_epoch(self) -> bool:
        is_last_batch = self._state.trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        return not self._validation_is_due() and not is_last_batch

    def _end_step(self) -> None:
        self._updates, self._global_step, self._micro_batch = self.update, self._state.global_step, 0
        self._events.writer.event("step_end", update=self._updates)
        self._at(Moment.STEP_END, self._updates)
        self._emit("step_end")
        self._emit_logged(*self._logged.of_step())

    def _emit_logged(self, step: int, values: Mapping[str, Tensor]) -> None:
        if values:
            self._emit("logged", step, values)

    def _validation_is_due(self) -> bool:
        loop = self._state.trainer.fit_loop
        fetcher = loop._data_fetcher
        return fetcher is not None and loop.epoch_loop._should_check_val_fx(fetcher)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._validation_batches.clear()
        # Lightning 2.4 runs the validation again in which the checkpoint was written.
        self._repeating = not self._batches_run and self._validations[self.update] > 0
        if not self._repeating:
            self._validations[self.update] += 1
            self._emit("validation_start")

    @override
    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._validation_place = (self._validations[self.update] - 1, dataloader_idx, batch_idx)

    def _validation_step(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        _, loader, batch_index = self._validation_place
        self._validation_batches[loader] += 1
        if self._state.trainer.sanity_checking or self._repeating:
            return step(*args, **kwargs)
        self._enter_validation_batch(next(iter((*args, *kwargs.values()))), batch_index)
        self._inside = Moment.VALIDATION_BATCH
        output = step(*args, **kwargs)
        self._inside = None
        self._emit("validation_batch_end", output, loss_of(output))
        return output

    def _enter_validation_batch(self, batch: object, batch_index: int) -> None:
        if not self._validated:
            self._validated = True
            self._events.writer.event("first_validation_batch", batch=batch_index)
        self._calls.clear()
        self._at(Moment.VALIDATION_BATCH, self.update, *self._validation_place)
        self._emit("validation_batch_start", batch)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._at(Moment.VALIDATION_END, self.update, self._validations[self.update] - 1)
        batches = [count for _, count in sorted(self._validation_batches.items())]
        if self._repeating:
            self._emit("validation_repeated", batches)
            return
        self._ended_validations += 1
        self._emit("validation_end", batches, self._logged.validation_values("callback"))
        self._emit_logged(*self._logged.of_validation())
        self._interrupt_if_due()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._at(Moment.EPOCH_END, self.update, self._state.epoch)
        self._emit_logged(*self._logged.of_epoch())
        self._interrupt_if_due()

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._updates >= self.plan.num_steps:
            self._note_what_was_not_observed()
            self._at(Moment.RUN_END, self._updates)
            self._events.writer.event("run_end", update=self._updates)
            self._emit("run_end")
        self._mark_end()

    # What the events need

    def _observe_children(self) -> None:
        for name, child in self._state.model.named_children():
            self._attached.callback(child.register_forward_hook(self._child_hook(name)).remove)

    def _child_hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            if self._inside is None:
                return
            event = "module_output" if self._inside is Moment.MICRO_BATCH else "validation_module_output"
            self._emit(event, name, self._calls[name], output)
            self._calls[name] += 1
            self._observed.add(name)

        return hook

    def _note_what_was_not_observed(self) -> None:
        unseen = [name for name, _ in self._state.model.named_children() if name not in self._observed]
        notes = [f"outputs of the child module {name!r}, never called" for name in unseen]
        if getattr(self._state.trainer.train_dataloader, "num_workers", 0):
            notes.append("random numbers drawn in the worker processes of the training loader")
        for note in notes:
            self._events.writer.event("not_observed", what=note)

    def _samples_of(self, batch: object) -> int:
        """Samples per micro-batch: the loader's own word, else the length of the first tensor in the batch."""
        size = getattr(self._state.trainer.train_dataloader, "batch_size", None)
        return size if isinstance(size, int) else length_of(batch)
