"""How far Lightning's trainer was told to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


def stops_before_its_limit(trainer: Trainer) -> bool:
    """Whether something has told the trainer to stop, which it does, before all steps or all epochs were made."""
    if not (trainer.should_stop and trainer.fit_loop._can_stop_early):
        return False
    return not (_is_at(trainer.global_step, trainer.max_steps) or _is_at(trainer.current_epoch, trainer.max_epochs))


def _is_at(count: int, limit: int | None) -> bool:
    """Whether there is a limit, which -1 is not, and it is reached."""
    return limit not in (None, -1) and count >= limit
