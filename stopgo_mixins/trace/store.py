"""A trace on disk: one directory per phase, one sub-directory per rank.

::

    <phase>/rank-0/phase.jsonl          what happened to the run: loaded, saved, each update, interrupted, ended;
                                        first phase_start with the number of ranks, last phase_end, the end mark,
                                        which holds the digests of all these files but the last
    <phase>/rank-0/<metric>.jsonl       one line per record: its identity, a tab, where its bytes lie (if kept)
    <phase>/rank-0/values.bin           the kept bytes

Every line is handed to the operating system as it is recorded, so a trace survives the death of the process.
The identity stands before the tab so that two equal records are two equal strings: comparing equal traces reads
no number at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import IO

from stopgo_mixins.events import Moment, Position
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.trace.digest import digest_bytes
from stopgo_mixins.trace.lines import END_MARK, PHASE, Event, changed, decoded, digests, read_event
from stopgo_mixins.trace.record import Key, Leaf, Record
from stopgo_mixins.trace.selection import LeftOut, Selection

SMALL_BYTES = 1024
"""Values up to this size are always kept, beyond any budget."""

NEAR_STEPS = 2
"""Large values of so many steps from the resume point on may use the whole budget, all others half of it."""

_VALUES = "values.bin"

OWN_FILES = ("phase", "values")
"""The names of files that no metric has written."""


class TraceWriter:
    """Writes the trace of one phase on one rank.

    Args:
        directory: the directory of the phase.
        rank: the global rank.
        value_budget: how many bytes of large values may be kept for later display and tolerances.
        resume_point: R where it is known; values near it are kept first.
        keep_first: metrics whose values may use the whole budget (those with a tolerance).
    """

    def __init__(
        self,
        directory: Path,
        rank: int,
        value_budget: int,
        resume_point: int | None = None,
        keep_first: Collection[str] = (),
    ) -> None:
        self._directory = directory / f"rank-{rank}"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._rank = rank
        self._budget = value_budget
        self._resume_point = resume_point
        self._keep_first = frozenset(keep_first)
        self._files: dict[str, IO[str]] = {}
        self._values = (self._directory / _VALUES).open("ab", buffering=0)
        self._end = self._values.tell()
        self._large_bytes = 0
        self._seen: dict[str, tuple[int, set[tuple[Moment, tuple[int, ...], str]]]] = {}
        self.leave_out({})

    def leave_out(self, left_out: LeftOut) -> None:
        """Does not record these paths of metrics, but notes them as not observed."""
        self._selection = Selection(left_out, partial(self.event, "not_observed"))

    def record(self, metric: str, position: Position, value: object, path: str = "") -> None:
        """Writes every leaf of ``value``; nothing of it is held afterwards.

        Raises:
            TraceError: when a key is recorded a second time in this phase.
        """
        lines = []
        for leaf_path, leaf, data in self.leaves(metric, value, path):
            self._claim(metric, position, leaf_path)
            lines.append(_identity(position, leaf_path, leaf) + "\t" + self._keep(metric, position.step, data) + "\n")
        file = self._file(metric)
        file.writelines(lines)
        file.flush()

    def leaves(self, metric: str, value: object, path: str = "") -> Iterator[tuple[str, Leaf, bytes | memoryview]]:
        """The leaves of ``value`` that are recorded under the metric; the others are noted."""
        return self._selection.leaves(metric, value, path)

    def event(self, name: str, **fields: object) -> None:
        """Writes one line of ``phase.jsonl``."""
        file = self._file("phase")
        file.write(json.dumps({"event": name, **fields}) + "\n")
        file.flush()

    def end(self, update: int) -> None:
        """Writes the end mark: nothing is recorded after it, and what was is not changed unnoticed."""
        self.event(END_MARK, update=update, files=digests(self._directory))

    def branch(self, directory: Path) -> TraceWriter:
        """Copies the trace as it is now to the directory of another phase; the kept bytes are shared, not copied.

        Returns:
            The writer of the copy.
        """
        copy = directory / self._directory.name
        copy.mkdir(parents=True)
        for path in self._directory.glob("*.jsonl"):
            shutil.copyfile(path, copy / path.name)
        (copy / _VALUES).symlink_to((self._directory / _VALUES).absolute())
        return TraceWriter(directory, self._rank, value_budget=0)

    def close(self) -> None:
        """Closes the files; what was written stays."""
        for file in self._files.values():
            file.close()
        self._values.close()

    def _file(self, name: str) -> IO[str]:
        if name not in self._files:
            self._files[name] = (self._directory / f"{name}.jsonl").open("a", encoding="utf-8")
        return self._files[name]

    def _claim(self, metric: str, position: Position, path: str) -> None:
        step, keys = self._seen.get(metric, (-1, set()))
        if position.step < step:
            raise TraceError(
                f"{metric} was recorded at step {position.step} after step {step}: a phase only goes forward."
            )
        if position.step > step:  # only the current step is remembered, so that memory does not grow with the run
            keys = set()
            self._seen[metric] = (position.step, keys)
        key = (position.moment, position.ordinal, path)
        if key in keys:
            raise TraceError(
                f"{metric} was recorded twice at {position.moment.value} {position.step}, ordinal "
                f"{position.ordinal}, path {path!r}: give each record of one moment a path of its own."
            )
        keys.add(key)

    def _keep(self, metric: str, step: int, data: bytes | memoryview) -> str:
        size = len(data)
        if size > SMALL_BYTES:
            if self._large_bytes + size > self._room(metric, step):
                return ""
            self._large_bytes += size
        self._append(memoryview(data))
        self._end += size
        return f"{self._end - size} {size}"

    def _append(self, data: memoryview) -> None:
        while data:  # one write takes less than 2 GiB on Linux
            data = data[self._values.write(data) :]

    def _room(self, metric: str, step: int) -> int:
        point = self._resume_point
        near = point is not None and point <= step < point + NEAR_STEPS
        return self._budget if near or metric in self._keep_first else self._budget // 2


def _identity(position: Position, path: str, leaf: Leaf) -> str:
    return json.dumps(
        [
            position.step,
            position.moment.value,
            position.ordinal,
            path,
            leaf.kind,
            leaf.dtype,
            leaf.shape,
            leaf.device,
            leaf.digest,
            leaf.scalar,
            position.provoked,
        ],
        separators=(",", ":"),
    )


class RankTrace:
    """The trace of one phase on one rank, read from disk when asked.

    Args:
        directory: of the rank.
        from_step: the first step whose records are read; events are read from the start.
    """

    def __init__(self, directory: Path, from_step: int = 0) -> None:
        self.rank = int(directory.name.removeprefix("rank-"))
        self._directory = directory
        self._from_step = from_step
        self._version: tuple[int, int] | None = None
        self._events: list[Event] = []

    @property
    def metrics(self) -> set[str]:
        """The names of all metrics that have records."""
        return {path.stem for path in self._directory.glob("*.jsonl")} - {"phase"}

    def events(self, name: str | None = None) -> list[Event]:
        """The lines of ``phase.jsonl``, or those of one event."""
        path = self._directory / PHASE
        found = path.stat() if path.exists() else None
        version = found and (found.st_size, found.st_mtime_ns)
        if version != self._version:  # a phase may still be writing it
            self._events = [read_event(line, self._directory) for line in self._lines("phase")]
            self._version = version
        return [event for event in self._events if name is None or event["event"] == name]

    @property
    def has_ended(self) -> bool:
        """Whether the end mark is there, which a phase that broke off has not."""
        return bool(self.events(END_MARK))

    @cached_property
    def damaged(self) -> list[str]:
        """The files that are others than they were when the end mark was written; none where there is no such mark."""
        return changed(self._directory, list(self._lines("phase")))

    def steps(self, metric: str) -> Iterator[tuple[int, list[str]]]:
        """Yields ``(step, lines)`` in training order; lines are parsed by :meth:`parse`."""
        found = groupby(self._lines(metric), key=_step_of)
        return ((step, list(lines)) for step, lines in found if step >= self._from_step)

    def records(self, metric: str) -> Iterator[Record]:
        """All records of a metric in the order in which they were taken."""
        records = (self.parse(line) for line in self._lines(metric))
        return (record for record in records if record.key.step >= self._from_step)

    def parse(self, line: str) -> Record:
        """The record that a line of a metric's file holds."""
        identity, _, place = line.partition("\t")
        fields = decoded(identity, self._directory)
        step, moment, ordinal, path, kind, dtype, shape, device, digest, scalar, provoked = fields
        key = Key(step, Moment(moment), tuple(ordinal), path)
        leaf = Leaf(kind, dtype, tuple(shape), device, digest, scalar)
        return Record(key, self.rank, leaf, provoked, partial(self._read_bytes, place.strip(), key, digest))

    def _lines(self, name: str) -> Iterator[str]:
        path = self._directory / f"{name}.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as file:
            # A process killed while writing leaves half a line behind, which is no record.
            yield from (line for line in file if line.endswith("\n"))

    def _read_bytes(self, place: str, key: Key, digest: str) -> bytes | None:
        if not place:
            return None
        offset, size = map(int, place.split())
        path = self._directory / _VALUES
        if not path.exists():
            raise TraceError(f"{path} is gone, and with it the bytes of {self._described(key, place)}.")
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        if size and digest_bytes(data) != digest:
            found = "are not those that were recorded" if len(data) == size else f"end after {len(data)} of {size}"
            raise TraceError(
                f"{path} is damaged: the bytes of {self._described(key, place)} {found}. Run the test again."
            )
        return data

    def _described(self, key: Key, place: str) -> str:
        """A record and its metric, which its line does not name: that whose bytes lie in the place."""
        lines = {metric: self._lines(metric) for metric in sorted(self.metrics)}
        metric = next(metric for metric, found in lines.items() if any(line.endswith(f"\t{place}\n") for line in found))
        return f"{metric} at {key.moment.value} {key.step}, ordinal {key.ordinal}, path {key.path!r}"


