"""A validation of a loop of one's own, while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from stopgo_mixins.exceptions import BridgeError

if TYPE_CHECKING:
    from torch import Tensor

    from stopgo_mixins.bridge.run import PhaseRun
    from stopgo_mixins.bridge.source import Source

Batch = TypeVar("Batch")


class Validation:
    """Tells of its batches as they are read; a batch without a loss ends where the next begins.

    Args:
        run: the phase.
        source: what its batches are read from.

    Attributes:
        logs: what is logged in it, each with its step, to be told once it is over.
        loaders: what it has read from, in that order.
    """

    def __init__(self, run: PhaseRun, source: Source) -> None:
        self.logs: list[tuple[int, dict[str, object]]] = []
        self._run, self._source = run, source
        self.loaders: list[object] = []
        self._is_in_batch = False
        run.validation_started()

    def batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """Yields what a loader yields; loaders are numbered in the order in which they are read."""
        number = len(self.loaders)
        self.loaders.append(loader)
        for index, batch in enumerate(self._source.read(lambda: iter(loader))):
            self._end_batch(None)
            self._run.validation_batch_started(batch, number, index)
            self._is_in_batch = True
            yield batch
        self._end_batch(None)

    def loss(self, loss: Tensor) -> None:
        """The loss of the batch at hand."""
        if not self._is_in_batch:
            raise BridgeError(
                "train_loop called run.loss(loss) in a validation without a batch: read them by run.batches(loader)."
            )
        self._end_batch(loss.detach())

    def end(self) -> None:
        """It is over."""
        self._end_batch(None)
        values = {name: value for _, logged in self.logs for name, value in logged.items()}
        if self._run.validation_ended(values):
            for step, logged in self.logs:
                self._run.logged(step, logged)

    def _end_batch(self, loss: Tensor | None) -> None:
        if self._is_in_batch:
            self._is_in_batch = False
            self._run.validation_batch_ended(loss, loss)
