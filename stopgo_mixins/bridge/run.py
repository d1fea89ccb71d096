"""One phase as every trainer's bridge tells it: typed calls that count, position, note and emit in one go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from stopgo_mixins.bridge.calls import CallLog
from stopgo_mixins.bridge.children import ChildOutputs, unwarned_of_compiled_modules
from stopgo_mixins.bridge.counters import Counters
from stopgo_mixins.bridge.dispatcher import EventDispatcher
from stopgo_mixins.bridge.interrupter import Interrupter
from stopgo_mixins.bridge.missing_updates import LONGEST_WINDOW, no_update
from stopgo_mixins.bridge.ranks import gathered
from stopgo_mixins.bridge.resume_points import ResumePoints
from stopgo_mixins.bridge.whole import whole_writer
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.exceptions import StopAndGoException
from stopgo_mixins.mode import Mode

if TYPE_CHECKING:
    from types import TracebackType

    from torch import Tensor

    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.events import TrainingState


class PhaseRun:
    """One phase, from its first event to its last.

    A bridge holds one and makes these calls::

        with PhaseRun(plan, state, save, stop) as run:
            run.checkpoint_loaded(path, own)            # if the phase loads one
            run.training_started()
            until the trainer ends:
                for each micro-batch of the accumulation window:
                    run.micro_batch_started(batch)
                    run.micro_batch_ended(output, loss)
                run.gradients_ready(gradients)          # once per optimizer, before clipping
                ...                                     # the update
                run.step_ended()
                run.logged(step, values)                # if the trainer logs
                if a validation is due:
                    run.validation_started()
                    for each validation batch:
                        run.validation_batch_started(batch, loader, index)
                        run.validation_batch_ended(output, loss)
                    run.validation_ended(values)
                run.checkpoint_saved(path)              # whenever one was written
                run.interrupt_if_due()                  # where a correct trainer can save and later continue exactly
            run.training_ended()

    A call that is left out is an error that names it: at the call that it should have preceded, else at the end.
    Updates are counted here, since no trainer counts them whatever the number of optimizers; the count, and what the
    recorders keep, travel with the checkpoint as :meth:`state_dict`.

    Args:
        plan: the phase.
        state: what its events say about the run.
        save: writes a checkpoint of this moment under a name; the bridge reports it by :meth:`checkpoint_saved`, as
            any other.
        stop: asks the trainer to end by itself.
    """

    def __init__(
        self,
        plan: PhasePlan,
        state: TrainingState,
        save: Callable[[str], object],
        stop: Callable[[], object],
    ) -> None:
        self.plan = plan
        self.state = state
        self.state.own_objects = plan.own_objects
        self._counters = Counters(state)
        self._calls = CallLog()
        self._step = 0
        self._inside = Position(Moment.MICRO_BATCH, 0)
        self._started_step = -1
        self._gradient_calls = 0
        self._batches: Counter[int] = Counter()
        self._repeating = False
        self._validated = False
        self._attached = ExitStack()
        self._writer = plan.open_trace(state.rank)
        self._attached.callback(self._writer.close)
        self._interrupter = Interrupter(plan, self._counters, self._writer, save, stop)
        self._resume_points = ResumePoints(plan.interruptions)
        self._whole = whole_writer(plan, self._writer, state)
        self._events = EventDispatcher(plan.recorders, self._whole, plan.listeners, plan.every_n_steps)
        self._attached.callback(self._events.end)
        self._writer.event(
            "phase_start",
            mode=plan.mode.value,
            world_size=state.world_size,
            replicated=sorted(state.replicated()),
            every_n_steps=plan.every_n_steps,
            whole=plan.worlds is not None,
            rounded=sorted(each.metric for each in plan.recorders if each.whole and each.whole.is_rounded),
        )
        self._emit("phase_start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes away what was attached and closes the trace, with an end mark if the phase ended as planned.

        Raises:
            BridgeError: when nothing else went wrong, and the bridge never made a call that belongs to the phase.
        """
        with self._attached:
            if error is None or self._interrupter.interrupted:
                self._demand_updates()
                self._calls.demand(*self._belonging_calls())
                if self._interrupter.interrupted or self._calls.seen("training_ended"):
                    if self.plan.mode is not Mode.CONTINUOUS and not self.state.rank:  # all ranks write one checkpoint
                        self._interrupter.note_kept_checkpoints()
                    self._writer.end(self.updates)

    def _demand_updates(self) -> None:
        has_trained = self._calls.seen("micro_batch_started") and self.state.optimizers
        if has_trained and not (self._calls.seen("gradients_ready") or self._calls.seen("step_ended")):
            raise no_update(self.state.optimizers, self._counters.micro_batch)

    def _belonging_calls(self) -> Iterator[str]:
        if self.plan.mode is not Mode.RESUME:  # which may have trained nothing, and then a test says so
            yield "training_started"
            yield "micro_batch_started"
        if self._calls.seen("micro_batch_started") and self.state.optimizers:
            yield "gradients_ready"
            yield "step_ended"
        if self.plan.interruption is not None and not self._interrupter.interrupted:
            yield "interrupt_if_due"
        if self.plan.ends_at(self.updates):
            yield "training_ended"

    @property
    def updates(self) -> int:
        """Updates of which :meth:`step_ended` has told."""
        return self._counters.updates

    @property
    def update_is_made(self) -> bool:
        """Whether any optimizer has stepped since :meth:`step_ended` was called last."""
        return self._counters.update_is_made

    # What travels with the checkpoint

    def state_dict(self) -> dict[str, Any]:
        """The counters, and what each rank's recorders keep; collective where several ranks train."""
        if self.state.begins_windows_anew and self._counters.is_amid_window:
            return {**self._counters.at_window_start(), "recorders": gathered(self._at_window_start)}
        return {**self._counters.state_dict(), "recorders": gathered(self._kept_by_recorders())}

    def _kept_by_recorders(self) -> dict[str, Mapping[str, Any]]:
        kept = {recorder.metric: recorder.state_dict() for recorder in self.plan.recorders}
        return {metric: state for metric, state in kept.items() if state}

    def checkpoint_loaded(self, path: str, own: Mapping[str, Any] | None, updates: int = 0) -> None:
        """Continues from a checkpoint.

        Args:
            path: that was loaded.
            own: what :meth:`state_dict` returned when it was written; ``None`` if no bridge took part in that.
            updates: made until then by the trainer's count, which is believed only without ``own``.
        """
        self._calls.note("checkpoint_loaded")
        if own is None:
            self._counters.updates = updates
        else:
            self._counters.load_state_dict(own)
            self._load_recorders(own["recorders"])
        validations = None if own is None else self._counters.validation
        self._writer.event("checkpoint_loaded", path=path, update=self.updates, validations=validations)
        self._emit("checkpoint_loaded", path)

    def _load_recorders(self, ranks: Sequence[Mapping[str, Any]]) -> None:
        for recorder in self.plan.recorders:
            kept = [own[recorder.metric] for own in ranks if recorder.metric in own]
            if kept and len(ranks) == self.state.world_size:
                recorder.load_state_dict(kept[self.state.rank])
            elif kept:
                recorder.take_over(kept, self.state)

    # Training

    def training_started(self) -> None:
        """The trainer has restored its counters, and its first batch comes next."""
        self._calls.note("training_started")
        self._counters.start_training()
        self._resume_points.begin(self._counters.of_the_run)
        wanted = self._events.hears("module_output") or self._events.hears("validation_module_output")
        self._attached.enter_context(unwarned_of_compiled_modules())
        self._children = ChildOutputs(self.state.model, self._child_called, wanted=wanted)
        self._attached.callback(self._children.remove)

    def micro_batch_started(self, batch: object) -> None:
        """A micro-batch is about to enter the model.

        Raises:
            StopAndGoException: when the phase is only to restore what was saved, and to read a batch.
        """
        is_first = not self._calls.seen("micro_batch_started")
        self._calls.begin("micro_batch_started", "training_started")
        if is_first:
            self._note_first_step()
        update, micro_batch = self._counters.update, self._counters.micro_batch
        if micro_batch == LONGEST_WINDOW and not self.plan.is_of_a_real_run:
            raise no_update(self.state.optimizers, micro_batch)
        if self._started_step != update and not micro_batch:  # else a resume cut the window in two
            self._started_step = update
            self._at(Moment.STEP_START, update)
            self.state.since_resume_point = self._resume_points.next_state()
            self._emit("step_start")
            self._at_window_start = self._kept_by_recorders()
        self._step = update + 1
        self._children.listen()
        self._inside = self._at(Moment.MICRO_BATCH, self._step, micro_batch)
        self._emit("micro_batch_start", batch)
        if self.plan.ends_before_training:
            raise StopAndGoException("everything is restored, and nothing is to be trained")

    def _note_first_step(self) -> None:
        self._writer.event(
            "first_step",
            update=self._counters.update,
            global_step=self.state.global_step,
            consumed_samples=self.state.consumed_samples,
        )

    def micro_batch_ended(self, output: object, loss: Tensor | None) -> None:
        """The model has been through it; ``output`` is what the training step returned."""
        self._calls.end("micro_batch_ended")
        self._children.pause()
        self._events.move_to(self._inside)  # in manual optimization the gradients came first
        self._emit("micro_batch_end", output, loss)
        self._counters.end_micro_batch()

    @property
    def wants_gradients(self) -> bool:
        """Whether those of this update are recorded; else a bridge need not look for them."""
        return self._events.hands_on("gradients_ready")

    def gradients_ready(self, gradients: Mapping[str, Tensor | None]) -> None:
        """An optimizer is about to step; called before clipping, with the gradients by parameter name."""
        self._calls.require("gradients_ready", "micro_batch_started")
        self._at(Moment.GRADIENTS, self._step, self._gradient_calls)
        self._gradient_calls += 1
        self._emit("gradients_ready", gradients)

    def step_ended(self) -> None:
        """The update is made."""
        self._calls.note("step_ended", "micro_batch_started")
        self._counters.end_step()
        self._gradient_calls = 0
        self._whole.flush()
        self._writer.event("step_end", update=self.updates)
        self._at(Moment.STEP_END, self.updates)
        self._emit("step_end")

    def epoch_ended(self) -> None:
        """An epoch is over; what is logged next is logged for it.

        A trainer may end an epoch again that was over when the checkpoint was written, with all hooks of that.
        """
        repeated = not self._calls.seen("micro_batch_started") and self._counters.epoch_has_ended
        self._writer.event("epoch_end", update=self._counters.update, repeated=repeated)
        if not repeated:
            self._counters.end_epoch()
        self._at(Moment.EPOCH_END, self._counters.update, self.state.epoch)

    def logged(self, step: int, values: Mapping[str, object]) -> None:
        """The trainer logs values under its own step number, for what has ended last: update, validation or epoch."""
        if values:
            self._emit("logged", step, values)

    def stopping(self) -> None:
        """Something has told the trainer of a real run to stop, and it may be resumed: all that follows is provoked."""
        self._interrupter.interrupted = True

    def training_ended(self) -> None:
        """The trainer has come to its end; it is that of the run if all updates were made that the plan asks for."""
        counted = self._counters.of_the_run
        self._writer.event(
            "training_ended",
            validations=counted.validations,
            epochs=counted.epochs,
            no_validation=self.state.no_validation(),
        )
        if not (self.plan.is_of_a_real_run or self.plan.ends_at(self.updates)):
            return
        self._calls.note("training_ended")
        unheard = (
            f"outputs of the child module {name!r}, which was never called, or only in compiled code"
            for name in self._children.unheard
        )
        for what in (*unheard, *self.state.not_observed()):
            self._writer.event("not_observed", what=what)
        self._at(Moment.RUN_END, self.updates)
        self._writer.event("run_end", update=self.updates)
        self._emit("run_end")

    # Validation

    def validation_started(self) -> None:
        """A validation begins; the sanity validation before training is none."""
        self._calls.begin("validation_started", "training_started")
        self._batches.clear()
        # Lightning 2.4 runs the validation again in which the checkpoint was written.
        self._repeating = not self._calls.seen("micro_batch_started") and self._counters.validation > 0
        if not self._repeating:
            self._counters.begin_validation()
            self._emit("validation_start")

    def validation_batch_started(self, batch: object, loader: int = 0, index: int = 0) -> None:
        """A batch of a validation loader is about to enter the model.

        Args:
            batch: as the validation step gets it.
            loader: the number of the loader.
            index: the number of the batch in that loader.
        """
        self._calls.begin("validation_batch_started")
        self._batches[loader] += 1
        if self._repeating:
            return
        if not self._validated:
            self._validated = True
            self._writer.event("first_validation_batch", batch=index)
        self._children.listen()
        place = self._counters.validation - 1, loader, index
        self._inside = self._at(Moment.VALIDATION_BATCH, self._counters.update, *place)
        self._emit("validation_batch_start", batch)

    def validation_batch_ended(self, output: object, loss: Tensor | None) -> None:
        """The model has been through it; ``output`` is what the validation step returned."""
        self._calls.end("validation_batch_ended")
        if self._repeating:
            return
        self._children.pause()
        self._emit("validation_batch_end", output, loss)
        self._counters.validation_batches += 1
        self._come_past(inside_validation=True)

    def validation_ended(self, values: Mapping[str, object]) -> bool:
        """A validation is over, with what it computed over all its batches, by name.

        Returns:
            Whether it counts: one that a resume runs again does not, and what it logs is nothing new.
        """
        self._calls.end("validation_ended")
        self._at(Moment.VALIDATION_END, self._counters.update, self._counters.validation - 1)
        self._whole.flush()
        batches = [count for _, count in sorted(self._batches.items())]
        if self._repeating:
            self._emit("validation_repeated", batches)
            return False
        self._counters.ended_validations += 1
        self._counters.validation_batches = 0
        self._emit("validation_end", batches, values)
        return True

    # Checkpoints, and the interruption

    @property
    def has_just_saved(self) -> bool:
        """Whether the newest checkpoint is one of this very moment."""
        return self._interrupter.has_just_saved

    def checkpoint_saved(self, path: str) -> None:
        """A checkpoint was written from which the run could be continued."""
        self._calls.require("checkpoint_saved")
        self._interrupter.note_checkpoint(path)
        self._emit("checkpoint_saved", path)

    def interrupt_if_due(self) -> None:
        """Ends the phase here if it is to end here; called wherever a correct trainer could continue exactly.

        Raises:
            StopAndGoException: when it is, unless it is to be ended by other means.
        """
        self._calls.note("interrupt_if_due")
        self._come_past(inside_validation=False)

    def _come_past(self, *, inside_validation: bool) -> None:
        self._resume_points.come_past(self._counters.of_the_run)
        self._interrupter.come_past(inside_validation=inside_validation)

    def end_if_past(self) -> None:
        """Ends the phase here if its checkpoint lies as far back as it should; for a loop that nobody can let save.

        Raises:
            StopAndGoException: when it ends here, unless it is to be ended by other means.
        """
        self._interrupter.end_if_past()

    def interrupted(self) -> None:
        """The trainer itself ends the run now, to be resumed from the newest checkpoint; the rest is provoked."""
        self._calls.require("interrupted", "checkpoint_saved")
        self._interrupter.note_interruption()

    # Events

    def _child_called(self, name: str, call: int, output: object) -> None:
        self._events.move_to(self._inside)
        in_training = self._inside.moment is Moment.MICRO_BATCH
        self._emit("module_output" if in_training else "validation_module_output", name, call, output)

    def _at(self, moment: Moment, step: int, *ordinal: int) -> Position:
        position = Position(moment, step, ordinal, provoked=self._interrupter.interrupted)
        self._events.move_to(position)
        return position

    def _emit(self, event: str, *details: Any) -> None:
        self.state.update = self._counters.update
        self._events.emit(event, self.state, *details)
