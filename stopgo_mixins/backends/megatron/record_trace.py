"""Records a real run of NeMo."""

from __future__ import annotations

from stopgo_mixins.backends.fit_loop.record_trace import FitLoopRecordTrace
from stopgo_mixins.backends.megatron.bridge import MegatronBridge


class MegatronRecordTrace(FitLoopRecordTrace):
    """The same as :class:`~stopgo_mixins.RecordTrace` for NeMo and Megatron-core.

    Raises:
        TypeError: for a metric that is no recorder, or one that is to be taken away and is not there.
        ValueError: when ``every_n_steps`` is no positive integer.
    """

    make_hooks = MegatronBridge
