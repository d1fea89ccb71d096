"""Whether a phase can be run with what a class has set up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch.optim import Optimizer

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


def require_ranks(test_class: str, trainer: Any, devices: int) -> None:
    """Demands that the trainer trains on as many ranks as the class says, and starts none of them itself.

    A process that it started would run the test's program, not this phase.

    Raises:
        TypeError: naming what the trainer was asked for.
    """
    strategy = trainer.strategy
    if trainer.world_size == devices and not (devices > 1 and _starts_processes(strategy)):
        return
    raise TypeError(
        f"{test_class}.devices is {devices}, and setup_trainer returned a trainer for {trainer.world_size} ranks: "
        f"{type(strategy).__name__} with {trainer.num_devices} devices on {trainer.num_nodes} nodes. Write devices = "
        f"{trainer.world_size} in the class, which then launches the ranks, and give the trainer "
        'devices=cls.devices_of(mode) and strategy="ddp", as trainer_arguments(mode) does, or another strategy that '
        "takes part in a world which somebody else has launched."
    )


def require_optimizer(test_class: str, optimizer: object) -> None:
    """Demands that the third of what ``setup_model`` returned is what ``configure_optimizers`` may return.

    Raises:
        TypeError: naming what it is.
    """
    if not isinstance(optimizer, Optimizer | Mapping | list | tuple):
        raise TypeError(
            f"{test_class}.setup_model returned a {type(optimizer).__name__} in the third place, where an optimizer "
            "belongs, or whatever configure_optimizers may return. If it is a validation loader, return "
            "(model, (training_loader, validation_loader))."
        )


def _starts_processes(strategy: Any) -> bool:
    """Whether its launcher does not believe in the ranks that there are; one that forks or spawns never does."""
    launcher = strategy.launcher
    if launcher is None:
        return False
    if type(launcher).__name__ != "_SubprocessScriptLauncher":
        return True
    return not strategy.cluster_environment.creates_processes_externally
