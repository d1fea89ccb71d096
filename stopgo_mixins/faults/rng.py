"""Faults of the random number generators."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.disturbance import Disturbance
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import Disturb
from stopgo_mixins.recorders.attributes import attributes

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.faults.stopped_run import StoppedRun

STREAMS: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "python": (random.getstate, random.setstate),
    "numpy": (np.random.get_state, np.random.set_state),
    "torch": (torch.get_rng_state, torch.set_rng_state),
    "cuda:0": (torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all),
}
"""Stream -> how its state is read, and how it is set."""


class StreamNotRestored(Disturbance):
    """Puts a stream back to where it was before anything was restored.

    Args:
        stream: which one.
    """

    def __init__(self, stream: str) -> None:
        super().__init__()
        self._get, self._set = STREAMS[stream]

    def phase_start(self, state: TrainingState) -> None:
        """Everything is built, nothing is loaded."""
        self._fresh = self._get()

    def disturb(self, state: TrainingState) -> None:
        """Puts it back."""
        self._set(self._fresh)


class GeneratorsNotRestored(Disturbance):
    """Puts every generator object of the run back to its seed."""

    def disturb(self, state: TrainingState) -> None:
        """Puts them back."""
        for value in (*dict(attributes(state)).values(), *state.generators().values()):
            _restart(value)


def _restart(generator: object) -> None:
    if isinstance(generator, torch.Generator):
        generator.manual_seed(generator.initial_seed())
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = type(generator.bit_generator)(0).state
    elif isinstance(generator, np.random.RandomState | random.Random):
        generator.seed(0)


def _require(stream: str, run: StoppedRun) -> None:
    if stream.startswith("cuda") and not torch.cuda.is_initialized():
        raise NotApplicable("the run draws nothing on a GPU: train it on one")


def _require_generators(run: StoppedRun) -> None:
    streams = {path.split("'")[1] for path in run.digests("rng_state", run.resume_point)}
    if streams and all(stream in STREAMS or stream.startswith("cuda:") for stream in streams):
        raise NotApplicable("no sampler or module of the run has a generator of its own")


def _never_drawn(stream: str, run: StoppedRun) -> str | None:
    start, here = (run.digests("rng_state", step, f"['{stream}']") for step in (0, run.resume_point))
    if not run.same_seed or start != here:
        return None
    return (
        f"nothing has drawn from the stream {stream!r} before the resume point {run.resume_point}, and the resume "
        "phase starts from the same seed: restored or not, its state is the same. "
        "Set resume_seed to another number than seed; then every stream must come from the checkpoint."
    )


def _stream(id: str, stream: str, name: str) -> Fault:
    return Fault(
        id=id,
        name=f"{name} not restored",
        what=f"the stream {stream!r} goes on from the phase's own seed",
        injection=Disturb(partial(StreamNotRestored, stream), partial(_require, stream)),
        symptoms=(Symptom("rng_state", Point.RESTORED),),
        causes=(Cause.RNG_NOT_RESTORED,),
        unseen=partial(_never_drawn, stream),
    )


PYTHON_RNG_NOT_RESTORED = _stream("F06", "python", "Python's RNG")
NUMPY_RNG_NOT_RESTORED = _stream("F07", "numpy", "NumPy's RNG")
TORCH_RNG_NOT_RESTORED = _stream("F08", "torch", "torch's CPU generator")
CUDA_RNG_NOT_RESTORED = _stream("F09", "cuda:0", "CUDA's generators")
GENERATOR_NOT_RESTORED = Fault(
    id="F10",
    name="a generator object not restored",
    what="the generator that a sampler or module owns begins anew from its seed",
    injection=Disturb(GeneratorsNotRestored, _require_generators),
    symptoms=(Symptom("rng_state", Point.RESTORED),),
    causes=(Cause.RNG_NOT_RESTORED,),
)
