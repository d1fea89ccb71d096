"""A plain loop around a net that keeps state beside its parameters, which its checkpoint holds or forgets."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from stopgo_mixins import AtStep, Mode
from stopgo_mixins.bridge.run import PhaseRun
from tests.bridge.loop import Loop, LoopStopAndGoMixin
from tests.bridge.test_loop import batches


class Net(nn.Module):
    """Calls ``remember`` with each output; a subclass says what it keeps and under which path that is found."""

    path: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.begin()

    def begin(self) -> None:
        """Makes what is kept."""

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.layers(inputs)
        self.remember(output.detach())
        return output

    def remember(self, output: Tensor) -> None:
        """Changes what is kept."""

    def kept(self) -> Any:
        """What a checkpoint must hold of it."""
        raise NotImplementedError

    def take_back(self, kept: Any) -> None:
        """Goes on from that."""
        raise NotImplementedError


class KeepingLoop(Loop):
    """Saves what the net keeps, if it is to."""

    def __init__(self, net: Net, saves: bool) -> None:
        super().__init__(net, batches(), lr=1e-2)
        self._saves = saves

    def save(self, path: Path, run: PhaseRun) -> None:
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".kept").write_bytes(pickle.dumps(self.trained.kept()))
        super().save(path, run)

    def load(self, path: str, run: PhaseRun) -> None:
        super().load(path, run)
        if self._saves:
            self.trained.take_back(pickle.loads(Path(path).with_suffix(".kept").read_bytes()))


class KeepingMixin(LoopStopAndGoMixin, abstract=True):
    """Seven updates, interrupted after the third, between two validations."""

    num_steps = 7
    val_check_interval = 2
    interruption = AtStep(3)
    net: ClassVar[type[Net]]
    saves = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return KeepingLoop(cls.net(), cls.saves), batches(1)[0]
