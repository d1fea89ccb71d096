"""Records a real run of Lightning's fit loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from stopgo_mixins.backends.fit_loop.package import Callback
from stopgo_mixins.bridge.recording import Recording
from stopgo_mixins.bridge.unfailing import RecordedLeg

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from stopgo_mixins.backends.fit_loop.hooks import FitLoopHooks
    from stopgo_mixins.recorders.recorder import Recorder


class FitLoopRecordTrace(Callback):
    """The callback that a user gives to the trainer; while it fits, hooks beside it tell of the run.

    Args:
        directory: of the traces of this run, the same in each of its legs, or another one for each.
        every_n_steps: how many updates lie between two that are recorded. A number that divides the interval between
            checkpoints lets what was restored be seen.
        metrics: adds, replaces or, with ``None``, takes away recorders by metric.
        value_budget: how many bytes of large values to keep, so that messages can show numbers.
    """

    make_hooks: ClassVar[Callable[[], FitLoopHooks]]

    def __init__(
        self,
        directory: str | Path,
        every_n_steps: int = 100,
        metrics: Mapping[str, type[Recorder] | None] | None = None,
        value_budget: int = 0,
    ) -> None:
        self._recording = Recording(Path(directory), every_n_steps, metrics or {}, value_budget)
        self._leg = RecordedLeg()

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        hooks = type(self).make_hooks()
        self._leg.begin(hooks.listening(self._recording.next_leg()))
        hooks.setup(trainer, pl_module, stage)
        self._leg.afterwards(_take_away, trainer, hooks)
        self._leg.guard(hooks.run)

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._leg.end(None)

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._leg.end(exception)

    def __reduce__(self) -> tuple[object, ...]:
        """A copy or a pickle records the same of another run."""
        recording = self._recording
        given = recording.directory, recording.every_n_steps, recording.metrics, recording.value_budget
        return type(self), given


def _take_away(trainer: Trainer, hooks: object) -> None:
    # A new list: Lightning may be walking through the old one.
    trainer.callbacks = [each for each in trainer.callbacks if each is not hooks]  # type: ignore[attr-defined]
