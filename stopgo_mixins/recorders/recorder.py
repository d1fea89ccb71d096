"""The base of all recorders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from stopgo_mixins.events import EVENTS
from stopgo_mixins.metric import Metric
from stopgo_mixins.spelling import NAME_OF_YOUR_OWN, is_ours, misspelled, public_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stopgo_mixins.events import Position, TrainingState
    from stopgo_mixins.trace.record import Leaf
    from stopgo_mixins.trace.whole import Whole
    from stopgo_mixins.trace.whole_writer import WholeWriter


class Recorder(Metric):
    """Records one metric, and says what is known of it: each attribute of :class:`Metric` is a class attribute here.

    Subscribe to an event by defining a method of its name (:data:`stopgo_mixins.events.EVENTS`), and call
    :meth:`record` in it::

        class GradNormRecorder(Recorder):
            metric = "grad_norm"
            depends_on = ("gradients",)

            def gradients_ready(self, state, gradients):
                norms = [gradient.norm() for gradient in gradients.values() if gradient is not None]
                self.record(torch.stack(norms).norm())

    Where it does not say what its metric depends on, the metric depends on all others.
    A recorder never changes what it sees, and draws no random numbers.

    Attributes:
        whole: how what each rank has of the metric makes up a whole, which can be compared where a run is resumed on
            another number of ranks; ``None`` where it has no meaning there.
        only_listens: whether it is a callback for the sake of the trainer's type check alone, set where it is made one.
    """

    whole: ClassVar[Whole | None] = None
    only_listens: ClassVar[bool] = False

    _writer: WholeWriter | None = None
    _position: Position | None = None
    _recorded = False
    _not_applicable = False
    _unobserved: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuses what looks like an event and is none, which nothing would ever call."""
        super().__init_subclass__(**kwargs)
        check_events(cls)

    def record(self, value: object, path: str = "") -> None:
        """Writes ``value`` to the trace under the current position.

        What cannot be read of it is noted as not observed, and the metric is not verified.

        Args:
            value: tensors, arrays, numbers, strings, and containers and objects of them.
            path: distinguishes several records of one moment; it precedes the paths inside ``value``.

        Raises:
            TraceError: when the same key is recorded twice.
        """
        if self._writer is None or self._position is None:
            raise RuntimeError(f"{type(self).__name__}.record was called outside a training phase's events.")
        self._recorded = True
        self._writer.record(self.metric, self._position, value, path)

    def leaves(self, value: object) -> Iterator[tuple[str, Leaf, bytes | memoryview]]:
        """Yields ``(path, leaf, bytes)`` of what would be recorded of ``value``, for what is computed from that.

        What is left out, or cannot be read, is noted as if it were recorded.
        """
        if self._writer is None:
            raise RuntimeError(f"{type(self).__name__}.leaves was called outside a training phase's events.")
        return self._writer.leaves(self.metric, value)

    def state_dict(self) -> Mapping[str, Any]:
        """What the recorder itself must know after a resume; it travels with every checkpoint, each rank its own.

        Tensors, numbers, strings, and lists and dicts of them, so that a checkpoint loads with ``weights_only=True``.
        Most recorders keep nothing.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what :meth:`state_dict` returned; called only if that was not empty."""

    def take_over(self, states: Sequence[Mapping[str, Any]], state: TrainingState) -> None:
        """Goes on from what another number of ranks had kept, each its own; nothing is taken over by default.

        Args:
            states: what :meth:`state_dict` returned on each of them.
            state: of the run, on this rank.
        """

    def not_observed(self, what: str) -> None:
        """Notes once what takes part in the run and is not recorded, in words."""
        if self._writer is not None and what not in self._unobserved:
            self._unobserved |= {what}
            self._writer.event("not_observed", what=what)

    def not_applicable(self, reason: str) -> None:
        """Says that this run has nothing of this metric, such as "the model has no buffers"."""
        if self._writer is not None and not self._not_applicable:
            self._not_applicable = True
            self._writer.event("not_applicable", metric=self.metric, reason=reason)


def check_events(recorder: type[Recorder]) -> None:
    """Demands that a recorder's methods that look like events are events.

    Raises:
        TypeError: naming the recorder, what it defines, and the event that is meant.
    """
    for name, event in (
        *_written_as_hooks(recorder),
        *misspelled(recorder, Recorder, public_names(recorder) | {*EVENTS}),
    ):
        raise TypeError(f"{recorder.__name__}.{name} is never called. Did you mean {event!r}? {NAME_OF_YOUR_OWN}")


def _written_as_hooks(recorder: type[Recorder]) -> Iterator[tuple[str, str]]:
    """Trainers call their hooks ``on_...``; where the recorder inherits such a hook, it is one."""
    users = [base for base in recorder.__mro__ if issubclass(base, Recorder) and not is_ours(base)]
    others = [base for base in recorder.__mro__ if not issubclass(base, Recorder)]
    for event in EVENTS:
        name = f"on_{event}"
        if any(name in vars(base) for base in users) and not any(name in vars(base) for base in others):
            yield name, event


class StateRecorder(Recorder):
    """A recorder of state: before the update of each step, and at the end of the run.

    The restored state R is thereby recorded at the first step after a resume.
    """

    def read(self, state: TrainingState) -> object:
        """Returns the value to record."""
        raise NotImplementedError

    def missing(self, state: TrainingState) -> str | None:
        """Returns why the run has no such state, or ``None`` where it has."""
        return None

    def step_start(self, state: TrainingState) -> None:
        """Records state k."""
        reason = self.missing(state) or state.overwritten().get(self.metric)
        if reason is None:
            self.record(self.read(state))
        else:
            self.not_applicable(reason)

    def run_end(self, state: TrainingState) -> None:
        """Records state N."""
        self.step_start(state)
