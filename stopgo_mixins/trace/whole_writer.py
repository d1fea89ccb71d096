"""Writes what all ranks have together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment, Position

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.record import Leaf
    from stopgo_mixins.trace.store import TraceWriter
    from stopgo_mixins.trace.whole import Whole

_Place = tuple[str, Position, str]
"""Metric, position and path."""


class WholeWriter:
    """Stands before the trace of a rank: of some metrics, rank 0 writes what all have together, the others nothing.

    What belongs to a batch is kept until the update is made or the validation is over, since the ranks of another
    world may share the samples of one update otherwise, or accumulate more micro-batches for it.

    Args:
        writer: the trace of this rank.
        wholes: metric -> how its whole is made.
        state: of the run.
        gather: returns what every rank has, by rank; collective.
        others: whether metrics without a whole are recorded, on each rank its own.
    """

    def __init__(
        self,
        writer: TraceWriter,
        wholes: Mapping[str, Whole],
        state: TrainingState,
        gather: Callable[[object], list[object]],
        *,
        others: bool = True,
    ) -> None:
        self._writer, self._wholes, self._state, self._gather = writer, wholes, state, gather
        self._others = others
        self._kept: dict[_Place, list[object]] = defaultdict(list)

    def record(self, metric: str, position: Position, value: object, path: str = "") -> None:
        """Writes the whole of ``value``, or keeps this rank's share until :meth:`flush`."""
        whole = self._wholes.get(metric)
        if whole is None:
            if self._others:
                self._writer.record(metric, position, value, path)
            return
        if whole.of_rank_0 and self._state.rank:
            return
        share = whole.share(value, self.leaves(metric, value), self._state)
        if position.moment in (Moment.MICRO_BATCH, Moment.VALIDATION_BATCH):
            self._kept[metric, _of_all_batches(position), path].append(share)
        elif whole.of_rank_0:
            self._write((metric, position, path), [share])
        else:
            self._write((metric, position, path), self._gather(share))

    def flush(self) -> None:
        """Writes what was kept of an update or a validation; collective if any metric has a whole."""
        if not self._wholes:
            return
        kept, self._kept = dict(self._kept), defaultdict(list)
        everyone: list[dict[_Place, list[object]]] = self._gather(kept)  # type: ignore[assignment]  # of what it is given
        for place in dict.fromkeys(place for own in everyone for place in own):
            self._write(place, [share for own in everyone for share in own.get(place, ())])

    def _write(self, place: _Place, shares: list[object]) -> None:
        if self._state.rank == 0:
            metric, position, path = place
            self._writer.record(metric, position, self._wholes[metric].of_shares(shares), path)

    def leaves(self, metric: str, value: object) -> Iterator[tuple[str, Leaf, bytes | memoryview]]:
        """As the trace has them."""
        return self._writer.leaves(metric, value)

    def event(self, name: str, **fields: object) -> None:
        """Writes one line about the run."""
        self._writer.event(name, **fields)


def _of_all_batches(position: Position) -> Position:
    """The place of the update or of the validation: that of its first batch."""
    return Position(position.moment, position.step, (*position.ordinal[:-1], 0), provoked=position.provoked)
