"""The two counts of consumed samples that a run of NeMo keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from typing_extensions import override

from stopgo_mixins.recorders.progress import ConsumedSamplesRecorder

if TYPE_CHECKING:
    from stopgo_mixins.backends.megatron.state import MegatronTrainingState
    from stopgo_mixins.events import TrainingState


class MegatronConsumedSamplesRecorder(ConsumedSamplesRecorder):
    """What the data sampler counts, and what the data module would save at this moment.

    Both multiply the steps since the resume, each by a number of its own where those began, so that a data module may
    save what its sampler does not count: the run goes on rightly, and the next resume reads other samples.
    """

    depends_on = ("global_step",)
    at_once = depends_on

    @override
    def step_start(self, state: TrainingState) -> None:
        super().step_start(state)
        saved = cast("MegatronTrainingState", state).saved_samples
        if saved is not None:
            self.record(saved, "['data module']")
