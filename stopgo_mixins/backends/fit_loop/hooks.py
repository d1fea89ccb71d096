"""The hooks of Lightning's fit loop, told as the calls of a phase; each backend adds how its steps are run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stopgo_mixins.backends.fit_loop.limits import stops_before_its_limit
from stopgo_mixins.backends.fit_loop.logged import LoggedValues
from stopgo_mixins.backends.fit_loop.state import FitLoopState
from stopgo_mixins.bridge.run import PhaseRun
from stopgo_mixins.bridge.wrapping import wrapped
from stopgo_mixins.recorders.recorder import Recorder

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan


class FitLoopHooks:
    """Listens to one phase; inherited together with the trainer's ``Checkpoint``.

    It is a checkpoint callback, and makes itself the last of them, because Lightning calls those behind all others,
    and at an epoch's end behind the module: at each hook, what the user's code does has been done.

    Attributes:
        state_class: what the events say about the run.
        run: the phase, while the trainer runs it.
    """

    state_class: ClassVar[type[FitLoopState]] = FitLoopState
    run: PhaseRun
    state_key: str

    def __init__(self) -> None:
        self._phase = ExitStack()
        self._plan: PhasePlan

    @contextmanager
    def listening(self, plan: PhasePlan) -> Iterator[None]:
        """Surrounds the trainer's run of one phase; afterwards nothing is attached to anything."""
        self._plan = plan
        with self._phase:
            yield

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        """A copy or a pickle of the trainer's callbacks holds a bridge that listens to nothing."""
        return type(self), ()

    # Lightning's hooks, in the order in which they are called

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Begins the phase."""
        self._phase.callback(self._let_go, trainer.callbacks)
        self._stand_last(trainer)
        run = PhaseRun(self._plan, self.state_class(trainer, pl_module), self._save, self._stop)
        self.run = self._phase.enter_context(run)
        self._logged = LoggedValues(trainer)
        self._wrap(trainer, "save_checkpoint", self._save_checkpoint)
        self._wrap(self._logged.training_results, "log", self._logged.note)

    def _stand_last(self, trainer: Any) -> None:
        """Lets the user's checkpoint callbacks write theirs first; recorders hear of events, and need no hooks."""
        others = (callback for callback in trainer.callbacks if callback is not self)
        # A new list: Lightning walks through the old one at this moment.
        trainer.callbacks = [*(each for each in others if not (isinstance(each, Recorder) and each.only_listens)), self]

    def _let_go(self, callbacks: list[Any]) -> None:
        """Forgets the model, which would live on in the registry: Lightning gives each callback the model's ``log``."""
        for name in ("run", "_logged"):
            vars(self).pop(name, None)  # where the phase failed early, there is none yet
        for callback in callbacks:
            for name in ("log", "log_dict"):
                vars(callback).pop(name, None)

    def _wrap(self, owner: Any, method: str, replacement: Callable[..., Any]) -> None:
        self._phase.enter_context(wrapped(owner, method, replacement))

    @property
    def _state(self) -> FitLoopState:
        state: FitLoopState = self.run.state  # type: ignore[assignment]  # of the class that setup has made
        return state

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Continues from a checkpoint; where none of ours took part, Lightning counts a step for each optimizer."""
        own = checkpoint.get("callbacks", {}).get(self.state_key)
        updates = checkpoint["global_step"] // max(1, len(checkpoint.get("optimizer_states", ())))
        self.run.checkpoint_loaded(str(trainer.ckpt_path), own, updates)

    def state_dict(self) -> dict[str, Any]:
        """What travels with each checkpoint."""
        return self.run.state_dict()

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Listens to the end of each batch, and takes Lightning's own limit of steps away where it miscounts."""
        self._wrap(trainer.fit_loop.epoch_loop, "on_advance_end", self._on_advance_end)
        if len(trainer.optimizers) > 1 and not self._plan.is_of_a_real_run:
            # Lightning's limit counts every optimizer's steps, and a resume beyond it would train nothing; the run's
            # end is set when the last update is made. No limit at all (-1) would change how Lightning restarts.
            trainer.fit_loop.epoch_loop.max_steps = sys.maxsize

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The counters are restored."""
        self.run.training_started()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Ends the step, if this batch was its last."""
        if self.run.update_is_made:
            self._end_step()
        if self.run.plan.ends_at(self.run.updates):
            trainer.fit_loop.epoch_loop.max_steps = trainer.global_step
        if self._is_amid_epoch() and self.run.has_just_saved:
            self._interrupt_if_due()

    def _end_step(self) -> None:
        self.run.step_ended()
        self._log(*self._logged.of_step())

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

    def _validation_is_due(self) -> bool:
        loop = self._state.trainer.fit_loop
        fetcher = loop._data_fetcher
        return fetcher is not None and loop.epoch_loop._should_check_val_fx(fetcher)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Begins a validation, unless it is the sanity check."""
        if not trainer.sanity_checking:
            self._note_stop(trainer)
            self.run.validation_started()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Ends it."""
        if trainer.sanity_checking:
            return
        if self.run.validation_ended(self._logged.validation_values("callback")):
            self._log(*self._logged.of_validation())
            self._interrupt_if_due()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Ends an epoch."""
        self._note_stop(trainer)
        self.run.epoch_ended()
        self._log(*self._logged.of_epoch())
        self._interrupt_if_due()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Ends the run."""
        self._note_stop(trainer)
        self.run.training_ended()

    def _note_stop(self, trainer: Any) -> None:
        """Tells of a real run that somebody has told to stop; the end of a phase is planned."""
        if self._plan.is_of_a_real_run and stops_before_its_limit(trainer):
            self.run.stopping()

    # What a backend may do otherwise

    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        self.run.logged(step, values)

    def _interrupt_if_due(self) -> None:
        self.run.interrupt_if_due()

    # Checkpoints, and the end

    def _save(self, name: str) -> None:
        self._state.trainer.save_checkpoint(self._own_checkpoint(name))

    def _stop(self) -> None:
        self._state.trainer.should_stop = True

    def _own_checkpoint(self, name: str) -> Path:
        return self._plan.checkpoint_directory / f"{name}.ckpt"

    def _save_checkpoint(self, save: Callable[..., None], filepath: Any, *args: Any, **kwargs: Any) -> None:
        save(filepath, *args, **kwargs)
        weights_only = args[0] if args else kwargs.get("weights_only", False)
        if not weights_only:  # else there is nothing to resume from
            self.run.checkpoint_saved(str(self._path_on_disk(filepath).absolute()))

    def _path_on_disk(self, filepath: Any) -> Path:
        """Where a checkpoint that was saved as ``filepath`` lies."""
        return Path(filepath)
