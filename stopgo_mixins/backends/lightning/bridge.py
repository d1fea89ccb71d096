"""What a class registers with its trainer, so that the phase is told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from stopgo_mixins.backends.fit_loop.package import Callback
from stopgo_mixins.backends.lightning.hooks import LightningHooks

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from stopgo_mixins.bridge.plan import PhasePlan


class LightningBridge(Callback):
    """Lets a checkpoint callback take its place when the trainer is set up: that one listens.

    Only a checkpoint callback is called behind all others and behind the module, and a trainer that is built with one
    has no ``ModelCheckpoint`` of Lightning's own, and refuses ``enable_checkpointing=False``.
    """

    _hooks: LightningHooks

    @contextmanager
    def listening(self, plan: PhasePlan) -> Iterator[None]:
        """Surrounds the trainer's run of one phase; afterwards nothing is attached to anything."""
        self._hooks = LightningHooks()
        with self._hooks.listening(plan):
            yield

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._hooks.setup(trainer, pl_module, stage)
        trainer.callbacks.remove(self)  # type: ignore[attr-defined]  # set by a connector

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        """A copy or a pickle listens to nothing."""
        return type(self), ()
