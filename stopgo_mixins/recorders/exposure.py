"""How often each sample was seen, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import xxhash

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.trace.leaves import in_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.leaves import Bytes
    from stopgo_mixins.trace.record import Leaf

_MODULUS = 1 << 128


class SampleExposureRecorder(Recorder):
    """Which training samples were seen, and how often, since the run began: at the start of each epoch and at the end.

    Order and exposure are two questions: the right samples in another order fail ``train_input`` and pass here.

    A sample is a row of the batch, known by the digest of its bytes; the digests of all samples seen are *added*
    modulo 2^128. The sum does not depend on the order, does on how often each was added, and takes 16 bytes however
    large the data are. What was added in an epoch is the difference of two records. The sum so far travels with the
    checkpoint, since an epoch that was cut in two is seen by two phases.
    """

    metric = "sample_exposure"
    depends_on = ("train_input", "loop_progress")
    kinds = (MetricKind.EXPOSURE,)

    def __init__(self) -> None:
        super().__init__()
        self._epoch: int | None = None
        self._samples = 0
        self._sum = 0

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Records what was seen before, if this is the first micro-batch of an epoch; then adds the batch."""
        if state.epoch != self._epoch:
            self._epoch = state.epoch
            self._record_seen()
        for digest in row_digests(self.leaves(batch)):
            self._samples += 1
            self._sum = (self._sum + digest) % _MODULUS

    def run_end(self, state: TrainingState) -> None:
        """Records what was seen in the whole run."""
        self._record_seen()

    def _record_seen(self) -> None:
        self.record({"samples": self._samples, "digest": f"{self._sum:032x}"})

    def state_dict(self) -> Mapping[str, Any]:
        """What this rank has seen."""
        return {"epoch": self._epoch, "samples": self._samples, "sum": f"{self._sum:032x}"}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from what this rank had seen when the checkpoint was written."""
        self._epoch, self._samples, self._sum = state["epoch"], state["samples"], int(state["sum"], 16)


def row_digests(leaves: Iterable[tuple[str, Leaf, Bytes]]) -> Iterator[int]:
    """The 128-bit digest of each row of a batch, over all its tensors and arrays of as many rows as the first.

    Everything else in it (numbers, strings, tensors of another length) belongs to no sample and is left out;
    a batch without any row is one sample.
    """
    of_batch = [(leaf, in_memory(data)) for _, leaf, data in leaves]
    rows = next((leaf.rows for leaf, _ in of_batch if leaf.rows is not None), None)
    if rows is None:
        yield _digest([leaf.digest.encode() for leaf, _ in of_batch])
        return
    columns = [(data, len(data) // rows) for leaf, data in of_batch if rows and leaf.rows == rows]
    for row in range(rows):
        yield _digest([data[row * size : (row + 1) * size] for data, size in columns])


def _digest(parts: list[bytes | memoryview]) -> int:
    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.intdigest()
