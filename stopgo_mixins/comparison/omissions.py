"""What was not recorded of a metric: because it cannot be read, or because the class leaves it out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.lines import Event


def unreadable(runs: Runs, metric: str) -> str | None:
    """Says what could not be read of a metric in any run; ``None`` where all of it could."""
    found = dict.fromkeys(event["what"] for event in _notes(runs, metric) if "unreadable" in event)
    if not found:
        return None
    of_metric = f"left_out = {{{metric!r}: {{path: reason}}}}"
    by_name = "unsaved = {path: reason}" if runs.about(metric).by_reach else of_metric
    return (
        f"not all of it could be recorded: {listed(list(found))}. Record what matters of it by a recorder of your own "
        f"(metrics = {{{metric!r}: ...}}), or leave it out by name ({by_name})"
    )


def never_found(runs: Runs, metric: str, left_out: Collection[str]) -> str | None:
    """Says which of the paths that a class leaves out of a metric no run has; ``None`` where all were found."""
    found = {event["left_out"] for event in _notes(runs, metric) if "left_out" in event}
    unknown = [path for path in left_out if path not in found]
    if not unknown:
        return None
    recorded = {record.key.path for trace in runs.reference.ranks.values() for record in trace.records(metric)}
    attribute = "unsaved" if runs.about(metric).by_reach else "left_out"
    return (
        f"{attribute} names {listed(unknown)}, and there is no such path. "
        f"Recorded are: {listed(sorted(recorded), most=20) if recorded else 'none'}"
    )


def all_left_out(runs: Runs, metric: str) -> str | None:
    """Says why nothing at all was recorded, if that is because of what is left out."""
    found = [event["what"] for event in _notes(runs, metric) if "left_out" in event]
    return f"nothing of it is left: {listed(list(dict.fromkeys(found)))}" if found else None


def _notes(runs: Runs, metric: str) -> Iterator[Event]:
    for trace in (runs.reference, *(leg.trace for leg in runs.legs)):
        for rank_trace in trace.ranks.values():
            yield from (event for event in rank_trace.events("not_observed") if event.get("metric") == metric)
