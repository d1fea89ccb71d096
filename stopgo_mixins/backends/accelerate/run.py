"""What a loop with an Accelerator tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerate.optimizer import AcceleratedOptimizer
from accelerate.scheduler import AcceleratedScheduler
from accelerate.utils import extract_model_from_parallel
from torch import nn
from typing_extensions import override

from stopgo_mixins.backends.loop.assisted import AssistedRun


class AccelerateRun(AssistedRun):
    """Listens to ``backward``, clipping by norm and by value, ``save_state``, ``load_state`` and ``log``."""

    @override
    def _stand_ins(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "backward": self._backward,
            "clip_grad_norm_": self._clip,
            "clip_grad_value_": self._clip,
            "save_state": self._save_state,
            "load_state": self._load_state,
            "log": self._log,
        }

    def _save_state(self, save_state: Callable[..., str], *args: Any, **kwargs: Any) -> str:
        directory = save_state(*args, **kwargs)
        self.saved(directory)
        return directory

    def _load_state(self, load_state: Callable[..., None], input_dir: str | Path, *args: Any, **kwargs: Any) -> None:
        load_state(input_dir, *args, **kwargs)
        self.loaded(input_dir)

    @override
    def _unwrapped(self, part: Any) -> Any:
        if isinstance(part, nn.Module):
            return extract_model_from_parallel(part)
        if isinstance(part, AcceleratedOptimizer):
            return part.optimizer
        return part.scheduler if isinstance(part, AcceleratedScheduler) else part
