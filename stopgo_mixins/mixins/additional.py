"""Recorders that ``get_default_callbacks`` adds beyond ``metrics``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from stopgo_mixins.mixins.registry import Callbacks
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.recorder import Recorder


def additional_recorders(callbacks: Callbacks, known: Collection[str]) -> dict[str, list[Mode]]:
    """The phases in which each further metric has a recorder.

    Args:
        callbacks: the registry.
        known: the metrics that have a test of their own.
    """
    phases: dict[str, list[Mode]] = defaultdict(list)
    for mode in Mode:
        for callback in callbacks.get(mode, {}).values():
            if isinstance(callback, Recorder) and callback.metric not in known:
                phases[callback.metric].append(mode)
    return dict(sorted(phases.items()))


def registration_problem(metric: str, phases: Collection[Mode]) -> str | None:
    """What is wrong where a recorder does not listen in each phase exactly once; ``None`` where nothing is."""
    has = [mode.value for mode in Mode if mode in phases]
    lacks = [mode.value for mode in Mode if mode not in phases]
    if not lacks:
        return None
    return (
        f"{metric} cannot be compared: its recorder is registered for {' and '.join(has)}, and not for "
        f"{' and '.join(lacks)}. Let get_default_callbacks register it for each mode."
    )
