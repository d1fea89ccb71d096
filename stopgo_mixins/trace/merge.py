"""Walks through several traces of one metric at once."""

from __future__ import annotations

from collections.abc import Iterator

from stopgo_mixins.trace.blocks import Block


def side_by_side(traces: list[Iterator[tuple[int, list[Block]]]]) -> Iterator[tuple[int, list[list[Block]]]]:
    """Merges step-ordered iterators: yields each step with the blocks that every trace has for it."""
    heads = [next(trace, None) for trace in traces]
    while remaining := [head for head in heads if head is not None]:
        step = min(number for number, _ in remaining)
        blocks = [head[1] if head is not None and head[0] == step else [] for head in heads]
        yield step, blocks
        heads = [
            next(trace, None) if head is not None and head[0] == step else head
            for head, trace in zip(heads, traces, strict=True)
        ]
