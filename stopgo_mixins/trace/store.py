"""A trace on disk: one directory per phase, one sub-directory per rank.

::

    <phase>/rank-0/phase.jsonl          what happened to the run: loaded, saved, each update, interrupted, ended;
                                        first phase_start with the number of ranks, last phase_end, the end mark,
                                        which holds the digests of all these files but the last
    <phase>/rank-0/<metric>.jsonl       one line for all that was recorded at once: see ``blocks``
    <phase>/rank-0/values.bin           the kept bytes

Every line is handed to the operating system as it is recorded, so a trace survives the death of the process.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator
from functools import cached_property, partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO

from stopgo_mixins.events import Position
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.trace.blocks import BEGINS_STRUCTURE, Block, Structure, Structures
from stopgo_mixins.trace.leaves import Bytes
from stopgo_mixins.trace.lines import END_MARK, PHASE, Event, changed, damaged, decoded, digests, read_event
from stopgo_mixins.trace.record import Leaf, Record
from stopgo_mixins.trace.selection import LeftOut, Selection
from stopgo_mixins.trace.values import NOT_KEPT, VALUES, ValuesWriter, read_bytes

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
        self._files: dict[str, IO[str]] = {}
        self._structures: dict[str, Structures] = {}
        self._values = ValuesWriter(self._directory, value_budget, resume_point, keep_first)
        self._seen: dict[str, tuple[int, dict[tuple[object, ...], set[str]]]] = {}
        self.leave_out({})

    def leave_out(self, left_out: LeftOut) -> None:
        """Does not record these paths of metrics, but notes them as not observed."""
        self._selection = Selection(left_out, partial(self.event, "not_observed"))

    def record(self, metric: str, position: Position, value: object, path: str = "") -> None:
        """Writes every leaf of ``value``; nothing of it is held afterwards.

        Raises:
            TraceError: when a key is recorded a second time in this phase.
        """
        leaves, places = [], []
        for leaf_path, leaf, data in self.leaves(metric, value, path):
            leaves.append((leaf_path, leaf))
            places.append(self._values.keep(metric, position.step, leaf_path, leaf, data))
        self._values.flush()
        if not leaves:
            return
        self._claim(metric, position, [leaf_path for leaf_path, _ in leaves])
        file = self._file(metric)
        file.write("".join(self._structures.setdefault(metric, Structures()).lines(position, leaves, places)))
        file.flush()

    def leaves(self, metric: str, value: object, path: str = "") -> Iterator[tuple[str, Leaf, Bytes]]:
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
            The writer of the copy, which has only events to add.
        """
        copy = directory / self._directory.name
        copy.mkdir(parents=True)
        for path in self._directory.glob("*.jsonl"):
            shutil.copyfile(path, copy / path.name)
        (copy / VALUES).symlink_to((self._directory / VALUES).absolute())
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

    def _claim(self, metric: str, position: Position, paths: list[str]) -> None:
        step, places = self._seen.get(metric, (-1, {}))
        if position.step < step:
            raise TraceError(
                f"{metric} was recorded at step {position.step} after step {step}: a phase only goes forward."
            )
        if position.step > step:  # only the current step is remembered, so that memory does not grow with the run
            places = {}
            self._seen[metric] = (position.step, places)
        taken = places.setdefault((position.moment, position.ordinal), set())
        for path in paths:
            if path in taken:
                raise TraceError(
                    f"{metric} was recorded twice at {position.moment.value} {position.step}, ordinal "
                    f"{position.ordinal}, path {path!r}: give each record of one moment a path of its own."
                )
            taken.add(path)


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

    def steps(self, metric: str) -> Iterator[tuple[int, list[Block]]]:
        """Yields ``(step, blocks)`` in training order."""
        found = groupby(self._blocks(metric), key=attrgetter("step"))
        return ((step, list(blocks)) for step, blocks in found if step >= self._from_step)

    def records(self, metric: str) -> Iterator[Record]:
        """All records of a metric in the order in which they were taken."""
        return (record for _, blocks in self.steps(metric) for block in blocks for record in self.of_block(block))

    def of_block(self, block: Block) -> Iterator[Record]:
        """The records of a block."""
        return (self.record(block, number) for number in range(len(block)))

    def record(self, block: Block, number: int) -> Record:
        """One of the records of a block."""
        key = block.key._replace(path=block.path(number))
        leaf = block.leaf(number)
        return Record(key, self.rank, leaf, block.provoked, partial(self._read_bytes, block, number, leaf))

    def _blocks(self, metric: str) -> Iterator[Block]:
        structures: dict[int, Structure] = {}
        for line in self._lines(metric):
            block = self._read(metric, line, structures)
            if block is not None:
                yield block

    def _read(self, metric: str, line: str, structures: dict[int, Structure]) -> Block | None:
        """The block of a line; a structure is put among the others."""
        path = self._directory / f"{metric}.jsonl"
        try:
            if line.startswith(BEGINS_STRUCTURE):
                structure = Structure(line, path)
                structures[structure.number] = structure
                return None
            head, *rest = line.split("\t", maxsplit=3)
            written = decoded(head, path)
            return Block(metric, written, structures[written[-1]], rest)
        except (LookupError, TypeError, ValueError):
            raise damaged(line, path) from None

    def _lines(self, name: str) -> Iterator[str]:
        path = self._directory / f"{name}.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as file:
            # A process killed while writing leaves half a line behind, which is no record.
            yield from (line for line in file if line.endswith("\n"))

    def _read_bytes(self, block: Block, number: int, leaf: Leaf) -> bytes | None:
        place = block.kept(number)
        if place == NOT_KEPT:
            return None
        return read_bytes(self._directory, place, leaf, partial(_described, block, number))


def _described(block: Block, number: int) -> str:
    """A record, with its metric, which its key does not name."""
    at = f"{block.metric} at {block.place.moment.value} {block.step}"
    return f"{at}, ordinal {block.place.ordinal}, path {block.path(number)!r}"


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