class Trace:
    """The trace of one phase over all its ranks.

    Args:
        directory: of the phase.
        from_step: the first step whose records are read.
    """

    def __init__(self, directory: Path, from_step: int = 0) -> None:
        self.directory = directory
        found = (RankTrace(path, from_step) for path in sorted(directory.glob("rank-*")))
        self.ranks = {trace.rank: trace for trace in found}

    @property
    def metrics(self) -> set[str]:
        """The names of all metrics that any rank recorded."""
        return set().union(*(trace.metrics for trace in self.ranks.values()))

    def events(self, name: str) -> list[Event]:
        """Those that every rank wrote, in order; what only some of them wrote is found in :attr:`ranks`."""
        first, *others = [trace.events(name) for trace in self.ranks.values()] or [[]]
        known = [set(map(json.dumps, events)) for events in others]
        return [event for event in first if all(json.dumps(event) in events for events in known)]

    @property
    def world_size(self) -> int | None:
        """How many ranks trained together, by the word of any of them; ``None`` where none says so."""
        starts = (event for trace in self.ranks.values() for event in trace.events("phase_start"))
        return max((int(event["world_size"]) for event in starts if "world_size" in event), default=None)

    @property
    def replicated(self) -> set[str]:
        """The metrics that all ranks must have recorded alike, by the word of any of them."""
        starts = (event for trace in self.ranks.values() for event in trace.events("phase_start"))
        return {metric for event in starts for metric in event.get("replicated", ())}

    @property
    def is_whole(self) -> bool:
        """Whether what all ranks have together was recorded, on rank 0, and not what each has."""
        starts = (event for trace in self.ranks.values() for event in trace.events("phase_start"))
        return any(event.get("whole") for event in starts)

    @property
    def rounded(self) -> set[str]:
        """The metrics into which sums over samples or ranks go, whose last bits depend on how those are shared."""
        starts = (event for trace in self.ranks.values() for event in trace.events("phase_start"))
        return {metric for event in starts for metric in event.get("rounded", ())}

    @property
    def absent_ranks(self) -> list[int]:
        """The ranks that took part, by the world size, and left no trace."""
        return sorted(set(range(self.world_size or 0)) - self.ranks.keys())

    @property
    def has_ended(self) -> bool:
        """Whether the phase came to its end on every rank, be it completed or interrupted as planned."""
        return bool(self.ranks) and all(trace.has_ended for trace in self.ranks.values())


def _step_of(line: str) -> int:
    return int(line[1 : line.index(",")])


def identity_of(line: str) -> str:
    """The part of a record's line that decides equality."""
    return line[: line.index("\t")]
