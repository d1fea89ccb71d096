"""The norm of the first gradients that a phase records."""

from __future__ import annotations

from typing import Any

import torch

from stopgo_mixins import Recorder
from tests.outcome import concrete, run


def first_norm(mixin: type, **attributes: Any) -> float:
    """Runs a class, which must resume exactly, and returns the norm of all gradients of its first update."""
    norms: list[float] = []

    class NormRecorder(Recorder):
        metric = "grad_norm"

        def gradients_ready(self, state: Any, gradients: Any) -> None:
            norms.append(torch.stack([gradient.norm() for gradient in gradients.values()]).norm().item())
            self.record(norms[-1])

    outcome = run(concrete(mixin, metrics={"grad_norm": NormRecorder}, **attributes))
    if outcome.failed or outcome.error:
        raise AssertionError(f"{outcome.failed}{outcome.error}")
    return norms[0]
