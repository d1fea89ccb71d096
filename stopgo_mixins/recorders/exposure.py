"""How often each sample was seen, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.recorders.rows import row_digests
from stopgo_mixins.trace.whole import Whole

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState

_MODULUS = 1 << 128


class _Exposure(Whole):
    """The sums of all ranks, added."""

    in_every_world = True

    @override
    def of_shares(self, shares: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return _seen(*_added(shares))


def _added(states: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Samples and sum of several ranks."""
    found = [(int(state["samples"]), int(state["digest"], 16)) for state in states]
    return sum(samples for samples, _ in found), sum(digest for _, digest in found) % _MODULUS


def _seen(samples: int, total: int) -> dict[str, Any]:
    return {"samples": samples, "digest": f"{total:032x}"}


class SampleExposureRecorder(Recorder):
    """Which training samples were seen, and how often, since the run began: at the start of each epoch and at the end.

    Order and exposure are two questions: the right samples in another order fail ``train_input`` and pass here; so do
    the right samples on other ranks, since all ranks are taken together.

    A sample is a row of the batch, known by the digest of its bytes; the digests of all samples seen are *added*
    modulo 2^128. The sum does not depend on the order, does on how often each was added, and takes 16 bytes however
    large the data are. What was added in an epoch is the difference of two records. The sum so far travels with the
    checkpoint, since an epoch that was cut in two is seen by two phases.

    What a sampler repeats at an epoch's end, so that all ranks read as many, is not added; it is noted.
    """

    metric = "sample_exposure"
    depends_on = ("train_input", "loop_progress")
    kinds = (MetricKind.EXPOSURE,)
    whole = _Exposure(is_rounded=False)

    def __init__(self) -> None:
        super().__init__()
        self._epoch: int | None = None
        self._read_of_epoch = 0
        self._samples = 0
        self._sum = 0

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Records what was seen before, if this is the first micro-batch of an epoch; then adds the batch."""
        if state.epoch != self._epoch:
            self._epoch, self._read_of_epoch = state.epoch, 0
            self._record_seen()
        if not state.reads_own_samples:
            return
        digests = list(row_digests(self.leaves(batch)))
        own = self._without_repeated(digests, state)
        self._read_of_epoch += len(digests)
        self._samples += len(own)
        self._sum = (self._sum + sum(own)) % _MODULUS

    def _without_repeated(self, digests: list[int], state: TrainingState) -> list[int]:
        share = state.share_of_epoch()
        left = len(digests) if share is None else max(share[0] - self._read_of_epoch, 0)
        if repeated := len(digests) - min(left, len(digests)):
            self.not_observed(
                f"{self.metric} of {repeated} samples at the end of each epoch on rank {state.rank}, which the sampler "
                "repeats so that all ranks read as many"
            )
        return digests[:left]

    def run_end(self, state: TrainingState) -> None:
        """Records what was seen in the whole run."""
        self._record_seen()

    def _record_seen(self) -> None:
        self.record(_seen(self._samples, self._sum))

    def state_dict(self) -> Mapping[str, Any]:
        """What this rank has seen."""
        return {"epoch": self._epoch, "read of epoch": self._read_of_epoch, **_seen(self._samples, self._sum)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from what this rank had seen when the checkpoint was written."""
        self._epoch, self._read_of_epoch = state["epoch"], state["read of epoch"]
        self._samples, self._sum = _added([state])

    @override
    def take_over(self, states: Sequence[Mapping[str, Any]], state: TrainingState) -> None:
        self._epoch = states[0]["epoch"]
        share = state.share_of_epoch()
        readers = state.world_size if share is None else share[1]
        self._read_of_epoch = sum(int(own["read of epoch"]) for own in states) // readers
        if state.rank == 0:
            self._samples, self._sum = _added(states)
