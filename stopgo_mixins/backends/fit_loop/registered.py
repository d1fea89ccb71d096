"""Whether the trainer that a class has set up tells anybody what it does."""

from __future__ import annotations

from typing import Any


def require_bridge(test_class: str, trainer: Any, bridge: object) -> None:
    """Demands that the bridge is among the trainer's callbacks.

    Raises:
        TypeError: naming the hook that left it out.
    """
    if not any(callback is bridge for callback in trainer.callbacks):
        raise TypeError(
            f"{test_class}.setup_trainer returned a trainer without the registered callbacks: pass "
            "callbacks=[*your_own, *cls.callbacks[mode].values()] to it."
        )
