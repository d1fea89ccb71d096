"""The order in which a run read its data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment
from stopgo_mixins.trace.digest import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopgo_mixins.trace.record import Record
    from stopgo_mixins.trace.store import Trace

Place = tuple[int, tuple[int, ...]]
"""The step and the ordinal of a batch."""


@dataclass(frozen=True)
class Batch:
    """One batch as it was recorded.

    Attributes:
        place: where the loop was.
        records: its leaves.
    """

    place: Place
    records: Sequence[Record]

    @property
    def step(self) -> int:
        """The update that the batch belongs to, or follows."""
        return self.place[0]

    @cached_property
    def content(self) -> tuple[tuple[str, str], ...]:
        """What makes two batches equal."""
        return tuple((record.key.path, record.leaf.digest) for record in self.records)

    @cached_property
    def samples(self) -> list[str] | None:
        """The digest of each sample: a row over all tensors of the batch; ``None`` where no values were kept."""
        rows = next((record.leaf.shape[0] for record in self.records if record.leaf.shape), 0)
        columns = [record.read_bytes() for record in self.records if record.leaf.shape[:1] == (rows,)]
        if not rows or any(column is None for column in columns):
            return None
        sized = [(column, len(column) // rows) for column in columns if column]
        return [
            digest_bytes(b"".join(column[row * size : (row + 1) * size] for column, size in sized))
            for row in range(rows)
        ]


def batches(trace: Trace, rank: int, metric: str) -> list[Batch]:
    """All batches in the order in which they were read."""
    if rank not in trace.ranks:
        return []
    records = trace.ranks[rank].records(metric)
    return [Batch(place, list(group)) for place, group in groupby(records, key=_place)]


def _place(record: Record) -> Place:
    return record.key.step, record.key.ordinal


def samples(read: Sequence[Batch]) -> list[str] | None:
    """The samples of several batches in order; ``None`` where the values of any were not kept."""
    found = [batch.samples for batch in read]
    known = [each for each in found if each is not None]
    return [sample for each in known for sample in each] if len(known) == len(found) else None


def epoch_starts(trace: Trace, rank: int, read: Sequence[Batch]) -> list[int]:
    """The indices of the batches with which epochs begin, the first being 0.

    As ``sample_exposure`` recorded them; otherwise an epoch begins with the batch that holds a sample of the running
    epoch again, as long as all epochs but the last turn out to be of one length.
    """
    if rank in trace.ranks:
        recorded = {
            _place(r) for r in trace.ranks[rank].records("sample_exposure") if r.key.moment is Moment.MICRO_BATCH
        }
        if recorded:
            return [index for index, batch in enumerate(read) if batch.place in recorded]
    starts = _repeats(read)
    lengths = {later - earlier for earlier, later in pairwise(starts)}
    return starts if len(lengths) <= 1 else [0]


def _repeats(read: Sequence[Batch]) -> list[int]:
    starts, seen = [0], Counter[str]()
    for index, batch in enumerate(read):
        if any(sample in seen for sample in batch.samples or ()):
            starts.append(index)
            seen.clear()
        seen.update(batch.samples or ())
    return starts
