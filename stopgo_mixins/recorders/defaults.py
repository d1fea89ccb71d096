"""The metrics that every class has unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from stopgo_mixins.recorders import behaviour, model, optimizer, progress, rng, schedule
from stopgo_mixins.recorders.recorder import Recorder

DEFAULT_RECORDERS: Mapping[str, type[Recorder]] = {
    recorder.metric: recorder
    for recorder in (
        schedule.LearningRateRecorder,
        progress.GlobalStepRecorder,
        progress.ConsumedSamplesRecorder,
        optimizer.OptimizerStateRecorder,
        schedule.ParamGroupsRecorder,
        schedule.SchedulerStateRecorder,
        model.ParametersRecorder,
        model.BuffersRecorder,
        model.GradientsRecorder,
        rng.RngStateRecorder,
        behaviour.TrainInputRecorder,
        behaviour.TrainOutputRecorder,
        behaviour.TrainLossRecorder,
        behaviour.ValidInputRecorder,
        behaviour.ValidOutputRecorder,
        behaviour.ValidLossRecorder,
        behaviour.ValidationScheduleRecorder,
    )
}
"""Metric name -> recorder class."""
