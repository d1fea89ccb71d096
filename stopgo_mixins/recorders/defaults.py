"""The metrics that every class has unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from stopgo_mixins.recorders import (
    averaging,
    behaviour,
    callback,
    exposure,
    logged,
    model,
    optimizer,
    precision,
    progress,
    rng,
    schedule,
    unsaved,
)
from stopgo_mixins.recorders.recorder import Recorder

DEFAULT_RECORDERS: Mapping[str, type[Recorder]] = {
    recorder.metric: recorder
    for recorder in (
        schedule.LearningRateRecorder,
        progress.GlobalStepRecorder,
        progress.ConsumedSamplesRecorder,
        progress.LoopProgressRecorder,
        model.ParametersRecorder,
        model.BuffersRecorder,
        model.ExtraStateRecorder,
        averaging.AveragedWeightsRecorder,
        optimizer.OptimizerStateRecorder,
        schedule.ParamGroupsRecorder,
        schedule.SchedulerStateRecorder,
        precision.PrecisionStateRecorder,
        unsaved.UnsavedStateRecorder,
        model.GradientsRecorder,
        rng.RngStateRecorder,
        callback.CallbackStateRecorder,
        behaviour.TrainInputRecorder,
        exposure.SampleExposureRecorder,
        behaviour.TrainOutputRecorder,
        behaviour.TrainLossRecorder,
        behaviour.ValidInputRecorder,
        behaviour.ValidOutputRecorder,
        behaviour.ValidLossRecorder,
        behaviour.ValidationScheduleRecorder,
        logged.LoggedMetricsRecorder,
    )
}
"""Metric name -> recorder class."""
