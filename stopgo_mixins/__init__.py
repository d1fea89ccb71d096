"""Unit tests that a training run, interrupted and resumed, is still the same run.

Public names load when they are first used: importing the package imports neither torch nor a trainer.
``from stopgo_mixins import *`` gives those whose trainer is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgo_mixins.backends.accelerate.mixin import AccelerateStopAndGoMixin as AccelerateStopAndGoMixin
    from stopgo_mixins.backends.accelerate.run import AccelerateRun as AccelerateRun
    from stopgo_mixins.backends.fabric.mixin import FabricStopAndGoMixin as FabricStopAndGoMixin
    from stopgo_mixins.backends.fabric.run import FabricRun as FabricRun
    from stopgo_mixins.backends.fit_loop.rng import RngStateCallback as RngStateCallback
    from stopgo_mixins.backends.huggingface.mixin import TransformersStopAndGoMixin as TransformersStopAndGoMixin
    from stopgo_mixins.backends.huggingface.record_trace import TransformersRecordTrace as TransformersRecordTrace
    from stopgo_mixins.backends.lightning.bridge import LightningBridge as LightningBridge
    from stopgo_mixins.backends.lightning.mixin import LightningStopAndGoMixin as LightningStopAndGoMixin
    from stopgo_mixins.backends.lightning.record_trace import RecordTrace as RecordTrace
    from stopgo_mixins.backends.loop.mixin import LoopStopAndGoMixin as LoopStopAndGoMixin
    from stopgo_mixins.backends.loop.run import LoopRun as LoopRun
    from stopgo_mixins.backends.megatron.availability import require_nemo as require_nemo
    from stopgo_mixins.backends.megatron.bridge import MegatronBridge as MegatronBridge
    from stopgo_mixins.backends.megatron.cpu import cpu_settings as cpu_settings
    from stopgo_mixins.backends.megatron.environment import megatron_environment as megatron_environment
    from stopgo_mixins.backends.megatron.mixin import MegatronStopAndGoMixin as MegatronStopAndGoMixin
    from stopgo_mixins.backends.megatron.preemption import Preemption as Preemption
    from stopgo_mixins.backends.megatron.record_trace import MegatronRecordTrace as MegatronRecordTrace
    from stopgo_mixins.backends.megatron.rng import MegatronRngStateCallback as MegatronRngStateCallback
    from stopgo_mixins.comparison.declared import DeclaredDivergence as DeclaredDivergence
    from stopgo_mixins.comparison.tolerance import Tolerance as Tolerance
    from stopgo_mixins.devices import require_gpu as require_gpu
    from stopgo_mixins.exceptions import BridgeError as BridgeError
    from stopgo_mixins.exceptions import PhaseError as PhaseError
    from stopgo_mixins.exceptions import StopAndGoException as StopAndGoException
    from stopgo_mixins.exceptions import TraceError as TraceError
    from stopgo_mixins.faults.fault import Fault as Fault
    from stopgo_mixins.interruption import AfterValidation as AfterValidation
    from stopgo_mixins.interruption import AmidAccumulation as AmidAccumulation
    from stopgo_mixins.interruption import AtEpochEnd as AtEpochEnd
    from stopgo_mixins.interruption import AtStep as AtStep
    from stopgo_mixins.interruption import InsideValidation as InsideValidation
    from stopgo_mixins.interruption import Interruption as Interruption
    from stopgo_mixins.interruption import Progress as Progress
    from stopgo_mixins.metric import Metric as Metric
    from stopgo_mixins.metric import MetricKind as MetricKind
    from stopgo_mixins.mixins.assertions import ConsistencyAssertionsMixin as ConsistencyAssertionsMixin
    from stopgo_mixins.mixins.phases import TrainingPhasesMixin as TrainingPhasesMixin
    from stopgo_mixins.mixins.registry import CallbackRegistryMixin as CallbackRegistryMixin
    from stopgo_mixins.mixins.registry import get_callback as get_callback
    from stopgo_mixins.mixins.same_run import SameRunMixin as SameRunMixin
    from stopgo_mixins.mode import Mode as Mode
    from stopgo_mixins.recorders.recorder import Recorder as Recorder
    from stopgo_mixins.recorders.recorder import StateRecorder as StateRecorder
    from stopgo_mixins.stop_and_go import StopAndGoMixin as StopAndGoMixin
    from stopgo_mixins.sweeps import sweep as sweep

__version__ = "0.1.0"

_HOME = {
    "TransformersStopAndGoMixin": "backends.huggingface.mixin",
    "LightningBridge": "backends.lightning.bridge",
    "LightningStopAndGoMixin": "backends.lightning.mixin",
    "TransformersRecordTrace": "backends.huggingface.record_trace",
    "RecordTrace": "backends.lightning.record_trace",
    "RngStateCallback": "backends.fit_loop.rng",
    "AccelerateRun": "backends.accelerate.run",
    "AccelerateStopAndGoMixin": "backends.accelerate.mixin",
    "FabricRun": "backends.fabric.run",
    "FabricStopAndGoMixin": "backends.fabric.mixin",
    "LoopStopAndGoMixin": "backends.loop.mixin",
    "LoopRun": "backends.loop.run",
    "require_nemo": "backends.megatron.availability",
    "MegatronBridge": "backends.megatron.bridge",
    "cpu_settings": "backends.megatron.cpu",
    "megatron_environment": "backends.megatron.environment",
    "MegatronStopAndGoMixin": "backends.megatron.mixin",
    "Preemption": "backends.megatron.preemption",
    "MegatronRecordTrace": "backends.megatron.record_trace",
    "MegatronRngStateCallback": "backends.megatron.rng",
    "DeclaredDivergence": "comparison.declared",
    "Tolerance": "comparison.tolerance",
    "require_gpu": "devices",
    "BridgeError": "exceptions",
    "PhaseError": "exceptions",
    "StopAndGoException": "exceptions",
    "TraceError": "exceptions",
    "Fault": "faults.fault",
    "AfterValidation": "interruption",
    "AmidAccumulation": "interruption",
    "AtEpochEnd": "interruption",
    "AtStep": "interruption",
    "InsideValidation": "interruption",
    "Interruption": "interruption",
    "Progress": "interruption",
    "Metric": "metric",
    "MetricKind": "metric",
    "ConsistencyAssertionsMixin": "mixins.assertions",
    "TrainingPhasesMixin": "mixins.phases",
    "CallbackRegistryMixin": "mixins.registry",
    "get_callback": "mixins.registry",
    "SameRunMixin": "mixins.same_run",
    "StopAndGoMixin": "stop_and_go",
    "Mode": "mode",
    "Recorder": "recorders.recorder",
    "StateRecorder": "recorders.recorder",
    "sweep": "sweeps",
}

_EITHER_LIGHTNING = ("lightning", "pytorch_lightning")

_TRAINERS = {
    "backends.accelerate.": (("accelerate",),),
    "backends.fit_loop.": (_EITHER_LIGHTNING,),
    "backends.huggingface.": (("transformers",), ("accelerate",)),
    "backends.lightning.": (_EITHER_LIGHTNING,),
    "backends.megatron.bridge": (("lightning",), ("megatron",), ("nemo",)),
    "backends.megatron.mixin": (("lightning",),),
    "backends.megatron.record_trace": (("lightning",), ("megatron",), ("nemo",)),
    "backends.megatron.rng": (("lightning",),),
}
"""How a home begins -> what must be installed to import it, one of each group; the rest of Megatron's needs nothing."""


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None  # which imports nothing
    except ValueError:  # a stub without a specification stands in for it
        return True


def _can_be_imported(name: str) -> bool:
    needed = (group for home, groups in _TRAINERS.items() if _HOME[name].startswith(home) for group in groups)
    return all(any(map(_is_installed, group)) for group in needed)


__all__ = sorted(filter(_can_be_imported, _HOME))  # noqa: PLE0605 - a list, from the one place that knows the names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*sorted(_HOME), "__version__"]
