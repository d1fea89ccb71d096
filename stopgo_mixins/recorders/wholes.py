"""What all ranks have together of the metrics that have one meaning whatever the number of ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from stopgo_mixins.recorders.rows import row_digests
from stopgo_mixins.trace.snapshot import ByPath
from stopgo_mixins.trace.whole import Whole

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.leaves import Bytes
    from stopgo_mixins.trace.record import Leaf

_DIGEST_BYTES = 16


class Same(Whole):
    """Every rank has the same, as with counters and schedules."""

    of_rank_0 = True

    @override
    def of_shares(self, shares: Sequence[object]) -> object:
        return shares[0]


class Mean(Whole):
    """The mean over all batches, for numbers that are means over the samples of one; in float64."""

    def __init__(self) -> None:
        super().__init__(is_rounded=True)

    @override
    def share(self, value: object, leaves: Iterable[tuple[str, Leaf, Bytes]], state: TrainingState) -> dict[str, float]:
        return dict(_numbers(value, ""))

    @override
    def of_shares(self, shares: Sequence[Mapping[str, float]]) -> ByPath:
        count = Counter(path for share in shares for path in share)
        sums = {path: sum(share[path] for share in shares if path in share) for path in count}
        return ByPath({path: sums[path] / count[path] for path in count})


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(part, f"{path}[{key!r}]")
    elif isinstance(value, Tensor):
        yield path, float(value.detach().to(torch.float64).mean())
    elif isinstance(value, int | float):
        yield path, float(value)


class Rows(Whole):
    """The samples of all batches, known by their digests, in an order that does not depend on who read them."""

    def __init__(self) -> None:
        super().__init__(is_rounded=False)

    @override
    def share(self, value: object, leaves: Iterable[tuple[str, Leaf, Bytes]], state: TrainingState) -> list[bytes]:
        if not state.reads_own_samples:
            return []
        return [digest.to_bytes(_DIGEST_BYTES, "big") for digest in row_digests(leaves)]

    @override
    def of_shares(self, shares: Sequence[Sequence[bytes]]) -> dict[str, object]:
        rows = sorted(row for share in shares for row in share)
        return {"samples": np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), _DIGEST_BYTES)}
