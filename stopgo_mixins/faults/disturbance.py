"""What acts on the running trainer just before its first resumed step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class Disturbance:
    """Changes the state of the run once: everything is loaded, no step is made.

    It subscribes to events as a recorder does, and is called before any, but records nothing.
    """

    def __init__(self) -> None:
        self._done = False

    def step_start(self, state: TrainingState) -> None:
        """Disturbs the first step of the phase."""
        if not self._done:
            self._done = True
            with torch.no_grad():
                self.disturb(state)

    def disturb(self, state: TrainingState) -> None:
        """Does the damage."""
        raise NotImplementedError
