"""Where faults reach into the checkpoint directory of Lightning's ``ModelParallelStrategy``."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from stopgo_mixins.backends.lightning.saved_state import LightningSavedState
from stopgo_mixins.faults.sharded_checkpoint import ShardedCheckpoint

_REST = "meta.pt"
"""The file of what no rank has a share of."""

_WEIGHT = "state_dict."
_STATE = re.compile(r"optimizer_(?P<optimizer>\d+)\.state\.(?P<parameter>.+)\.(?P<entry>[^.]+)")
_SETTING = re.compile(r"optimizer_(?P<optimizer>\d+)\.param_groups\.(?P<group>\d+)\.(?P<setting>.+)")
"""How the names of tensors and objects begin in the shards, and what else they say."""


class ShardedLightningSavedState(LightningSavedState):
    """Weights and optimizers lie in the shards, everything else in ``meta.pt``.

    Args:
        path: of the directory.
    """

    @override
    def _read(self) -> dict[str, Any]:
        self._shards = ShardedCheckpoint(Path(self._path))
        rest: dict[str, Any] = torch.load(Path(self._path, _REST), map_location="cpu", weights_only=False)
        tensors = self._shards.tensors.items()
        weights = {name.removeprefix(_WEIGHT): tensor for name, tensor in tensors if name.startswith(_WEIGHT)}
        return {**rest, "state_dict": weights, "optimizer_states": self._optimizers()}

    def _optimizers(self) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for name, tensor in self._shards.tensors.items():
            if match := _STATE.fullmatch(name):
                state = _of_number(found, int(match["optimizer"]))["state"]
                state.setdefault(match["parameter"], {})[match["entry"]] = tensor
        for name, value in self._shards.objects.items():
            if match := _SETTING.fullmatch(name):
                groups = _of_number(found, int(match["optimizer"]))["param_groups"]
                value.seek(0)
                groups.setdefault(int(match["group"]), {})[match["setting"]] = torch.load(value, weights_only=False)
        return [
            {**each, "param_groups": [group for _, group in sorted(each["param_groups"].items())]}
            for _, each in sorted(found.items())
        ]

    @override
    def write(self) -> None:
        for number, optimizer in enumerate(self.optimizers):
            self._write_settings(number, optimizer["param_groups"])
        self._write_states()
        rest = {name: part for name, part in self._content.items() if name not in ("state_dict", "optimizer_states")}
        torch.save(rest, Path(self._path, _REST))
        self._shards.write()

    def _write_settings(self, optimizer: int, groups: list[dict[str, Any]]) -> None:
        for index, group in enumerate(groups):
            for setting, value in group.items():
                buffer = self._shards.objects[f"optimizer_{optimizer}.param_groups.{index}.{setting}"] = io.BytesIO()
                torch.save(value, buffer)

    def _write_states(self) -> None:
        """Writes a state that is gone as a new one: the strategy makes one before it loads, and wants all of it."""
        for name, tensor in self._shards.tensors.items():
            if match := _STATE.fullmatch(name):
                left = self.optimizers[int(match["optimizer"])]["state"].get(match["parameter"], {})
                tensor.copy_(left.get(match["entry"], torch.zeros(())))


def _of_number(optimizers: dict[int, dict[str, Any]], number: int) -> dict[str, Any]:
    return optimizers.setdefault(number, {"state": {}, "param_groups": {}})
