"""The audit of the checkpoints: whether they are whole, differ from each other, and the last one is the newest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.trace.lines import Event


def checkpoint_problem(runs: Runs) -> str | None:
    """What is wrong with the checkpoints that the legs left; ``None`` where nothing is."""
    found = (_damaged(leg) or _stale_last(leg) for leg in runs.legs)
    same = _same([event for leg in runs.legs for event in _kept(leg)])
    return next(filter(None, (*found, *same)), None)


def _kept(leg: Leg) -> list[Event]:
    """Those that were there when the leg ended, by the word of its first rank."""
    return next((trace.events("checkpoint_kept") for trace in leg.trace.ranks.values()), [])


def _damaged(leg: Leg) -> str | None:
    damages = (event["damage"] for event in _kept(leg) if event["damage"])
    return next((f"of the checkpoints that the {leg.name} left, {damage}." for damage in damages), None)


def _stale_last(leg: Leg) -> str | None:
    """Whoever looks for the last one finds an older one than the newest."""
    for directory in {PurePath(event["path"]).parent: None for event in _kept(leg)}:
        beside = [event for event in _kept(leg) if PurePath(event["path"]).parent == directory]
        newest, last = _newest(beside), _newest([event for event in beside if _is_called_last(event["path"])])
        if newest and last and last["update"] < newest["update"]:
            return (
                f"the {leg.name} left {last['path']} of step {last['update']}, although {newest['path']} of step "
                f"{newest['update']} is newer: a run that is resumed from the last one loses "
                f"{newest['update'] - last['update']} updates."
            )
    return None


def _newest(events: Sequence[Event]) -> Event | None:
    return max(events, key=lambda event: int(event["update"]), default=None)


def _is_called_last(path: str) -> bool:
    stem = PurePath(path).name.removesuffix(".ckpt")
    return stem == "last" or stem.startswith("last-v") or stem.endswith("-last")


def _same(kept: Sequence[Event]) -> Iterator[str]:
    for earlier, later in combinations(kept, 2):
        if earlier["update"] != later["update"] and earlier["digest"] == later["digest"]:
            yield (
                f"{later['path']} of step {later['update']} is byte for byte {earlier['path']} of step "
                f"{earlier['update']}: it holds nothing of what was trained in between."
            )
