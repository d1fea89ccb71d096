"""What a loop with Fabric tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from stopgo_mixins.backends.loop.assisted import AssistedRun


class FabricRun(AssistedRun):
    """Listens to ``backward``, ``clip_gradients``, ``save``, ``load``, ``log`` and ``log_dict``.

    It imports no Fabric, so that it knows those of ``lightning`` and of ``lightning_fabric`` alike.
    """

    @override
    def _stand_ins(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "backward": self._backward,
            "clip_gradients": self._clip,
            "save": self._save,
            "load": self._load,
            "log_dict": self._log_dict,  # which log calls
        }

    def _save(self, save: Callable[..., None], path: str | Path, *args: Any, **kwargs: Any) -> None:
        save(path, *args, **kwargs)
        self.saved(path)

    def _load(self, load: Callable[..., Any], path: str | Path, *args: Any, **kwargs: Any) -> Any:
        rest = load(path, *args, **kwargs)
        self.loaded(path)
        return rest

    def _log_dict(self, log_dict: Callable[..., None], metrics: Mapping[str, Any], step: int | None = None) -> None:
        self._log(log_dict, metrics, step)

    @override
    def _unwrapped(self, part: Any) -> Any:
        kinds = {kind.__name__: kind for kind in type(part).__mro__}
        if "_FabricModule" in kinds:
            return part.module
        return part.optimizer if "_FabricOptimizer" in kinds else part
