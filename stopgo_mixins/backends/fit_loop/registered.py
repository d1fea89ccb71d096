"""Whether a phase can be run with the trainer that a class has set up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from stopgo_mixins.recorders.recorder import Recorder


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


def require_registration(test_class: str, trainer: Any, registered: Collection[object]) -> None:
    """Demands that every recorder among the trainer's callbacks is in the registry; another would record nothing.

    Raises:
        TypeError: naming the recorder.
    """
    for callback in trainer.callbacks:
        if isinstance(callback, Recorder) and not any(callback is each for each in registered):
            name = type(callback).__name__
            raise TypeError(
                f"{test_class}.setup_trainer gave the trainer a {name} that is not in the registry, so it would record "
                f"nothing: write metrics = {{{callback.metric!r}: {name}}} in the class instead."
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
