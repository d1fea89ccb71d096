"""Records a real run of ``transformers.Trainer``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from typing_extensions import Self

from stopgo_mixins.backends.huggingface.bridge import TransformersBridge
from stopgo_mixins.bridge.recording import Recording
from stopgo_mixins.bridge.unfailing import RecordedLeg

if TYPE_CHECKING:
    from transformers import Trainer

    from stopgo_mixins.recorders.recorder import Recorder


class TransformersRecordTrace:
    """The same as :class:`~stopgo_mixins.RecordTrace` for ``transformers.Trainer``, around its ``train``.

    ::

        with TransformersRecordTrace(trainer, "traces/monday", every_n_steps=100):
            trainer.train(resume_from_checkpoint=...)

    It is no callback of the trainer, whose callbacks never see the trainer itself.

    Args:
        trainer: the trainer, ready to train.
        directory: of the traces of this run, the same in each of its legs, or another one for each.
        every_n_steps: how many updates lie between two that are recorded.
        metrics: adds, replaces or, with ``None``, takes away recorders by metric.
        value_budget: how many bytes of large values to keep, so that messages can show numbers.

    Raises:
        TypeError: for a metric that is no recorder, or one that is to be taken away and is not there.
        ValueError: when ``every_n_steps`` is no positive integer.
    """

    def __init__(
        self,
        trainer: Trainer,
        directory: str | Path,
        every_n_steps: int = 100,
        metrics: Mapping[str, type[Recorder] | None] | None = None,
        value_budget: int = 0,
    ) -> None:
        self._trainer = trainer
        self._recording = Recording(Path(directory), every_n_steps, metrics or {}, value_budget)
        self._leg = RecordedLeg()

    def __enter__(self) -> Self:
        """Begins a leg."""
        bridge = TransformersBridge(self._trainer, self._recording.next_leg())
        self._leg.begin(bridge.listening())
        self._leg.guard(bridge.run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends it."""
        self._leg.end(error)
