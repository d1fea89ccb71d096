"""Records a real run of plain Lightning."""

from __future__ import annotations

from stopgo_mixins.backends.fit_loop.record_trace import FitLoopRecordTrace
from stopgo_mixins.backends.lightning.hooks import LightningHooks


class RecordTrace(FitLoopRecordTrace):
    """Leaves a trace of a real run behind, which ``python -m stopgo_mixins compare`` compares with that of another.

    ::

        trainer = Trainer(callbacks=[RecordTrace("traces/monday", every_n_steps=100)])

    Each start of the run, in whichever process, adds a leg to the directory.
    Recording never ends the run: where it fails, it warns, and the trace breaks off.

    Raises:
        TypeError: for a metric that is no recorder, or one that is to be taken away and is not there.
        ValueError: when ``every_n_steps`` is no positive integer.
    """

    make_hooks = LightningHooks
