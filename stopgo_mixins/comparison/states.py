"""Reads single states and series out of a trace."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import values_of

if TYPE_CHECKING:
    from stopgo_mixins.trace.record import Leaf, Record
    from stopgo_mixins.trace.store import Trace


def state(trace: Trace, rank: int, metric: str, step: int) -> dict[str, Record]:
    """State k of a metric by path; empty where it was not recorded."""
    if rank not in trace.ranks:
        return {}
    found = trace.ranks[rank]
    blocks = next((blocks for number, blocks in found.steps(metric) if number == step), [])
    records = (record for block in blocks if block.place.moment.is_state for record in found.of_block(block))
    return {record.key.path: record for record in records}


def leaves(records: dict[str, Record]) -> dict[str, Leaf]:
    """What makes two states equal."""
    return {path: record.leaf for path, record in records.items()}


def series(trace: Trace, rank: int, metric: str) -> dict[str, list[Record]]:
    """The records of each path in training order."""
    found: dict[str, list[Record]] = defaultdict(list)
    if rank in trace.ranks:
        for record in trace.ranks[rank].records(metric):
            found[record.key.path].append(record)
    return found


def number(record: Record | None) -> float | None:
    """The number that a record of a single one holds, else ``None``."""
    if record is None or math.prod(record.leaf.shape) != 1:
        return None
    values = values_of(record)
    return None if values is None or values.is_complex() else float(values.item())
