"""Where faults reach into a trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stopgo_mixins.mixins.phases import TrainingPhasesMixin

if TYPE_CHECKING:
    from stopgo_mixins.faults.saved_state import SavedState

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class FaultHooksMixin(TrainingPhasesMixin):
    """What a backend implements so that faults can be injected into its runs."""

    @classmethod
    def read_checkpoint(cls, path: str) -> SavedState:
        """Reads a checkpoint for a fault to change it; each backend knows its own format."""
        raise NotImplementedError(f"{cls.__name__}.read_checkpoint: this backend's checkpoints cannot be edited.")

    @classmethod
    def change_loaders(cls, trainer: Any, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        """Lets a trainer read what one of the two functions makes of each of its loaders."""
        raise NotImplementedError(f"{cls.__name__}.change_loaders: this backend's loaders cannot be changed.")

    @classmethod
    def move_validations(cls, trainer: Any, micro_batches: int) -> None:
        """Lets every validation of a trainer come so many micro-batches later (earlier if negative)."""
        raise NotImplementedError(f"{cls.__name__}.move_validations: this backend's validations cannot be moved.")
