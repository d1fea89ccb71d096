"""Whether a phase can be run with the trainer that a class has set up."""

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


def require_one_process(test_class: str, trainer: Any) -> None:
    """Demands that the trainer starts no further processes: they would run the test's program, not this phase.

    Where something else has started the processes, each runs the phase as one rank of it.

    Raises:
        TypeError: naming what the trainer was asked for.
    """
    strategy = trainer.strategy
    if trainer.world_size == 1 or strategy.launcher is None:
        return
    raise TypeError(
        f"{test_class}.setup_trainer returned a trainer that would start processes of its own: "
        f"{type(strategy).__name__} with {trainer.num_devices} devices on {trainer.num_nodes} nodes. A phase runs in "
        "one process: write devices=1 and take the strategy away, as in Trainer(**cls.trainer_arguments(mode))."
    )
